//! What the configuration that a member tells as XML says about Jet and about one map.
//!
//! Reads the tags and nothing else: what Hazelcast's own generator writes has no entities or CDATA in
//! what is looked for here.

use std::collections::BTreeMap;

/// What of a member's configuration decides on what may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberConfig {
    pub(super) jet_enabled: bool,
    pub(super) upload_enabled: bool,
    /// What is wrong with the map that was asked about.
    pub(super) map_faults: Vec<String>,
    /// That map.
    pub(super) map: String,
}

/// Reads the configuration; the map is the one of this name. None where it says nothing about Jet.
pub(super) fn read(xml: &str, map: &str) -> Option<MemberConfig> {
    let mut jet = None;
    let mut maps: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut open: Vec<&str> = Vec::new();
    let mut current = "";
    for Tag {
        name,
        rest,
        kind,
        text,
    } in tags(xml)
    {
        if kind == Kind::Close {
            open.pop();
            continue;
        }
        match (open.as_slice(), name) {
            (["hazelcast"], "jet") => {
                let is = |key| attribute(rest, key) == Some("true");
                jet = Some((is("enabled"), is("resource-upload-enabled")));
            }
            (["hazelcast"], "map") => {
                current = attribute(rest, "name").unwrap_or_default();
                maps.entry(current).or_default();
            }
            (["hazelcast", "map"], _) => {
                let faults = maps.entry(current).or_default();
                faults.extend(map_fault(name, rest, text));
            }
            _ => {}
        }
        if kind == Kind::Open {
            open.push(name);
        }
    }
    let (jet_enabled, upload_enabled) = jet?;
    let map_faults = effective(&maps, map).cloned().unwrap_or_default();
    Some(MemberConfig {
        jet_enabled,
        upload_enabled,
        map_faults,
        map: map.to_owned(),
    })
}

/// What is wrong with one setting of a map whose entries must stay.
fn map_fault(name: &str, rest: &str, text: &str) -> Option<String> {
    match name {
        "time-to-live-seconds" | "max-idle-seconds" if text != "0" => {
            Some(format!("{name} is {text}"))
        }
        "eviction" => {
            let policy = attribute(rest, "eviction-policy").filter(|policy| *policy != "NONE")?;
            Some(format!("eviction-policy is {policy}"))
        }
        "map-store" if attribute(rest, "enabled") == Some("true") => {
            Some("it has a map-store".to_owned())
        }
        _ => None,
    }
}

/// The configuration that holds for the map of this name, as members choose it: the one of its name,
/// else the closest pattern, else `default`.
fn effective<'a, T>(maps: &'a BTreeMap<&str, T>, name: &str) -> Option<&'a T> {
    let patterns = maps.iter().filter_map(|(pattern, map)| {
        let (before, after) = pattern.split_once('*')?;
        let matches = name.starts_with(before) && name.ends_with(after);
        matches.then_some((before.len() + after.len(), map))
    });
    let closest = patterns.max_by_key(|(length, _)| *length);
    maps.get(name)
        .or(closest.map(|(_, map)| map))
        .or_else(|| maps.get("default"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Empty,
}

struct Tag<'a> {
    name: &'a str,
    rest: &'a str,
    kind: Kind,
    /// The text up to the next tag.
    text: &'a str,
}

/// The tags in order; comments and processing instructions left out.
fn tags(xml: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find('<')?;
            rest = rest.get(start + 1..)?;
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let (tag, after) = rest.split_once('>')?;
            rest = after;
            if tag.starts_with(['?', '!']) {
                continue;
            }
            let text = after.split('<').next().unwrap_or_default().trim();
            return Some(parse(tag, text));
        }
    })
}

fn parse<'a>(tag: &'a str, text: &'a str) -> Tag<'a> {
    let (kind, tag) = match (tag.strip_prefix('/'), tag.strip_suffix('/')) {
        (Some(tag), _) => (Kind::Close, tag),
        (None, Some(tag)) => (Kind::Empty, tag),
        (None, None) => (Kind::Open, tag),
    };
    let (name, rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    Tag {
        name,
        rest,
        kind,
        text,
    }
}

/// The value of an attribute.
fn attribute<'a>(mut attributes: &'a str, name: &str) -> Option<&'a str> {
    loop {
        let (key, rest) = attributes.split_once('=')?;
        let rest = rest.trim_start();
        let quote = rest
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, rest) = rest.get(1..)?.split_once(quote)?;
        if key.trim() == name {
            return Some(value);
        }
        attributes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<?xml version="1.0"?>
<hazelcast xmlns="http://www.hazelcast.com/schema/config">
  <!-- <jet enabled="false"> -->
  <map name="default">
    <time-to-live-seconds>0</time-to-live-seconds>
    <eviction size="1" max-size-policy="PER_NODE" eviction-policy="NONE"/>
    <map-store enabled="false" initial-mode="LAZY"><write-coalescing>true</write-coalescing></map-store>
  </map>
  <map name="jetkeeper.*">
    <time-to-live-seconds>60</time-to-live-seconds>
    <max-idle-seconds>0</max-idle-seconds>
    <eviction eviction-policy="LRU" size="1"/>
    <event-journal enabled="true"><time-to-live-seconds>5</time-to-live-seconds></event-journal>
    <map-store enabled="true" initial-mode="LAZY"/>
  </map>
  <jet enabled="true" resource-upload-enabled="false"><backup-count>1</backup-count></jet>
</hazelcast>"#;

    #[test]
    fn jet_and_the_map_are_read() {
        let config = read(XML, "jetkeeper.ownership").unwrap();
        assert!(config.jet_enabled && !config.upload_enabled);
        assert_eq!(
            config.map_faults,
            [
                "time-to-live-seconds is 60",
                "eviction-policy is LRU",
                "it has a map-store"
            ]
        );
        assert!(read(XML, "other").unwrap().map_faults.is_empty());
    }

    #[test]
    fn a_map_takes_the_closest_configuration() {
        let maps = BTreeMap::from([("default", 0), ("j*", 1), ("j*p", 2), ("jp", 3)]);
        for (name, expected) in [("x", 0), ("jx", 1), ("jxp", 2), ("jp", 3)] {
            assert_eq!(effective(&maps, name), Some(&expected), "{name}");
        }
        assert_eq!(effective(&BTreeMap::<&str, u8>::new(), "x"), None);
    }

    #[test]
    fn what_is_no_configuration_says_nothing() {
        for xml in [
            "",
            "<",
            "<jet enabled=",
            "<hazelcast>",
            "<a><jet enabled='true'/></a>",
        ] {
            assert_eq!(read(xml, "x"), None, "{xml}");
        }
    }
}
