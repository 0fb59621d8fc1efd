//! Signatures that `git commit -S` makes with an `OpenPGP` key.
//!
//! The library tells whether a signature fits a key. Everything else is judged here: which hash was
//! used, whether the key and its subkey are bound to each other, meant for signing, expired or revoked.
//! What counts of a key is its newest signature about itself, as everywhere.

use jiff::Timestamp;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{Duration, KeyDetails, Tag};

use super::keys::KeysError;
use super::refusal::{When, Why};

/// Where an armored key begins.
const KEY_BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
/// How many packets a signature may have.
const MOST_SIGNATURES: usize = 1;

/// The times that a key has to be valid at: when a signature was made, and when it is verified where
/// what came before was verified earlier.
#[derive(Clone, Copy)]
struct Times {
    signed: Timestamp,
    verified: Option<Timestamp>,
}

/// The `OpenPGP` keys that are trusted.
#[derive(Debug, Default)]
pub(super) struct OpenPgpKeys(Vec<SignedPublicKey>);

impl OpenPgpKeys {
    /// Reads key files, armored or not; each may have several keys.
    pub(super) fn parse(files: &[Vec<u8>]) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for file in files {
            let before = keys.len();
            if let Ok(text) = std::str::from_utf8(file) {
                for (start, _) in text.match_indices(KEY_BLOCK) {
                    let block = text.get(start..).unwrap_or_default();
                    let found = SignedPublicKey::from_string_many(block);
                    let (found, _) = found.map_err(|error| unread(&error))?;
                    take(found, &mut keys)?;
                }
            } else {
                let found = SignedPublicKey::from_bytes_many(&**file);
                let found = found.map_err(|error| unread(&error))?;
                take(found, &mut keys)?;
            }
            if keys.len() == before {
                return Err(KeysError::new("openpgpKeys", &"a file has no public key"));
            }
        }
        Ok(Self(keys))
    }

    /// Who made a signature of this; else the key and why it is not taken.
    pub(super) fn verify(
        &self,
        signature: &str,
        data: &[u8],
        now: Option<Timestamp>,
    ) -> Result<String, (Option<String>, Why)> {
        let unsupported = |what: String| (None, Why::Unsupported(what));
        let signature = read(signature).map_err(unsupported)?;
        let name = issuer(&signature);
        let refuse = |why| Err((name.clone(), why));
        let Some((key, component)) = self.0.iter().find_map(|key| {
            let component = Component::of(key, &signature)?;
            Some((key, component))
        }) else {
            return refuse(Why::UnknownKey);
        };
        if let Some(what) = unacceptable(&signature) {
            return refuse(Why::Unsupported(what));
        }
        let fits = match component {
            Component::Primary => signature.verify(&key.primary_key, data),
            Component::Subkey(subkey) => signature.verify(&subkey.key, data),
        };
        if fits.is_err() {
            return refuse(Why::Bad);
        }
        let Some(signed) = signature
            .created()
            .and_then(|at| moment(at.as_secs().into()))
        else {
            return refuse(Why::Unsupported("its signature has no date".to_owned()));
        };
        let times = Times {
            signed,
            verified: now,
        };
        let lifetime = signature.signature_expiration_time();
        if let Err(why) = within(signed, lifetime.map(Duration::as_secs), times)
            .and_then(|()| judge(key, component, times))
        {
            return refuse(why);
        }
        let user = key.details.users.first();
        let user = user.map(|user| String::from_utf8_lossy(user.id.id()).into_owned());
        let (user, name) = (user.unwrap_or_default(), name.unwrap_or_default());
        Ok(format!("{user} ({name})"))
    }
}

fn unread(error: &pgp::errors::Error) -> KeysError {
    KeysError::new("openpgpKeys", error)
}

fn take(
    found: impl Iterator<Item = pgp::errors::Result<SignedPublicKey>>,
    keys: &mut Vec<SignedPublicKey>,
) -> Result<(), KeysError> {
    for key in found {
        keys.push(key.map_err(|error| unread(&error))?);
    }
    Ok(())
}

/// The one signature in an armored text.
fn read(text: &str) -> Result<Signature, String> {
    let unread = |error| format!("its OpenPGP signature can't be read: {error}");
    let (found, _) = DetachedSignature::from_string_many(text).map_err(unread)?;
    let found = found.take(MOST_SIGNATURES + 1);
    let mut found: Vec<DetachedSignature> = found.collect::<Result<_, _>>().map_err(unread)?;
    if found.len() > MOST_SIGNATURES {
        return Err("it has more than one signature".to_owned());
    }
    let one = found.pop().ok_or("its OpenPGP signature is empty")?;
    Ok(one.signature)
}

/// The key that a signature names.
fn issuer(signature: &Signature) -> Option<String> {
    let fingerprints = signature.issuer_fingerprint();
    let ids = signature.issuer_key_id();
    let name = fingerprints.first().map(|it| format!("{it:X}"));
    let name = name.or_else(|| ids.first().map(hex::encode_upper));
    name.map(|name| format!("OpenPGP key {name}"))
}

/// Which of a key's parts made a signature.
#[derive(Clone, Copy)]
enum Component<'a> {
    Primary,
    Subkey(&'a SignedPublicSubKey),
}

impl<'a> Component<'a> {
    fn of(key: &'a SignedPublicKey, signature: &Signature) -> Option<Self> {
        if is_by(&key.primary_key, signature) {
            return Some(Self::Primary);
        }
        let mut subkeys = key.public_subkeys.iter();
        let subkey = subkeys.find(|subkey| is_by(&subkey.key, signature));
        subkey.map(Self::Subkey)
    }
}

/// Whether a signature names this key. By the fingerprint where it has one: ids can be forged.
fn is_by(key: &impl KeyDetails, signature: &Signature) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        let id = key.legacy_key_id();
        signature.issuer_key_id().into_iter().any(|it| *it == id)
    } else {
        let fingerprint = key.fingerprint();
        fingerprints.into_iter().any(|it| *it == fingerprint)
    }
}

/// What of a signature is not taken, whoever made it.
fn unacceptable(signature: &Signature) -> Option<String> {
    if signature.typ() != Some(SignatureType::Binary) {
        return Some("its signature is of another type than those of data".to_owned());
    }
    if !is_strong(signature) {
        let hash = signature.hash_alg();
        let hash = hash.map_or("an unknown hash".to_owned(), |hash| hash.to_string());
        return Some(format!("its signature uses {hash}, which can be forged"));
    }
    let mut subpackets = signature.config()?.hashed_subpackets();
    let unknown = subpackets.any(|it| {
        let known = !matches!(
            it.data,
            SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
        );
        it.is_critical && !known
    });
    unknown.then(|| "its signature has a critical part that is not known here".to_owned())
}

fn is_strong(signature: &Signature) -> bool {
    use HashAlgorithm as H;
    matches!(
        signature.hash_alg(),
        Some(H::Sha256 | H::Sha384 | H::Sha512 | H::Sha3_256 | H::Sha3_512)
    )
}

/// Whether a part of a key may sign, at these times.
fn judge(key: &SignedPublicKey, component: Component<'_>, times: Times) -> Result<(), Why> {
    let primary = &key.primary_key;
    let revocations = key.details.revocation_signatures.iter();
    let mut revocations = revocations.filter(|it| it.verify_key(primary).is_ok());
    if revocations.any(|it| counts(it, times)) {
        return Err(Why::Revoked);
    }
    let own = newest(own_signatures(key)).ok_or_else(|| {
        Why::Unsupported(
            "its key has no valid signature about itself, or only a weak one".to_owned(),
        )
    })?;
    let created = moment(primary.created_at().as_secs().into()).unwrap_or(Timestamp::UNIX_EPOCH);
    within(
        created,
        own.key_expiration_time().map(Duration::as_secs),
        times,
    )?;
    match component {
        Component::Primary if own.key_flags().sign() => Ok(()),
        Component::Primary => Err(Why::NotForSigning),
        Component::Subkey(subkey) => judge_subkey(primary, subkey, times),
    }
}

fn judge_subkey(
    primary: &pgp::packet::PublicKey,
    subkey: &SignedPublicSubKey,
    times: Times,
) -> Result<(), Why> {
    let of_type = |wanted| {
        let signatures = subkey.signatures.iter();
        signatures.filter(move |it| {
            it.typ() == Some(wanted) && it.verify_subkey_binding(primary, &subkey.key).is_ok()
        })
    };
    if of_type(SignatureType::SubkeyRevocation).any(|it| counts(it, times)) {
        return Err(Why::Revoked);
    }
    let binding = newest(of_type(SignatureType::SubkeyBinding).filter(|it| is_strong(it)));
    let binding = binding.filter(|binding| {
        // The subkey says too that it belongs to the key: else anybody's could be claimed.
        let back = binding.embedded_signature();
        let fits = |back: &Signature| {
            is_strong(back)
                && back
                    .verify_primary_key_binding(&subkey.key, primary)
                    .is_ok()
        };
        binding.key_flags().sign() && back.is_some_and(fits)
    });
    let binding = binding.ok_or(Why::NotForSigning)?;
    let created = moment(subkey.key.created_at().as_secs().into());
    let lifetime = binding.key_expiration_time().map(Duration::as_secs);
    within(created.unwrap_or(Timestamp::UNIX_EPOCH), lifetime, times)
}

/// What a key says about itself: directly, or with one of its users that it did not take back.
fn own_signatures(key: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter();
    let direct = direct.filter(|it| it.verify_key(primary).is_ok());
    let users = key.details.users.iter().filter_map(move |user| {
        let valid = user.signatures.iter();
        let valid = valid.filter(|it| {
            it.verify_certification(primary, Tag::UserId, &user.id)
                .is_ok()
        });
        newest(valid).filter(|it| it.typ() != Some(SignatureType::CertRevocation))
    });
    direct.chain(users).filter(|it| is_strong(it))
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|it| it.created())
}

/// Whether a revocation counts. Where the key was only given up, what it signed before is still good,
/// unless the signature is new to us: its date can't be believed any more.
fn counts(revocation: &Signature, times: Times) -> bool {
    let given_up = matches!(
        revocation.revocation_reason_code(),
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
    );
    let at = revocation
        .created()
        .and_then(|at| moment(at.as_secs().into()));
    let before = at.is_some_and(|at| times.signed < at);
    !(given_up && before && times.verified.is_none())
}

/// Whether the times are within a life that began then and lasts so many seconds; for ever where that
/// is nothing.
fn within(from: Timestamp, lifetime: Option<u32>, times: Times) -> Result<(), Why> {
    let end = lifetime.filter(|seconds| *seconds > 0);
    let end = end.and_then(|seconds| moment(from.as_second() + i64::from(seconds)));
    let lives = |at: Timestamp| from <= at && end.is_none_or(|end| at < end);
    if !lives(times.signed) {
        return Err(Why::NotValidAt(When::Signed, times.signed));
    }
    match times.verified.filter(|at| !lives(*at)) {
        Some(at) => Err(Why::NotValidAt(When::Verified, at)),
        None => Ok(()),
    }
}

fn moment(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}
