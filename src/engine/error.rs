//! Why the engine ends.

use crate::store::StoreError;

/// Why the engine ends, or could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The recorded state could not be read.
    #[error("failed to read the recorded state")]
    Load(#[source] StoreError),
    /// A change could not be made durable, so nothing that depends on it was started.
    #[error("failed to record what is to be done; nothing of it was started")]
    Commit(#[source] StoreError),
    /// Going on could do harm.
    #[error("{0}")]
    Fatal(String),
    /// A defect: the engine's task broke off. What is in the journal is true.
    #[error("the engine broke off; this is a defect of jetkeeper, start it again")]
    Broken(#[source] tokio::task::JoinError),
}
