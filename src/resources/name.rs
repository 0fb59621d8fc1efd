//! What resources, secrets and keys may be called: as in Kubernetes, so that manifests work in both.

/// The longest name.
const MOST: usize = 253;

/// Why this can't be a resource's name; none where it can.
pub fn resource_name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > MOST {
        return Some("it is longer than 253 characters");
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !name
        .bytes()
        .all(|byte| allowed(byte) || matches!(byte, b'-' | b'.'))
    {
        return Some("only lower-case letters, digits, `-` and `.` are allowed");
    }
    let edges = [name.bytes().next(), name.bytes().next_back()];
    if !edges.into_iter().flatten().all(allowed) {
        return Some("it must start and end with a letter or digit");
    }
    None
}

/// The nearest allowed name; none where nothing is left of it.
pub(super) fn as_resource_name(name: &str) -> Option<String> {
    let mapped: String = name
        .chars()
        .take(MOST)
        .map(|character| match character.to_ascii_lowercase() {
            lower @ ('a'..='z' | '0'..='9' | '.') => lower,
            _ => '-',
        })
        .collect();
    let trimmed = mapped.trim_matches(['-', '.']);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Whether this can be a key of a secret, which is a file's name.
pub(super) fn is_secret_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !key.is_empty() && key.len() <= MOST && key.bytes().all(allowed) && !matches!(key, "." | "..")
}

/// Why this can't be a job's name on a cluster; none where it can.
pub(super) fn job_name_fault(name: &str) -> Option<&'static str> {
    if name.chars().count() > MOST {
        return Some("it is longer than 253 characters");
    }
    if name.chars().any(char::is_control) {
        return Some("it has control characters");
    }
    if name.trim() != name {
        return Some("it starts or ends with a space");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_names_are_those_of_kubernetes() {
        for name in ["a", "orders-2", "a.b", "0"] {
            assert_eq!(resource_name_fault(name), None, "{name}");
        }
        for name in [
            "",
            "Orders",
            "a_b",
            "-a",
            "a.",
            "ä",
            "a/b",
            "..",
            &"a".repeat(254),
        ] {
            assert!(resource_name_fault(name).is_some(), "{name}");
        }
        assert_eq!(as_resource_name("My_Orders!"), Some("my-orders".to_owned()));
        assert_eq!(as_resource_name("..."), None);
    }

    #[test]
    fn secret_keys_are_file_names() {
        assert!(is_secret_key("access-key-id"));
        assert!(!is_secret_key(".."));
        assert!(!is_secret_key("a/b"));
    }
}
