//! Several members that form one cluster.

use super::member::{Member, MemberOptions};

/// The oldest member, first in `members`, is the master.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
}

impl Cluster {
    /// Starts `size` members, and waits until each sees all.
    pub(crate) fn start(size: usize) -> Self {
        Self::with(&Member::options(), size)
    }

    /// The same, with options for all of them.
    pub(crate) fn with(options: &MemberOptions, size: usize) -> Self {
        let mut members = vec![options.clone().start()];
        while members.len() < size {
            let ports: Vec<u16> = members.iter().map(Member::port).collect();
            members.push(options.clone().join(&ports).start());
        }
        for member in &mut members {
            member.wait_for_log(&format!("Members {{size:{size},"));
        }
        Self { members }
    }

    /// All addresses, separated by commas, as `--cluster NAME=…` takes them.
    pub(crate) fn addresses(&self) -> String {
        let addresses: Vec<String> = self.members.iter().map(Member::address).collect();
        addresses.join(",")
    }
}
