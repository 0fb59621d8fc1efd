//! Whom a Git repository is trusted to, as the file says it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::RawConfig;
use super::git::is_commit;
use crate::resources::reading::Reading;
use crate::source::git::{ForcePush, GitReference, GitVerify, VerifyMode};

/// What has to be signed, as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawVerify {
    mode: Option<String>,
    allowed_signers: Option<PathBuf>,
    revoked_signers: Option<PathBuf>,
    openpgp_keys: Option<PathBuf>,
    since: Option<String>,
}

/// Reads and checks what has to be signed.
pub(super) fn verify(
    raw: &RawVerify,
    reference: &GitReference,
    at: &[&str; 3],
    base: &Path,
    reading: &mut Reading<'_, RawConfig>,
) -> GitVerify {
    let [sources, index, git] = *at;
    let below = |key| [sources, index, git, "verify", key];
    let mode = match raw.mode.as_deref() {
        None | Some("Commits") => VerifyMode::Commits,
        Some("Tag") => VerifyMode::Tag,
        Some(other) => {
            let message = format!("`{}` can't be verified", other.escape_default());
            reading.refuse(&below("mode"), message, "write `Commits` or `Tag`");
            VerifyMode::Commits
        }
    };
    if mode == VerifyMode::Tag && !reference.is_tag() {
        let message = "only a tag can be signed so, and the source follows no tag";
        let help = "write `ref: {tag: …}` or `ref: {semver: …}`, or `mode: Commits`";
        reading.refuse(&below("mode"), message, help);
    }
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| base.join(path));
    let since = raw.since.as_ref().map(|commit| commit.to_ascii_lowercase());
    if since.as_ref().is_some_and(|commit| !is_commit(commit)) {
        let message = "a commit has 40 hexadecimal digits";
        reading.refuse(&below("since"), message, "write the whole commit");
    }
    if raw.allowed_signers.is_none() && raw.openpgp_keys.is_none() && reading.complete {
        let message = "no key is trusted, so nothing would ever be verified";
        let help = "add `allowedSigners: FILE`, `openpgpKeys: FILE`, or both";
        reading.refuse(&[sources, index, git, "verify"], message, help);
    }
    GitVerify {
        mode,
        allowed_signers: path(&raw.allowed_signers),
        revoked_signers: path(&raw.revoked_signers),
        openpgp_keys: path(&raw.openpgp_keys),
        since,
    }
}

/// Reads what happens where history is rewritten.
pub(super) fn force_push(
    text: Option<&str>,
    at: &[&str; 3],
    reading: &mut Reading<'_, RawConfig>,
) -> ForcePush {
    match text {
        None | Some("Hold") => ForcePush::Hold,
        Some("Follow") => ForcePush::Follow,
        Some(other) => {
            let message = format!("`{}` is no such policy", other.escape_default());
            let path = [at[0], at[1], at[2], "forcePush"];
            reading.refuse(&path, message, "write `Hold` or `Follow`");
            ForcePush::Hold
        }
    }
}

/// What has to be signed as it is in force, in the form of the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownVerify<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_signers: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_signers: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openpgp_keys: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a str>,
}

impl<'a> From<&'a GitVerify> for ShownVerify<'a> {
    fn from(verify: &'a GitVerify) -> Self {
        let GitVerify {
            mode,
            allowed_signers,
            revoked_signers,
            openpgp_keys,
            since,
        } = verify;
        Self {
            mode: match mode {
                VerifyMode::Commits => "Commits",
                VerifyMode::Tag => "Tag",
            },
            allowed_signers: allowed_signers.as_deref(),
            revoked_signers: revoked_signers.as_deref(),
            openpgp_keys: openpgp_keys.as_deref(),
            since: since.as_deref(),
        }
    }
}

/// The policy, in the form of the file.
pub(super) fn shown_force_push(policy: ForcePush) -> &'static str {
    match policy {
        ForcePush::Hold => "Hold",
        ForcePush::Follow => "Follow",
    }
}
