//! `NAME=HOST:PORT,…`: a cluster's first members.

use std::str::FromStr;

/// Hazelcast's own.
const USUAL_PORT: u16 = 5701;

/// A cluster and the members to connect to first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddresses {
    /// The name that jobs refer to the cluster with.
    pub name: String,
    /// The members, `host:port`.
    pub addresses: Vec<String>,
}

/// Why this names no members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseAddressesError(String);

impl FromStr for ClusterAddresses {
    type Err = ParseAddressesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |what: &str| ParseAddressesError(what.to_owned());
        let (name, addresses) = text
            .split_once('=')
            .ok_or_else(|| error("write NAME=HOST:PORT, with the name that jobs use"))?;
        if name.is_empty() {
            return Err(error("the cluster's name is missing before the `=`"));
        }
        let addresses = addresses.split(',').map(str::trim);
        let addresses: Result<Vec<String>, _> = addresses.map(address).collect();
        Ok(Self {
            name: name.to_owned(),
            addresses: addresses?,
        })
    }
}

/// `host:port`, the usual port added where there is none.
pub(super) fn address(text: &str) -> Result<String, ParseAddressesError> {
    let error = |what: &str| ParseAddressesError(format!("`{text}` is no HOST:PORT: {what}"));
    // An IPv6 address has colons of its own, so it comes in brackets.
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| error("the `]` is missing"))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(error("only an IPv6 address goes in brackets"));
            }
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(port),
                None if rest.is_empty() => None,
                None => return Err(error("only a port may follow the `]`")),
            };
            (format!("[{host}]"), port)
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(error("put an IPv6 address in brackets"));
            }
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (text.to_owned(), None),
        },
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(plain) {
        return Err(error("the host is missing or has characters no host has"));
    }
    let port = match port {
        None => USUAL_PORT,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return Err(error("the port is a number from 1 to 65535")),
        },
    };
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let parsed: ClusterAddresses = "prod=10.0.0.1:5701, member-2,[::1]:5702,[fe80::1]"
            .parse()
            .unwrap();
        assert_eq!(parsed.name, "prod");
        assert_eq!(
            parsed.addresses,
            [
                "10.0.0.1:5701",
                "member-2:5701",
                "[::1]:5702",
                "[fe80::1]:5701"
            ]
        );
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, expected) in [
            ("10.0.0.1:5701", "write NAME=HOST:PORT"),
            ("=h:1", "name is missing"),
            ("a=", "host is missing"),
            ("a=h:", "port is a number"),
            ("a=h:0", "port is a number"),
            ("a=h:70000", "port is a number"),
            ("a=::1", "in brackets"),
            ("a=[::1", "`]` is missing"),
            ("a=[h]:1", "only an IPv6"),
            ("a=[::1]5701", "only a port"),
            ("a=h 1:5701", "characters no host has"),
            ("a=http://h:1", "in brackets"),
        ] {
            let error = text.parse::<ClusterAddresses>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
