//! What a person is asked about, and what their word is remembered for.

use serde::{Deserialize, Serialize};

use crate::resources::Digest;

/// What is done once a person confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Submit, or start again.
    Start,
    /// Ask for a restart again whose request had no answer.
    Restart,
    /// Cancel for good.
    Cancel,
    /// Forget it, whatever is left of it on a cluster that is gone.
    Forget,
    /// Replace by a version with this jar.
    Replace(Option<Digest>),
    /// Start the version before again from the snapshot of the upgrade.
    RollBack,
    /// Resume what a person suspended by hand.
    Undo,
    /// Suspend and set the settings again.
    Configure,
    /// Leave state behind that the new version has no place for.
    LeaveState,
    /// Begin what the document asks for, outside of the windows of its source.
    Begin,
    /// Use these bytes, which are not those that were fetched first.
    TakeJar(Option<Digest>),
}

impl Deed {
    /// All that could be asked with a jar of these bytes.
    pub(in crate::plan) fn all(jar: Option<Digest>) -> [Self; 11] {
        [
            Self::Start,
            Self::Restart,
            Self::Cancel,
            Self::Forget,
            Self::Replace(jar),
            Self::RollBack,
            Self::Undo,
            Self::Configure,
            Self::LeaveState,
            Self::Begin,
            Self::TakeJar(jar),
        ]
    }
}
