//! The name that an upload gives its jar, by which its job is found again.
//!
//! A member keeps an uploaded jar under `<file name><random digits>.jar` and tells that name in the
//! job's configuration. So the nonce of the attempt and the digest of the jar travel in it:
//! `jetkeeper-<nonce>-<digest>-`.

use jiff::Timestamp;

use crate::resources::Digest;

const PREFIX: &str = "jetkeeper-";
const NONCE_LENGTH: usize = 16;

/// The file name of an upload.
pub fn file_name(nonce: &str, jar: &Digest) -> String {
    format!("{PREFIX}{nonce}-{}-", jar.short())
}

/// The nonce in the name of a job's jar, where it is one of ours.
pub fn nonce_of(resource_id: &str) -> Option<&str> {
    let rest = resource_id.strip_prefix(PREFIX)?;
    let nonce = rest.get(..NONCE_LENGTH)?;
    let hex = nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex && rest.get(NONCE_LENGTH..)?.starts_with('-')).then_some(nonce)
}

/// The nonce of the attempt with this number at this resource, in this store, begun at this time.
/// The time tells apart the attempts of a resource that was deleted and declared again.
pub fn nonce(store_id: &str, resource: &str, attempt: u64, at: Timestamp) -> String {
    let mut hex = Digest::of_json(&(store_id, resource, attempt, at)).to_string();
    hex.truncate(NONCE_LENGTH);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_comes_back_from_the_name_a_member_gives() {
        let nonce = nonce("store", "orders", 3, Timestamp::UNIX_EPOCH);
        let name = format!(
            "{}15380930319546094585.jar",
            file_name(&nonce, &Digest::of(b"jar"))
        );
        assert_eq!(nonce_of(&name), Some(nonce.as_str()));
    }

    #[test]
    fn other_names_have_no_nonce() {
        for name in [
            "",
            "x.jar",
            "jetkeeper-",
            "jetkeeper-zzzzzzzzzzzzzzzz-a-",
            "jetkeeper-äöü-",
        ] {
            assert_eq!(nonce_of(name), None, "{name}");
        }
    }
}
