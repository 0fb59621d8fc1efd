//! What can be set about trust.

use std::path::PathBuf;

/// What has to be signed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitVerify {
    /// What has to be signed.
    pub mode: VerifyMode,
    /// The file of SSH signers, as `ssh-keygen` has it.
    pub allowed_signers: Option<PathBuf>,
    /// A file of SSH keys that may sign no more.
    pub revoked_signers: Option<PathBuf>,
    /// A file of `OpenPGP` keys, or a directory of such files.
    pub openpgp_keys: Option<PathBuf>,
    /// A commit that is trusted with all that came before it.
    pub since: Option<String>,
}

/// What has to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyMode {
    /// Every commit since the last one that was verified and in force.
    Commits,
    /// The annotated tag.
    Tag,
}

/// What happens where the repository has something that does not go on from what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForcePush {
    /// It is held until a person confirms it.
    #[default]
    Hold,
    /// It is followed.
    Follow,
}
