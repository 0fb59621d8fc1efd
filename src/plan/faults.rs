//! What is wrong with documents that can't be used, in the words of holds.

use std::collections::BTreeMap;

use super::hold::{Hold, Reason};
use super::pass::{Plan, PlanInput};
use crate::resources::{Desired, Fault, Kind, Place, ResourceId, Severity};

/// The first error of each document that can't be used, and how many there are.
pub(super) struct Faults<'a>(BTreeMap<&'a ResourceId, (&'a Fault, usize)>);

impl<'a> Faults<'a> {
    pub(super) fn of(desired: &'a Desired) -> Self {
        let mut found = BTreeMap::new();
        if desired.faulty.is_empty() {
            return Self(found);
        }
        let errors = desired.faults.iter();
        for fault in errors.filter(|fault| fault.severity == Severity::Error) {
            if let Some(id) = &fault.resource {
                let (_, count) = found.entry(id).or_insert((fault, 0));
                *count += 1;
            }
        }
        Self(found)
    }

    /// The hold of a document that can't be used: what is wrong, where, and what is in force meanwhile.
    pub(super) fn hold(&self, id: ResourceId, place: &Place, generation: Option<u64>) -> Hold {
        let meanwhile = match generation {
            Some(generation) => {
                format!("generation {generation} stays in force until that is mended")
            }
            None => "nothing is done for it until that is mended".to_owned(),
        };
        let wrong = self.first(&id, place);
        let message = format!("{wrong}; {meanwhile} (`jetkeeper validate PATH` shows more)");
        Hold::new(Reason::Faulty, vec![id], message)
    }

    fn first(&self, id: &ResourceId, place: &Place) -> String {
        let Some((fault, count)) = self.0.get(id) else {
            return format!("{place} has faults");
        };
        let more = match count {
            0 | 1 => String::new(),
            2 => ", and one more fault".to_owned(),
            count => format!(", and {} more faults", count - 1),
        };
        format!("{}: {}{more}", fault.place, fault.message)
    }
}

/// Holds the documents that can't be used and of which no good version was ever seen: nothing else
/// would tell of them.
pub(super) fn hold_new(input: &PlanInput<'_>, faults: &Faults<'_>, plan: &mut Plan) {
    for (id, place) in &input.desired.faulty {
        if !is_recorded(input, id) {
            plan.holds.push(faults.hold(id.clone(), place, None));
        }
    }
}

fn is_recorded(input: &PlanInput<'_>, id: &ResourceId) -> bool {
    let (recorded, name) = (input.recorded, &id.name);
    match id.kind {
        Kind::JetJob => recorded.jobs.contains_key(name),
        Kind::JetJobSnapshot => recorded.snapshots.contains_key(name),
        Kind::Hazelcast => recorded
            .clusters
            .get(name)
            .is_some_and(|cluster| cluster.document.is_some()),
    }
}
