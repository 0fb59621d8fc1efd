//! The address of a member: `host:port`.

/// Hazelcast's own.
const USUAL_PORT: u16 = 5701;

/// Why this is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseAddressError(String);

/// `host:port`, the usual port added where there is none.
pub fn address(text: &str) -> Result<String, ParseAddressError> {
    let error = |what: &str| ParseAddressError(format!("`{text}` is no HOST:PORT: {what}"));
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
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
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
    fn a_missing_port_is_the_usual_one() {
        for (text, expected) in [
            ("10.0.0.1:5702", "10.0.0.1:5702"),
            ("member-2", "member-2:5701"),
            ("[::1]:5702", "[::1]:5702"),
            ("[fe80::1]", "[fe80::1]:5701"),
        ] {
            assert_eq!(address(text).unwrap(), expected);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, expected) in [
            ("", "host is missing"),
            ("h:", "port is a number"),
            ("h:0", "port is a number"),
            ("h:70000", "port is a number"),
            ("::1", "in brackets"),
            ("[::1", "`]` is missing"),
            ("[h]:1", "only an IPv6"),
            ("[::1]5701", "only a port"),
            ("h 1:5701", "characters no host has"),
            ("http://h:1", "in brackets"),
        ] {
            let error = address(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
