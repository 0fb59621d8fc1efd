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

/// The first digits of the digest of a job's jar, where its name is one of ours.
pub fn jar_of(resource_id: &str) -> Option<&str> {
    nonce_of(resource_id)?;
    let rest = resource_id.get(PREFIX.len() + NONCE_LENGTH + 1..)?;
    rest.split_once('-').map(|(digest, _)| digest)
}

/// The nonce of the attempt with this number at this resource, in this store, at this time: a
/// resource that is deleted and made again counts its attempts anew.
pub fn nonce(store_id: &str, resource: &str, attempt: u64, now: Timestamp) -> String {
    let mut hex = Digest::of_json(&(store_id, resource, attempt, now)).to_string();
    hex.truncate(NONCE_LENGTH);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_comes_back_from_the_name_a_member_gives() {
        let nonce = nonce("store", "orders", 3, Timestamp::UNIX_EPOCH);
        let jar = Digest::of(b"jar");
        let name = format!("{}15380930319546094585.jar", file_name(&nonce, &jar));
        assert_eq!(nonce_of(&name), Some(nonce.as_str()));
        assert_eq!(jar_of(&name), Some(jar.short().as_str()));
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
            assert_eq!(jar_of(name), None, "{name}");
        }
    }
}
