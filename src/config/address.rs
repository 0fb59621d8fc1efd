//! `NAME=[CLUSTERNAME@]HOST[:PORT],…`: a cluster's first members.

use std::str::FromStr;

use crate::resources::address::{ParseAddressError, address};

/// A cluster and the members to connect to first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddresses {
    /// The name that jobs refer to the cluster with.
    pub name: String,
    /// The members' `cluster-name`, where it is said.
    pub cluster_name: Option<String>,
    /// The members, `host:port`.
    pub addresses: Vec<String>,
}

/// Why this names no members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressesError {
    /// Something is missing.
    #[error("{0}")]
    Form(&'static str),
    /// An address is none.
    #[error(transparent)]
    Address(#[from] ParseAddressError),
}

impl FromStr for ClusterAddresses {
    type Err = ParseAddressesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = ParseAddressesError::Form;
        let (name, rest) = text.split_once('=').ok_or(form(
            "write NAME=HOST:PORT, or NAME=CLUSTERNAME@HOST:PORT, with the name that jobs use",
        ))?;
        if name.is_empty() {
            return Err(form("the cluster's name is missing before the `=`"));
        }
        // No host has an `@`; a cluster-name may.
        let (cluster_name, addresses) = match rest.rsplit_once('@') {
            Some(("", _)) => {
                return Err(form("the members' cluster-name is missing before the `@`"));
            }
            Some((cluster_name, addresses)) => (Some(cluster_name.to_owned()), addresses),
            None => (None, rest),
        };
        let addresses = addresses.split(',').map(|text| address(text.trim()));
        let addresses: Result<Vec<String>, _> = addresses.collect();
        Ok(Self {
            name: name.to_owned(),
            cluster_name,
            addresses: addresses?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let parsed: ClusterAddresses = "prod=10.0.0.1:5701, member-2,[::1]:5702".parse().unwrap();
        assert_eq!((&*parsed.name, parsed.cluster_name), ("prod", None));
        let expected = ["10.0.0.1:5701", "member-2:5701", "[::1]:5702"];
        assert_eq!(parsed.addresses, expected);
    }

    #[test]
    fn the_members_cluster_name_may_come_first() {
        let parsed: ClusterAddresses = "prod=jet@eu=1@h:1,h:2".parse().unwrap();
        assert_eq!(parsed.name, "prod");
        assert_eq!(parsed.cluster_name.as_deref(), Some("jet@eu=1"));
        assert_eq!(parsed.addresses, ["h:1", "h:2"]);
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, expected) in [
            ("10.0.0.1:5701", "write NAME=HOST:PORT"),
            ("=h:1", "name is missing"),
            ("a=@h:1", "cluster-name is missing"),
            ("a=", "host is missing"),
            ("a=x@", "host is missing"),
            ("a=h:0", "port is a number"),
        ] {
            let error = text.parse::<ClusterAddresses>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
