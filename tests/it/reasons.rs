//! `docs/reasons.md`: every reason of a hold, and what to do about it.

use std::collections::BTreeMap;
use std::fs;

use jetkeeper::plan::hold::{HoldClass, Reason};

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The reasons as the source has them, in its order.
fn reasons() -> Vec<Reason> {
    let source = read("src/plan/hold.rs");
    let body = source.split("pub enum Reason {").nth(1).unwrap();
    let body = body.split("\n}").next().unwrap();
    let names = body
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','));
    names
        .map(|name| serde_json::from_value(name.into()).unwrap())
        .collect()
}

/// The rows of the tables by reason: the section, what it means, what to do.
fn documented() -> BTreeMap<String, (String, String, String)> {
    let page = read("docs/reasons.md");
    let mut rows = BTreeMap::new();
    let mut section = String::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        let Some(row) = line.strip_prefix("| `") else {
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [name, meaning, what_to_do] = cells[..] else {
            panic!("not three cells: {line}");
        };
        let name = name.trim_end_matches('`').to_owned();
        let row = (section.clone(), meaning.to_owned(), what_to_do.to_owned());
        assert!(rows.insert(name, row).is_none(), "twice: {line}");
    }
    rows
}

#[test]
fn every_reason_is_documented_in_the_section_of_its_class() {
    let mut rows = documented();
    for reason in reasons() {
        let row = rows.remove(&reason.as_str());
        let (section, meaning, what_to_do) = row.unwrap_or_else(|| panic!("{reason} is missing"));
        let expected = match (reason, reason.class()) {
            (Reason::AsDesired | Reason::Ended, _) => "Not holds",
            (_, HoldClass::Waiting) => "Waiting",
            (_, HoldClass::Blocked) => "Blocked",
            (_, HoldClass::Policy) => "Policy",
        };
        assert_eq!(section, expected, "{reason}");
        assert!(meaning.len() > 10 && !what_to_do.is_empty(), "{reason}");
    }
    assert!(rows.is_empty(), "no such reasons: {:?}", rows.keys());
}

#[test]
fn what_a_confirmation_releases_is_told_with_it() {
    let rows = documented();
    for reason in Reason::CONFIRMABLE {
        let (_, _, what_to_do) = &rows[&reason.as_str()];
        assert!(what_to_do.contains("confirm"), "{reason}: {what_to_do}");
    }
}
