//! Whom a repository is trusted to: who signed what came since the commit in force, and whether it goes
//! on from there.
//!
//! ```text
//! daemon                                   child
//! configuration, key files, anchor ──────▶ walk anchor..commit ─▶ signature ─▶ ssh | openpgp
//! Judgement ◀─────────────────────────────  first refusal, or who signed; what it descends from
//! ```
//!
//! Objects and signatures are what anybody could push, so that they are read in the child, within its
//! limits. A tag or commit is good where one signature fits a trusted key that was valid when it was
//! made and, where it is new to us, is still valid now: who has an old key can write any date.

mod allowed_signers;
mod judge;
mod keys;
mod openpgp;
mod options;
mod refusal;
mod signed;
mod ssh;

pub use options::{ForcePush, GitVerify, VerifyMode};

pub(super) use judge::{JudgeErrand, Judgement, Signatures, VerifyErrand, judge};
pub(super) use keys::{KeyFiles, KeysError};
