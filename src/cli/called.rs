//! How this command was called, for the commands that it prints: they lead to the same daemon or state.
//!
//! Messages are written, stored and shown without knowing who reads them where. So this is put into what
//! people are about to read, here and nowhere else; what programs read (`-o json`) stays as it is.

use std::borrow::Cow;
use std::sync::OnceLock;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// The flags that say whose daemon or state is meant.
const FLAGS: [&str; 2] = ["config", "state"];

/// The commands that ask a daemon, read the state, or keep it. `validate` needs a PATH and none of them.
const COMMANDS: [&str; 15] = [
    "run",
    "apply",
    "plan",
    "get",
    "describe",
    "events",
    "history",
    "pause",
    "unpause",
    "adopt",
    "confirm",
    "reconcile",
    "snapshot",
    "state",
    "config",
];

/// What is named in messages, and can't be called as it stands there.
const NAMED: [&str; 2] = ["snapshot export", "snapshot delete"];

/// The flags with which this process was called. The process has one command line.
static CALLED_WITH: OnceLock<String> = OnceLock::new();

/// Remembers with what this process was called.
pub(super) fn remember(matches: &ArgMatches) {
    CALLED_WITH.get_or_init(|| flags(matches));
}

/// The text with its commands as whoever reads it has to call them.
pub(super) fn as_called(text: &str) -> Cow<'_, str> {
    match CALLED_WITH.get() {
        Some(flags) if !flags.is_empty() => with_flags(text, flags).into(),
        _ => text.into(),
    }
}

/// The flags that were typed. What a variable says goes without saying: it does so for the next command too.
fn flags(matches: &ArgMatches) -> String {
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    let typed = FLAGS.iter().filter(|name| {
        let source = innermost.try_contains_id(name).ok();
        let source = source.and_then(|_| innermost.value_source(name));
        source == Some(ValueSource::CommandLine)
    });
    let shown = typed.filter_map(|name| {
        let mut values = innermost.get_raw(name)?;
        let value = values.next()?.to_string_lossy();
        Some(format!(" --{name} {}", quoted(&value)))
    });
    shown.collect()
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |it: char| it.is_alphanumeric() || "/._-+:,@%=".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''")).into()
}

/// The text with these flags at the ends of its commands: what stands in backticks, or alone to the end of a
/// line.
fn with_flags(text: &str, flags: &str) -> String {
    const NAME: &str = "jetkeeper";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let end = if before.ends_with('`') {
            found.find('`').unwrap_or(found.len())
        } else if begins_command(&out) {
            found.find('\n').unwrap_or(found.len())
        } else {
            NAME.len()
        };
        let (command, after) = found.split_at(end);
        out.push_str(command);
        if is_callable(command) {
            out.push_str(flags);
        }
        rest = after;
    }
    out + rest
}

/// Whether what follows this stands alone: in a line or cell of its own, or after a colon.
fn begins_command(before: &str) -> bool {
    before.is_empty() || before.ends_with('\n') || before.ends_with(": ") || before.ends_with("  ")
}

fn is_callable(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let first = words.first().copied().unwrap_or_default();
    let has_flags = FLAGS.iter().any(|name| {
        let flag = format!("--{name}");
        words.iter().any(|word| word.starts_with(&flag))
    });
    COMMANDS.contains(&first) && !has_flags && !NAMED.contains(&words.join(" ").as_str())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::{Cli, command};
    use super::*;

    fn flags_of(line: &[&str]) -> String {
        flags(&command().get_matches_from(line))
    }

    #[test]
    fn flags_that_were_typed_are_carried_on_wherever_they_stood() {
        for line in [
            &["jetkeeper", "--state", "/srv/a", "get", "jobs"][..],
            &["jetkeeper", "get", "jobs", "--state", "/srv/a"],
            &["jetkeeper", "state", "--state=/srv/a", "check"],
        ] {
            assert_eq!(flags_of(line), " --state /srv/a", "{line:?}");
        }
        let both = [
            "jetkeeper",
            "plan",
            "--config",
            "my jobs/it's.yaml",
            "--state",
            "s",
        ];
        assert_eq!(
            flags_of(&both),
            " --config 'my jobs/it'\\''s.yaml' --state s"
        );
        assert_eq!(flags_of(&["jetkeeper", "get", "jobs", "-o", "wide"]), "");
    }

    #[test]
    fn commands_carry_the_flags_and_nothing_else_does() {
        for (text, expected) in [
            (
                "run `jetkeeper state check`, and `jetkeeper\n  state rebuild` to make it anew",
                "run `jetkeeper state check -S`, and `jetkeeper\n  state rebuild -S` to make it anew",
            ),
            ("jetkeeper confirm 1a2b", "jetkeeper confirm 1a2b -S"),
            (
                "why\n  to release: jetkeeper confirm 1a2b --discard-state\nmore",
                "why\n  to release: jetkeeper confirm 1a2b --discard-state -S\nmore",
            ),
            ("`jetkeeper`", "`jetkeeper`"),
            (
                "`jetkeeper get jobs --state x`",
                "`jetkeeper get jobs --state x`",
            ),
            (
                "by `jetkeeper snapshot export`",
                "by `jetkeeper snapshot export`",
            ),
            (
                "`jetkeeper snapshot delete friday` withdraws it",
                "`jetkeeper snapshot delete friday -S` withdraws it",
            ),
            (
                "`jetkeeper schema > it.json`",
                "`jetkeeper schema > it.json`",
            ),
            (
                "no jetkeeper keeps /srv/jetkeeper; another jetkeeper run is in /var",
                "no jetkeeper keeps /srv/jetkeeper; another jetkeeper run is in /var",
            ),
            (
                "error: jetkeeper starts no members",
                "error: jetkeeper starts no members",
            ),
            ("a `jetkeeper run PATH", "a `jetkeeper run PATH -S"),
        ] {
            assert_eq!(with_flags(text, " -S"), expected);
        }
    }

    #[test]
    fn every_command_is_known_or_needs_no_state() {
        let without = [
            "validate",
            "schema",
            "completions",
            "man",
            "demo",
            crate::source::git::ERRAND_COMMAND,
        ];
        let all = Cli::command();
        let all = all.get_subcommands().map(|it| it.get_name().to_owned());
        let unknown: Vec<String> = all
            .filter(|name| !COMMANDS.contains(&&**name) && !without.contains(&&**name))
            .collect();
        assert_eq!(unknown, [""; 0]);
    }
}
