//! What members say of a failure, in one line.

use std::borrow::Cow;

/// The most that a line of it takes, in bytes.
const LONGEST: usize = 240;
/// What the list of jobs says before Jet's own words, and the event of the same failure does not.
const WRAPPER: &str = "com.hazelcast.jet.JetException: ";

/// The first line of a failure: the rest is a stack trace. A line that goes on and on is cut, because
/// it is repeated in holds, conditions and events.
pub(super) fn headline(failure: &str) -> Option<Cow<'_, str>> {
    let line = failure.lines().next()?;
    let line = line.strip_prefix(WRAPPER).unwrap_or(line);
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
        let of_jet = "com.hazelcast.jet.JetException: Exception in ProcessorTasklet{a#0}: no";
        let told = "Exception in ProcessorTasklet{a#0}: no";
        assert_eq!(headline(of_jet), headline(told));
        let long = format!("x{}", "ü".repeat(LONGEST));
        let cut = headline(&long).unwrap();
        assert!(cut.ends_with("ü …") && cut.len() < LONGEST + 5, "{cut}");
    }
}
