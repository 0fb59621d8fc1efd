//! Which module may use which: the arrows of the design, held by a test.
//!
//! Only production code counts. What is compiled for tests alone may use anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::sources::{read, rust_files};

const LONGEST_FILE: usize = 600;

/// Stands for all modules.
const EVERYTHING: &str = "*";

/// A top-level module, and those it may use. `lib.rs` and `main.rs` are free.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "api",
        &[
            "clock",
            "engine",
            "plan",
            "resources",
            "secrets",
            "source",
            "store",
            "telemetry",
        ],
    ),
    ("artifacts", &["clock", "plan", "resources", "secrets"]),
    ("cli", &[EVERYTHING]),
    ("clock", &[]),
    ("cluster", &["clock", "hazelcast", "plan", "resources"]),
    ("config", &["notifications", "plan", "resources", "source"]),
    (
        "engine",
        &[
            "artifacts",
            "clock",
            "cluster",
            "notifications",
            "plan",
            "resources",
            "secrets",
            "source",
            "store",
            "telemetry",
        ],
    ),
    ("hazelcast", &[]),
    (
        "notifications",
        &["clock", "plan", "resources", "secrets", "telemetry"],
    ),
    ("plan", &["resources"]),
    ("resources", &[]),
    ("secrets", &["resources"]),
    ("source", &["clock", "resources", "secrets"]),
    ("store", &["clock", "plan", "resources"]),
    ("systemd", &[]),
    ("telemetry", &["plan", "resources"]),
];

#[test]
fn modules_use_only_what_the_table_allows() {
    let test_only = test_only_files();
    let mut wrong = Vec::new();
    for path in rust_files("src")
        .iter()
        .filter(|path| !test_only.contains(*path))
    {
        let Some(module) = module_of(path) else {
            continue;
        };
        let code = production_code(&read(path));
        for (line, used) in uses(&code, depth(path)) {
            if used != module && !allowed(module, &used) {
                wrong.push(format!(
                    "{}:{line}: {module} must not use {used}",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    let missing: BTreeSet<String> = rust_files("src")
        .iter()
        .filter_map(|path| module_of(path).map(str::to_owned))
        .filter(|module| !ALLOWED.iter().any(|(name, _)| name == module))
        .collect();
    assert!(
        missing.is_empty(),
        "say in tests/it/layering.rs what these may use: {missing:?}"
    );
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = ["src", "tests/it"]
        .into_iter()
        .flat_map(rust_files)
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(
        long.is_empty(),
        "more than {LONGEST_FILE} lines, split by noun: {long:?}"
    );
}

#[test]
fn uses_are_found_in_production_code_only() {
    let text = "\
use crate::plan::Step;
use crate::{
    resources::{JetJob, hazelcast},
    store,
};
/// See [`crate::cli`].
fn f() -> super::super::engine::Pass { crate::clock::now() } // crate::api
#[cfg(test)]
mod tests {
    use crate::cluster::Fake;
    fn g() {}
}
fn h() { super::sibling::f() }
";
    let found = uses(&production_code(text), 2);
    let expected = [
        (1, "plan"),
        (3, "resources"),
        (4, "store"),
        (7, "engine"),
        (7, "clock"),
    ];
    let mut found: Vec<(usize, &str)> = found.iter().map(|(line, name)| (*line, &**name)).collect();
    found.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

fn allowed(module: &str, used: &str) -> bool {
    ALLOWED
        .iter()
        .find(|(name, _)| *name == module)
        .is_some_and(|(_, uses)| uses.contains(&used) || *uses == [EVERYTHING])
}

/// The top-level module a file belongs to; none for the crate roots.
fn module_of(path: &Path) -> Option<&str> {
    let first = path
        .strip_prefix("src")
        .unwrap()
        .iter()
        .next()
        .unwrap()
        .to_str()
        .unwrap();
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib" && name != "main").then_some(name)
}

/// How many times `super::` leads from the module in this file to the crate's root.
fn depth(path: &Path) -> usize {
    let below_src = path.iter().count() - 1;
    if path.ends_with("mod.rs") {
        below_src - 1
    } else {
        below_src
    }
}

/// Files mounted by a `mod` line under `#[cfg(test)]`.
fn test_only_files() -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for path in rust_files("src") {
        let is_root = path.ends_with("mod.rs") || module_of(&path).is_none();
        let folder = if is_root {
            path.parent().unwrap().to_owned()
        } else {
            path.with_extension("")
        };
        let text = read(&path);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let module = pair[1]
                .strip_suffix(';')
                .and_then(|line| line.rsplit_once("mod "));
            if let ("#[cfg(test)]", Some((_, name))) = (pair[0], module) {
                files.insert(folder.join(format!("{name}.rs")));
            }
        }
    }
    files
}

/// The text with comments and items under `#[cfg(test)]` blanked, line numbers unchanged. Relies on rustfmt: an item
/// ends with a closing brace as far left as it began.
fn production_code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = &line[..line.len() - line.trim_start().len()];
            let last = format!("{indent}}}");
            code.push('\n');
            for line in lines.by_ref() {
                code.push('\n');
                let one_line = line.starts_with(indent) && line.ends_with(';');
                if line == last || (one_line && !line[indent.len()..].starts_with(' ')) {
                    break;
                }
            }
            continue;
        }
        code.push_str(without_comment(line));
        code.push('\n');
    }
    code
}

fn without_comment(line: &str) -> &str {
    let comment = line
        .match_indices("//")
        .find(|(at, _)| line[..*at].matches('"').count().is_multiple_of(2));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Line and name of every module of the crate that the code names by a path from the root, in either spelling.
fn uses(code: &str, depth: usize) -> Vec<(usize, String)> {
    let from_root = ["crate::".to_owned(), "super::".repeat(depth)];
    let mut found = Vec::new();
    for root in &from_root {
        for (at, _) in code.match_indices(root.as_str()) {
            let starts_path =
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if starts_path {
                names_after(code, at + root.len(), &mut found);
            }
        }
    }
    found
}

/// The first segment of the path that begins there, or of each path of the group that does.
fn names_after(code: &str, start: usize, found: &mut Vec<(usize, String)>) {
    let mut nesting = 0_usize;
    let mut name_due = true;
    for (offset, character) in code[start..].char_indices() {
        let rest = &code[start + offset..];
        match character {
            '{' => nesting += 1,
            '}' => {
                nesting = nesting.saturating_sub(1);
                name_due = false;
            }
            ',' if nesting == 1 => name_due = true,
            _ if name_due && nesting <= 1 && !character.is_whitespace() => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let line = code[..start + offset].lines().count();
                found.push((line, rest[..end.unwrap_or(rest.len())].to_owned()));
                name_due = false;
            }
            _ => {}
        }
        if nesting == 0 && !name_due {
            return;
        }
    }
}
