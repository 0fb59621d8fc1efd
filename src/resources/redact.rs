//! Takes the values of parameters and secrets out of texts of those who may repeat them.

use std::borrow::Cow;

/// A shorter value only counts as a word of its own: `1` is in too many texts.
const SHORTEST_INSIDE_WORDS: usize = 3;
/// A value this long is recognised by its beginning, as its end may have been cut off on the way.
const RECOGNISED_BY: usize = 64;
/// How much of a value at the end of a text that was cut off is taken for its beginning.
const SHORTEST_BEGINNING: usize = 8;

/// What stands where a text was cut off.
const CUT: &str = "…";

const REDACTED: &str = "[redacted]";

/// The text without these values.
pub fn redacted<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = text.to_owned();
    let mut values: Vec<&str> = values
        .into_iter()
        .filter(|value| !value.is_empty())
        .collect();
    // The longest first: a shorter one may be a part of it.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        if value.len() >= SHORTEST_INSIDE_WORDS {
            text = text.replace(value, REDACTED);
        } else {
            text = without_word(&text, value);
        }
        text = without_beginnings(&text, value);
        if let Some(at) = long_beginning(&text, value) {
            text.truncate(at);
            text.push_str(REDACTED);
        }
    }
    text
}

/// Where a long value begins whose end may have been cut off anywhere.
fn long_beginning(text: &str, value: &str) -> Option<usize> {
    let telling = value.get(..value.floor_char_boundary(RECOGNISED_BY));
    let telling = telling.filter(|telling| telling.len() < value.len());
    telling.and_then(|telling| text.find(telling))
}

/// The text without what stands of a value right before its end, or before a mark of what was cut off: such
/// a text may stand inside of another one.
fn without_beginnings(text: &str, value: &str) -> String {
    let pieces: Vec<&str> = text.split(CUT).collect();
    let pieces = pieces.into_iter().map(|piece| {
        let ends = value.char_indices().rev().map(|(end, _)| end);
        let mut beginnings = ends
            .take_while(|end| *end >= SHORTEST_BEGINNING)
            .filter_map(|end| value.get(..end));
        let cut = beginnings.find_map(|beginning| piece.strip_suffix(beginning));
        cut.map_or(Cow::Borrowed(piece), |kept| {
            Cow::Owned(format!("{kept}{REDACTED}"))
        })
    });
    pieces.collect::<Vec<_>>().join(CUT)
}

fn without_word(text: &str, word: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(word) {
        let inside = before.ends_with(char::is_alphanumeric)
            || (before.is_empty() && kept.ends_with(char::is_alphanumeric))
            || after.starts_with(char::is_alphanumeric);
        kept.push_str(before);
        kept.push_str(if inside { word } else { REDACTED });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_whole_or_cut_off_at_the_end() {
        let values = ["correct-horse", "ab"];
        for (text, expected) in [
            ("is correct-horse", "is [redacted]"),
            ("xcorrect-horsex", "x[redacted]x"),
            ("was it correct-ho…", "was it [redacted]…"),
            ("was it correct-ho", "was it [redacted]"),
            (
                "(was it correct-ho…); mend it",
                "(was it [redacted]…); mend it",
            ),
            ("was it correct", "was it correct"),
            ("ab cab", "[redacted] cab"),
        ] {
            assert_eq!(redacted(text, values), expected);
        }
    }

    #[test]
    fn a_long_value_is_known_by_its_beginning() {
        let value = "s3cret".repeat(1000);
        let text = format!("cannot use {} at all", &value[..3000]);
        assert_eq!(redacted(&text, [&*value]), "cannot use [redacted]");
    }

    #[test]
    fn a_value_that_is_part_of_another_leaves_nothing_of_it() {
        assert_eq!(redacted("ab abcd", ["ab", "abcd"]), "[redacted] [redacted]");
        assert_eq!(
            redacted("code 110 and 1,10", ["10"]),
            "code 110 and 1,[redacted]"
        );
    }
}
