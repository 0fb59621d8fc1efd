//! What members say of a failure, in one line.

use std::borrow::Cow;

/// The most that a line of it takes, in bytes.
const LONGEST: usize = 240;

/// The first line of a failure: the rest is a stack trace. A line that goes on and on is cut, because
/// it is repeated in holds, conditions and events.
pub(super) fn headline(failure: &str) -> Option<Cow<'_, str>> {
    let line = failure.lines().next()?;
    if line.len() <= LONGEST {
        return Some(Cow::Borrowed(line));
    }
    let cut = line
        .get(..line.floor_char_boundary(LONGEST))
        .unwrap_or_default();
    Some(Cow::Owned(format!("{cut} …")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_is_the_first_line_and_no_longer_than_it_may_be() {
        let trace = "java.io.IOException: no such file\n\tat A.b(A.java:7)";
        let line = "java.io.IOException: no such file";
        assert_eq!(headline(trace).as_deref(), Some(line));
        assert_eq!(headline(""), None);
        let long = format!("x{}", "ü".repeat(LONGEST));
        let cut = headline(&long).unwrap();
        assert!(cut.ends_with("ü …") && cut.len() < LONGEST + 5, "{cut}");
    }
}
