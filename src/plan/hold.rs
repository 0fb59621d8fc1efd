//! Why something is not done, and what would release it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resources::{Digest, ResourceId};

/// The one list of reasons: of holds, conditions, events and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    // Waiting: passes by itself.
    /// No member answers.
    ClusterUnreachable,
    /// The cluster can't be trusted now: too few members, not ACTIVE, partitions not safe, a new master.
    ClusterUnsafe,
    /// The cluster has not answered everything that has to be known yet.
    ClusterUnknown,
    /// A step of the resource is being carried out.
    StepInFlight,
    /// The last try failed; the next one waits.
    BackingOff,
    /// The outcome of a step is not known and is being looked for.
    OutcomeUnknown,
    /// The list lacks the job; it is asked for by its id.
    LookingForJob,
    /// The jar is being fetched.
    JarFetching,
    /// The job is starting.
    JobStarting,
    /// The job is stopping.
    JobCompleting,
    /// As many jobs of the cluster as may be are being upgraded.
    UpgradeQueued,
    /// A snapshot of the job is being made.
    SnapshotUnderWay,
    /// A snapshot waits for its job to run.
    WaitingForJob,
    /// A job waits for the snapshot that it is to start from.
    WaitingForSnapshot,
    /// The job's snapshot isn't committed; it is tried again.
    SnapshotNotCommitted,
    // Blocked: needs somebody to change something.
    /// The cluster's name, id or credentials are not what they should be.
    ClusterMismatch,
    /// The cluster is not the one that was recorded.
    ClusterChanged,
    /// Jet is disabled on the members.
    JetDisabled,
    /// Uploads are disabled on the members.
    ResourceUploadDisabled,
    /// The configuration of the ownership map could lose entries.
    OwnershipMapUnsafe,
    /// The jar isn't there.
    JarNotFound,
    /// The jar can't be used.
    JarInvalid,
    /// The jar's digest is not the one of the spec.
    JarDigestMismatch,
    /// The jar lacks the main class, or none is named.
    MainClassMissing,
    /// A secret is missing.
    SecretMissing,
    /// The member refused the submit.
    SubmitRefused,
    /// `main` returned and submitted no job of the name.
    NoJobSubmitted,
    /// The job failed.
    JobFailed,
    /// The cluster lost the job and its state.
    StateLost,
    /// What is to be done needs a snapshot of the job's state, and none can be made.
    SnapshotRequired,
    /// The job keeps no state (processing guarantee NONE), so there is nothing to export.
    NoGuarantee,
    /// A snapshot could not be made.
    SnapshotFailed,
    /// The job's own snapshots overtook the copy.
    SnapshotOvertaken,
    /// The snapshot isn't there, or was not made by us.
    SnapshotMissing,
    /// The snapshot isn't whole.
    SnapshotDamaged,
    /// The members lack the heap for another snapshot.
    HeapTooFull,
    /// The snapshot is a fork of a job that still runs.
    ForkedStateInUse,
    /// The new version lacks vertices that had state in the old one.
    StateMismatch,
    /// The new version failed, and the old one was started again.
    RolledBack,
    /// The job says that it can't be suspended.
    NotSuspendable,
    /// An immutable field changed.
    ImmutableField,
    /// Another job or owner has the name.
    Conflict,
    /// The document has faults, or is gone while jobs refer to it; the last good version is in force.
    Faulty,
    /// It took longer than it may.
    Stalled,
    // Policy: somebody wanted it so.
    /// A person changed the job by hand.
    Drifted,
    /// Paused.
    Paused,
    /// The windows of the source are closed.
    SyncWindow,
    /// `jetkeeper.io/reconcile: disabled`.
    ReconcileDisabled,
    /// `jetkeeper.io/prune: disabled`.
    PruneDisabled,
    /// More would be deleted than is allowed at once.
    MassDeletion,
    /// A source is missing or empty.
    SourceMissing,
    /// A document of the source can't be identified, so nothing of it is pruned.
    SourceUnidentified,
    /// A repository has something that doesn't go on from what is in force.
    HistoryRewritten,
    /// The bytes behind a URL changed.
    JarChanged,
    /// `upgradePolicy.mode: Forbid`.
    UpgradeForbidden,
    /// Rebuilt state that nobody confirmed yet.
    Rebuilt,
    // Not holds: conditions that are fine.
    /// As it should be.
    AsDesired,
    /// Ended, and not started again by itself.
    Ended,
}

impl Reason {
    /// The reason as it is spelt everywhere.
    pub fn as_str(self) -> String {
        format!("{self:?}")
    }

    /// The reasons of holds that a person's confirmation releases.
    pub const CONFIRMABLE: &'static [Self] = &[
        Self::OutcomeUnknown,
        Self::JetDisabled,
        Self::ResourceUploadDisabled,
        Self::JarNotFound,
        Self::JarInvalid,
        Self::MainClassMissing,
        Self::SecretMissing,
        Self::SubmitRefused,
        Self::NoJobSubmitted,
        Self::Conflict,
        Self::JobFailed,
        Self::StateLost,
        Self::SnapshotRequired,
        Self::SnapshotNotCommitted,
        Self::SnapshotFailed,
        Self::SnapshotOvertaken,
        Self::SnapshotDamaged,
        Self::HeapTooFull,
        Self::ForkedStateInUse,
        Self::StateMismatch,
        Self::RolledBack,
        Self::Stalled,
        Self::Drifted,
        Self::SyncWindow,
        Self::JarChanged,
        Self::Rebuilt,
    ];

    /// Whether a person's confirmation can release a hold for this reason.
    pub fn is_confirmable(self) -> bool {
        Self::CONFIRMABLE.contains(&self)
    }

    /// What kind of hold it makes.
    pub fn class(self) -> HoldClass {
        match self {
            Self::ClusterUnreachable
            | Self::ClusterUnsafe
            | Self::ClusterUnknown
            | Self::StepInFlight
            | Self::BackingOff
            | Self::OutcomeUnknown
            | Self::LookingForJob
            | Self::JarFetching
            | Self::JobStarting
            | Self::JobCompleting
            | Self::UpgradeQueued
            | Self::SnapshotUnderWay
            | Self::WaitingForJob
            | Self::WaitingForSnapshot
            | Self::SnapshotNotCommitted => HoldClass::Waiting,
            Self::ClusterMismatch
            | Self::ClusterChanged
            | Self::JetDisabled
            | Self::ResourceUploadDisabled
            | Self::OwnershipMapUnsafe
            | Self::JarNotFound
            | Self::JarInvalid
            | Self::JarDigestMismatch
            | Self::MainClassMissing
            | Self::SecretMissing
            | Self::SubmitRefused
            | Self::NoJobSubmitted
            | Self::JobFailed
            | Self::StateLost
            | Self::SnapshotRequired
            | Self::NoGuarantee
            | Self::SnapshotFailed
            | Self::SnapshotOvertaken
            | Self::SnapshotMissing
            | Self::SnapshotDamaged
            | Self::HeapTooFull
            | Self::ForkedStateInUse
            | Self::StateMismatch
            | Self::RolledBack
            | Self::NotSuspendable
            | Self::ImmutableField
            | Self::Conflict
            | Self::Faulty
            | Self::Stalled => HoldClass::Blocked,
            Self::Drifted
            | Self::Paused
            | Self::SyncWindow
            | Self::ReconcileDisabled
            | Self::PruneDisabled
            | Self::MassDeletion
            | Self::SourceMissing
            | Self::SourceUnidentified
            | Self::HistoryRewritten
            | Self::JarChanged
            | Self::UpgradeForbidden
            | Self::Rebuilt
            | Self::AsDesired
            | Self::Ended => HoldClass::Policy,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a hold waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HoldClass {
    /// Something that passes by itself.
    Waiting,
    /// Somebody who changes something.
    Blocked,
    /// Somebody's wish.
    Policy,
}

/// A hold's id: the digest of its reason, its sorted subjects and what a confirmation of it would be
/// about, 12 hex digits. Void when these change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HoldId(pub String);

impl HoldId {
    /// The id of a hold of these subjects, which are sorted, for this reason.
    fn of(reason: Reason, subjects: &[ResourceId], about: &impl Serialize) -> Self {
        let mut digest = Digest::of_json(&(reason, subjects, about)).to_string();
        digest.truncate(12);
        Self(digest)
    }
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a person can do about a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// Nothing here: it passes, or the YAML or the cluster has to change.
    None,
    /// `jetkeeper confirm ID`.
    Confirm,
    /// `jetkeeper confirm ID --discard-state`.
    DiscardState,
    /// `jetkeeper adopt RESOURCE`.
    Adopt,
    /// `jetkeeper unpause RESOURCE`.
    Unpause,
    /// `jetkeeper unpause`: everything is paused.
    UnpauseAll,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What it waits for.
    pub class: HoldClass,
    /// Why.
    pub reason: Reason,
    /// What it concerns, sorted. Shared: each of the many subjects of one hold shows all of it.
    pub subjects: Arc<[ResourceId]>,
    /// Why, and what to do, in words for a person.
    pub message: String,
    /// When it ends or turns into something else by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How a person releases it.
    pub release: Release,
}

impl Hold {
    /// A hold of these subjects for this reason.
    pub fn new(reason: Reason, mut subjects: Vec<ResourceId>, message: impl Into<String>) -> Self {
        subjects.sort();
        Self {
            id: HoldId::of(reason, &subjects, &()),
            class: reason.class(),
            reason,
            subjects: subjects.into(),
            message: message.into(),
            deadline: None,
            release: Release::None,
        }
    }

    /// The same hold, with an id that is void once what a confirmation would be about is something
    /// else: a word about today's document and job says nothing of another one.
    #[must_use]
    pub fn about(mut self, about: &impl Serialize) -> Self {
        self.id = HoldId::of(self.reason, &self.subjects, about);
        self
    }

    /// The same hold, with the time at which it ends or turns into something else.
    #[must_use]
    pub fn until(mut self, deadline: Timestamp) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Whether waiting is all it takes, as far as anybody knows: the clock or the cluster ends it. One for
    /// which a person's word is needed is Blocked. A queued upgrade waits for other jobs, which have steps or
    /// holds of their own as long as they move; where they only have to make their first snapshot they have
    /// none, and its deadline says by when that is expected. Without one it is stuck with them.
    pub fn passes_by_itself(&self) -> bool {
        self.class == HoldClass::Waiting
            && (self.reason != Reason::UpgradeQueued || self.deadline.is_some())
    }

    /// The same hold, with the way a person releases it. What waits for a person's word doesn't pass
    /// by itself.
    #[must_use]
    pub fn released_by(mut self, release: Release) -> Self {
        self.release = release;
        if release != Release::None && self.class == HoldClass::Waiting {
            self.class = HoldClass::Blocked;
        }
        self
    }
}

/// Whether nobody knows, as long as this holds, what else would.
pub fn hides(hold: &Hold) -> bool {
    use Reason as R;
    // What lets nobody in tells nothing either, however long that takes.
    let refused = hold.reason == R::ClusterMismatch;
    refused
        || hold.class == HoldClass::Waiting
            && matches!(
                hold.reason,
                R::ClusterUnreachable
                    | R::ClusterUnsafe
                    | R::ClusterUnknown
                    | R::StepInFlight
                    | R::BackingOff
                    | R::OutcomeUnknown
                    | R::LookingForJob
                    | R::JarFetching
            )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_person_or_is_stuck_behind_others_does_not_pass_by_itself() {
        let hold = |reason| Hold::new(reason, vec![ResourceId::jet_job("orders")], "why");
        assert!(hold(Reason::JobStarting).passes_by_itself());
        assert!(hold(Reason::OutcomeUnknown).passes_by_itself());
        let asked = hold(Reason::OutcomeUnknown).released_by(Release::Confirm);
        assert!(!asked.passes_by_itself());
        let queued = hold(Reason::UpgradeQueued);
        assert!(!queued.passes_by_itself());
        assert!(queued.until(Timestamp::UNIX_EPOCH).passes_by_itself());
        assert!(!hold(Reason::JarNotFound).passes_by_itself());
        let retried = hold(Reason::JarNotFound).until(Timestamp::UNIX_EPOCH);
        assert!(!retried.passes_by_itself());
    }

    #[test]
    fn an_id_is_void_once_reason_subjects_or_what_it_is_about_change() {
        let [a, b] = ["a", "b"].map(ResourceId::jet_job);
        let hold = |reason, subjects: &[&ResourceId], about: u64| {
            let subjects = subjects.iter().map(|id| (*id).clone()).collect();
            Hold::new(reason, subjects, "why").about(&about).id
        };
        let id = hold(Reason::SnapshotRequired, &[&a, &b], 1);
        assert_eq!(id.0.len(), 12);
        assert_eq!(id, hold(Reason::SnapshotRequired, &[&b, &a], 1));
        for other in [
            hold(Reason::StateLost, &[&a, &b], 1),
            hold(Reason::SnapshotRequired, &[&a], 1),
            hold(Reason::SnapshotRequired, &[&a, &b], 2),
        ] {
            assert_ne!(id, other);
        }
    }
}
