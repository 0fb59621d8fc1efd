//! Signatures that `git commit -S` makes with an SSH key.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::allowed_signers::{AllowedSigners, NAMESPACE};
use super::keys::KeysError;
use super::refusal::{When, Why};

/// The SSH keys that are trusted, and those that are no more.
#[derive(Debug, Default)]
pub(super) struct SshKeys {
    allowed: AllowedSigners,
    revoked: Vec<PublicKey>,
}

impl SshKeys {
    /// Reads the file of those who may sign, and that of the keys that may no more, one a line.
    pub(super) fn parse(allowed: &str, revoked: &str) -> Result<Self, KeysError> {
        let allowed = AllowedSigners::parse(allowed, &TimeZone::system())
            .map_err(|error| KeysError::new("allowedSigners", &error))?;
        let lines = revoked.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let revoked = lines.map(PublicKey::from_openssh);
        let revoked = revoked
            .collect::<Result<_, _>>()
            .map_err(|error| KeysError::new("revokedSigners", &error))?;
        Ok(Self { allowed, revoked })
    }

    /// Who made a signature of this; else the key and why it is not taken. `signed_at` is when the
    /// object says that it was made.
    pub(super) fn verify(
        &self,
        signature: &str,
        data: &[u8],
        (signed_at, now): (Timestamp, Option<Timestamp>),
    ) -> Result<String, (Option<String>, Why)> {
        let signature = SshSig::from_pem(signature).map_err(|error| {
            let what = format!(
                "its SSH signature can't be read ({error}); certificates and keys of other kinds than \
                 ed25519, ECDSA and RSA are not taken"
            );
            (None, Why::Unsupported(what))
        })?;
        let key = PublicKey::from(signature.public_key().clone());
        let name = format!("SSH key {}", key.fingerprint(HashAlg::Sha256));
        let refuse = |why| Err((Some(name.clone()), why));
        if key.verify(NAMESPACE, data, &signature).is_err() {
            return refuse(Why::Bad);
        }
        if self
            .revoked
            .iter()
            .any(|it| it.key_data() == key.key_data())
        {
            return refuse(Why::Revoked);
        }
        let mut why = Why::UnknownKey;
        for signer in self.allowed.of(&key) {
            if !signer.may_sign() {
                why = Why::NotForSigning;
            } else if !signer.is_valid_at(signed_at) {
                why = Why::NotValidAt(When::Signed, signed_at);
            } else if let Some(now) = now.filter(|now| !signer.is_valid_at(*now)) {
                why = Why::NotValidAt(When::Verified, now);
            } else {
                return Ok(format!("{} ({name})", signer.principals));
            }
        }
        refuse(why)
    }
}
