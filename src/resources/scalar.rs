//! What a scalar means by the core schema of YAML 1.2: `yes` and `on` are text.

use saphyr_parser::Tag;

use super::tree::Meaning;

/// What a scalar without a tag means. Only plain ones are anything but text.
pub(super) fn meaning(text: &str, plain: bool) -> Meaning {
    if !plain {
        return Meaning::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "true" | "True" | "TRUE" => Meaning::Bool(true),
        "false" | "False" | "FALSE" => Meaning::Bool(false),
        _ => number(text).unwrap_or(Meaning::Text),
    }
}

/// What a scalar with a tag means; none where the tag is unknown or the text isn't what it says.
pub(super) fn tagged_meaning(text: &str, tag: &Tag, plain: bool) -> Option<Meaning> {
    if tag.handle == "!" && tag.suffix.is_empty() || is_core(tag, "str") {
        return Some(Meaning::Text);
    }
    let meaning = meaning(text, true);
    let fits = match meaning {
        Meaning::Null => is_core(tag, "null"),
        Meaning::Bool(_) => is_core(tag, "bool"),
        Meaning::Integer(_) => is_core(tag, "int") || is_core(tag, "float"),
        Meaning::Float(_) => is_core(tag, "float"),
        Meaning::Text => false,
    };
    (fits && plain).then_some(meaning)
}

/// Whether it is this tag of the core schema (`!!str`).
pub(super) fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

fn number(text: &str) -> Option<Meaning> {
    // Most scalars are words: one look at the first byte spares them the rest.
    if !matches!(
        text.as_bytes().first(),
        Some(b'0'..=b'9' | b'-' | b'+' | b'.')
    ) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Meaning::Integer);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Meaning::Integer);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => {
            return Some(Meaning::Float(f64::NEG_INFINITY));
        }
        ".inf" | ".Inf" | ".INF" => return Some(Meaning::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return Some(Meaning::Float(f64::NAN)),
        _ => {}
    }
    let allowed =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+');
    if !unsigned.bytes().all(allowed) || !unsigned.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.parse::<i64>() {
        // The core schema makes 17 of `017`, older YAML makes 15; whoever writes it means text.
        Ok(_) if unsigned.len() > 1 && unsigned.starts_with('0') => None,
        Ok(integer) => Some(Meaning::Integer(integer)),
        Err(_) => text.parse::<f64>().ok().map(Meaning::Float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_yaml_1_2_says() {
        for (text, expected) in [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("true", Meaning::Bool(true)),
            ("yes", Meaning::Text),
            ("on", Meaning::Text),
            ("-12", Meaning::Integer(-12)),
            ("0x1F", Meaning::Integer(31)),
            ("0o17", Meaning::Integer(15)),
            ("017", Meaning::Text),
            ("1_000", Meaning::Text),
            ("1e3", Meaning::Float(1000.0)),
            (".5", Meaning::Float(0.5)),
            ("-.inf", Meaning::Float(f64::NEG_INFINITY)),
            ("1.2.3", Meaning::Text),
            ("2024-01-01", Meaning::Text),
            ("-", Meaning::Text),
            (".", Meaning::Text),
            ("99999999999999999999", Meaning::Float(1e20)),
        ] {
            assert_eq!(meaning(text, true), expected, "{text}");
        }
        assert_eq!(meaning("true", false), Meaning::Text);
    }
}
