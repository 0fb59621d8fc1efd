//! Shows the line that a problem is about, with a caret under it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::split::first_line;
use super::tree::Span;

/// Longer lines are not shown: no terminal shows them well, and each costs time.
const LONGEST_LINE: usize = 400;

/// The line where the span starts, as plain text.
///
/// `lines_before` is the number of lines of the file before the document. `None` where there is no
/// such line, where it is too long or no text, and where it looks as if it held a secret.
pub(super) fn excerpt(
    document: &[u8],
    lines_before: u32,
    path: &str,
    span: Span,
) -> Option<String> {
    let line = nth_line(document, span.start.line)?;
    if line.len() > LONGEST_LINE {
        return None;
    }
    let line = std::str::from_utf8(line).ok()?;
    if holds_secret(line) {
        return None;
    }
    let start = byte_of_column(line, span.start.column);
    let end = if span.end.line == span.start.line {
        byte_of_column(line, span.end.column)
    } else {
        line.trim_end().len()
    };
    let end = end.max(start);
    let number = usize::try_from(lines_before + span.start.line).ok()? + 1;
    let annotation = AnnotationKind::Primary.span(start..end);
    let snippet = Snippet::source(line)
        .path(path)
        .line_start(number)
        .annotation(annotation);
    let group = Group::with_level(Level::ERROR).element(snippet);
    Some(Renderer::plain().render(&[group]))
}

/// Whether something that is called a password or the like is set on this line: it is shown nowhere.
fn holds_secret(line: &str) -> bool {
    const WORDS: [&str; 7] = [
        "password",
        "passwd",
        "passphrase",
        "token",
        "secretkey",
        "accesskey",
        "apikey",
    ];
    // A URL with a user in it has a password or token there too.
    let has_user = |url: &str| {
        url.split(['/', ' '])
            .next()
            .is_some_and(|it| it.contains('@'))
    };
    if line.split("://").skip(1).any(has_user) {
        return true;
    }
    let line = line.to_ascii_lowercase().replace(['-', '_', '"', '\''], "");
    WORDS.iter().any(|word| {
        let mut rest = line.split(word);
        rest.next();
        rest.any(|after| after.trim_start().starts_with([':', '=']))
    })
}

fn nth_line(document: &[u8], number: u32) -> Option<&[u8]> {
    let mut rest = document;
    for _ in 0..number {
        let (_, next) = first_line(rest);
        rest = rest.get(next..).filter(|rest| !rest.is_empty())?;
    }
    Some(first_line(rest).0)
}

fn byte_of_column(line: &str, column: u32) -> usize {
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    line.char_indices()
        .nth(column)
        .map_or(line.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_set_a_secret_are_not_shown() {
        for line in [
            "password: x",
            "  \"API-Key\" : x",
            "- --db_password=x",
            "{a: 1, token: x}",
            "url: https://git:hush@host/jobs.git",
        ] {
            assert!(holds_secret(line), "{line}");
            assert_eq!(excerpt(line.as_bytes(), 0, "a.yaml", Span::default()), None);
        }
        for line in [
            "secretName: db",
            "key: password",
            "{key: password, a: b}",
            "url: https://host/a@b",
        ] {
            assert!(!holds_secret(line), "{line}");
        }
    }
}
