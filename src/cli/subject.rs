//! What a command is about: `jobs`, `jobs/orders`, `orders`.

use std::str::FromStr;

use crate::resources::{Kind, ResourceId};

/// A kind of thing that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Jobs.
    Jobs,
    /// Clusters.
    Hazelcast,
    /// Snapshots.
    Snapshots,
    /// What is held.
    Holds,
}

impl Shelf {
    /// The words that mean it; the first is its own.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Jobs => &["jobs", "job", "jetjob", "jetjobs"],
            Self::Hazelcast => &["hazelcast", "hazelcasts", "clusters", "cluster", "hz"],
            Self::Snapshots => &["snapshots", "snapshot", "jetjobsnapshot", "jetjobsnapshots"],
            Self::Holds => &["holds", "hold"],
        }
    }
}

impl FromStr for Shelf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.to_ascii_lowercase();
        [Self::Jobs, Self::Hazelcast, Self::Snapshots, Self::Holds]
            .into_iter()
            .find(|shelf| shelf.words().contains(&word.as_str()))
            .ok_or_else(|| "write jobs, hazelcast, snapshots or holds".to_owned())
    }
}

/// A shelf, and a name on it if one is given: `jobs` or `jobs/orders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    /// The shelf.
    pub(super) shelf: Shelf,
    /// The name.
    pub(super) name: Option<String>,
}

impl FromStr for Listing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (shelf, name) = match text.split_once('/') {
            Some((_, "")) => return Err("the name is missing after the `/`".to_owned()),
            Some((shelf, name)) => (shelf, Some(name.to_owned())),
            None => (text, None),
        };
        let shelf = shelf.parse()?;
        Ok(Self { shelf, name })
    }
}

/// One resource: `jobs/orders`, `JetJob/orders`, or `orders` for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject(pub(super) ResourceId);

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (shelf, name) = text.split_once('/').unwrap_or(("jobs", text));
        if name.is_empty() {
            return Err("the name is missing".to_owned());
        }
        let kind = match shelf.parse()? {
            Shelf::Jobs => Kind::JetJob,
            Shelf::Hazelcast => Kind::Hazelcast,
            Shelf::Snapshots => Kind::JetJobSnapshot,
            Shelf::Holds => return Err("a hold is no resource".to_owned()),
        };
        let name = name.to_owned();
        Ok(Self(ResourceId { kind, name }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_a_job() {
        let subject = |text: &str| text.parse::<Subject>().unwrap().0.to_string();
        assert_eq!(subject("orders"), "JetJob/orders");
        assert_eq!(subject("jobs/orders"), "JetJob/orders");
        assert_eq!(subject("JetJob/orders"), "JetJob/orders");
        assert_eq!(subject("hazelcast/dev"), "Hazelcast/dev");
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        for wrong in ["", "jobs/", "pods/orders", "holds/0123"] {
            assert!(wrong.parse::<Subject>().is_err(), "{wrong}");
        }
        assert!("jobs/".parse::<Listing>().is_err());
        assert!("pods".parse::<Listing>().is_err());
        let listing: Listing = "JetJobs/orders".parse().unwrap();
        assert_eq!(listing.shelf, Shelf::Jobs);
        assert_eq!(listing.name.as_deref(), Some("orders"));
    }
}
