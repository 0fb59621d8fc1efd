//! Numbers in messages, with nouns that fit.

/// `1 file`, `3 files`.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    let noun = if count == 1 { one } else { several };
    format!("{count} {noun}")
}
