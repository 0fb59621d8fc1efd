//! Says what the parser found wrong in words that help somebody who doesn't know YAML's grammar.

use saphyr_parser::ScanError;

use super::parse::position;
use super::tree::{Position, Problem, Span};

/// Fragments of the parser's messages, what they mean, and what helps. The first that fits counts.
const WORDS: &[(&[&str], &str, &str)] = &[
    (
        &[
            "quoted scalar, found unexpected end",
            "quoted scalar, found unexpected document",
            "in quoted scalar",
        ],
        "a quote is not closed",
        "close the quote, or leave both out",
    ),
    (
        &["trailing content after double-quoted"],
        "there is more text after the closing quote",
        "put the whole text in quotes; inside them write `\\\"`",
    ),
    (
        &["unknown escape"],
        "this escape means nothing",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    (
        &["mapping values are not allowed", "illegal placement of ':'"],
        "there is a `:` where no key can be",
        "text with a `:` in it needs quotes; else a line is indented wrongly",
    ),
    (
        &["flow sequence"],
        "a list in `[ ]` is not closed, or lacks a comma",
        "count the brackets from here on",
    ),
    (
        &["flow mapping", "flow construct", "misplaced bracket"],
        "a mapping in `{ }` or a list in `[ ]` is not closed, or lacks a comma",
        "count the brackets from here on",
    ),
    (
        &[
            "expected key",
            "simple key",
            "expected '-'",
            "expected <document",
            "invalid indentation",
        ],
        "this line doesn't fit the ones above",
        "keys of one mapping start in the same column and end with `:`",
    ),
    (
        &["unknown anchor"],
        "there is no anchor for this alias",
        "text that starts with `*` needs quotes",
    ),
    (
        &["unexpected character", "cannot start with"],
        "text can't start like this",
        "put the text in quotes",
    ),
    (
        &["recursion limit"],
        "it is nested too deeply",
        "brackets may be missing",
    ),
];

/// The problem that a syntax error is.
pub(super) fn explain(error: &ScanError, text: &str) -> Problem {
    let at = position(*error.marker());
    if let Some(tab) = indenting_tab(text, at.line) {
        let end = Position {
            column: tab.column + 1,
            ..tab
        };
        return Problem::error(
            Span { start: tab, end },
            "this is no YAML: a tab indents this line",
        )
        .help("indent with spaces".to_owned());
    }
    let at = within(text, at);
    let span = Span { start: at, end: at };
    let words = WORDS
        .iter()
        .find(|(fragments, ..)| fragments.iter().any(|one| error.info().contains(one)));
    match words {
        Some((_, what, help)) => {
            Problem::error(span, format!("this is no YAML: {what}")).help((*help).to_owned())
        }
        None => Problem::error(span, format!("this is no YAML: {}", error.info())),
    }
}

/// How many line breaks there are, of each kind that YAML knows.
pub(super) fn line_breaks(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let is_break = |(index, byte): (usize, &u8)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(index + 1) != Some(&b'\n'),
        _ => false,
    };
    let breaks = bytes.iter().enumerate().filter(|it| is_break(*it));
    u32::try_from(breaks.count()).unwrap_or(u32::MAX)
}

/// The place, or the end of the last line with text: the parser finds some faults only behind it.
pub(super) fn within(text: &str, at: Position) -> Position {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let Some((number, line)) = lines.last() else {
        return Position::default();
    };
    let last = Position {
        line: u32::try_from(number).unwrap_or(u32::MAX),
        column: u32::try_from(line.trim_end().chars().count()).unwrap_or(u32::MAX),
    };
    at.min(last)
}

/// The first tab that indents the line of the error or the one after it.
fn indenting_tab(text: &str, line: u32) -> Option<Position> {
    let first = usize::try_from(line).ok()?;
    let mut lines = text.lines().enumerate().skip(first).take(2);
    lines.find_map(|(number, line)| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..indent)?.find('\t')?;
        Some(Position {
            line: u32::try_from(number).ok()?,
            column: u32::try_from(tab).ok()?,
        })
    })
}
