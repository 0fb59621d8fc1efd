//! What is wrong now, by cause: many holds become one where one thing makes them all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::plan::event::{Event, EventKind};
use crate::plan::hold::{Hold, HoldClass, Reason};
use crate::plan::record::{Cause, News, Recorded, Scope, Urgency};
use crate::plan::{Plan, hold};
use crate::resources::{Desired, Kind, ResourceId, Severity, SourceName};

/// How long something that passes by itself may take before anybody is told.
const LONG: SignedDuration = SignedDuration::from_mins(15);

/// What a pass saw.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// What was decided.
    pub plan: &'a Plan,
    /// What was recorded, before the plan.
    pub recorded: &'a Recorded,
    /// What the sources ask for.
    pub desired: &'a Desired,
    /// The sources that can't be read, and why.
    pub unread: &'a BTreeMap<SourceName, String>,
    /// What happened since the pass before.
    pub events: &'a [(Timestamp, Event)],
}

/// Something that is wrong.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) urgency: Urgency,
    pub(super) message: Cow<'a, str>,
    pub(super) subjects: BTreeSet<&'a ResourceId>,
    /// How long it has to stand before it is told.
    pub(super) patience: SignedDuration,
}

/// What is wrong, and where nobody knows.
#[derive(Debug, Default)]
pub(super) struct Standing<'a> {
    pub(super) found: BTreeMap<Cause, Found<'a>>,
    hidden: BTreeSet<&'a ResourceId>,
    hidden_clusters: BTreeSet<&'a str>,
}

impl Standing<'_> {
    /// Whether nobody knows now if this still stands.
    pub(super) fn hides(&self, cause: &Cause) -> bool {
        match &cause.scope {
            Scope::Everything | Scope::Source(_) => false,
            Scope::Cluster(name) => {
                let reach = Reason::ClusterUnreachable.as_str();
                let trust = Reason::ClusterUnsafe.as_str();
                cause.reason != reach
                    && cause.reason != trust
                    && self.hidden_clusters.contains(name.as_str())
            }
            Scope::Resource(id) => self.hidden.contains(id),
        }
    }
}

impl<'a> Situation<'a> {
    /// What is wrong now.
    pub(super) fn standing(&self, settle: SignedDuration) -> Standing<'a> {
        let mut standing = Standing::default();
        for hold in &self.plan.holds {
            self.add_hold(hold, settle, &mut standing);
        }
        for (source, why) in self.unread {
            let missing = cause_at(source, Reason::SourceMissing.as_str());
            if !standing.found.contains_key(&missing) {
                let cause = cause_at(source, format!("{:?}", EventKind::SourceFailed));
                standing.found.insert(cause, trouble(why.into(), settle));
            }
        }
        // What has a resource is held, and found by that.
        let nameless = self
            .desired
            .faults
            .iter()
            .filter(|fault| fault.severity == Severity::Error && fault.resource.is_none());
        for fault in nameless {
            let cause = cause_at(&fault.place.source, Reason::Faulty.as_str());
            let message = format!("{}: {}", fault.place, fault.message);
            let found = || trouble(message.into(), settle);
            standing.found.entry(cause).or_insert_with(found);
        }
        standing
    }

    /// What happened, as far as it isn't told as something that is wrong.
    pub(super) fn happened(&self) -> impl Iterator<Item = News> {
        let told = self.events.iter().filter(|(_, event)| is_told(event.kind));
        told.map(|(_, event)| News::Happened {
            kind: event.kind,
            resource: event.resource.clone(),
            message: event.message.clone(),
        })
    }

    fn add_hold(&self, hold: &'a Hold, settle: SignedDuration, standing: &mut Standing<'a>) {
        if hold::hides(hold) {
            standing.hidden.extend(hold.subjects.iter());
        }
        let is_of_cluster = at_cluster(hold.reason);
        if is_of_cluster && (hold.class == HoldClass::Waiting || hold::hides(hold)) {
            let clusters = hold.subjects.iter().filter_map(|id| self.cluster_of(id));
            standing.hidden_clusters.extend(clusters);
        }
        let Some(patience) = patience(hold, settle) else {
            return;
        };
        let reason = told_as(hold.reason).as_str();
        for subject in hold.subjects.iter() {
            let scope = self.scope(hold.reason, subject);
            let reason = reason.clone();
            let found = standing.found.entry(Cause { scope, reason });
            let found = found.or_insert_with(|| Found {
                urgency: urgency(hold),
                message: hold.message.as_str().into(),
                subjects: BTreeSet::new(),
                patience,
            });
            found.subjects.insert(subject);
        }
    }

    /// Where the cause is of what holds this resource.
    fn scope(&self, reason: Reason, subject: &ResourceId) -> Scope {
        let own = || Scope::Resource(subject.clone());
        match reason {
            Reason::Rebuilt => Scope::Everything,
            Reason::Paused if self.recorded.pauses.contains_key(&None) => Scope::Everything,
            _ if at_cluster(reason) => self
                .cluster_of(subject)
                .map_or_else(own, |name| Scope::Cluster(name.to_owned())),
            Reason::SourceMissing | Reason::SourceUnidentified | Reason::MassDeletion => {
                let source = self.source_of(subject).cloned();
                source.map_or_else(own, Scope::Source)
            }
            _ => own(),
        }
    }

    fn cluster_of(&self, id: &ResourceId) -> Option<&'a str> {
        let recorded = self.recorded;
        let of_job = |name: &str| {
            let job = recorded.jobs.get(name)?;
            Some(job.spec.hazelcast_resource_name.as_str())
        };
        match id.kind {
            Kind::JetJob => of_job(&id.name),
            Kind::JetJobSnapshot => {
                let snapshot = recorded.snapshots.get(&id.name)?;
                let cluster = snapshot.cluster.as_deref();
                cluster.or_else(|| of_job(&snapshot.spec.jet_job_resource_name))
            }
            Kind::Hazelcast => {
                let (name, _) = recorded.clusters.get_key_value(&id.name)?;
                Some(name)
            }
        }
    }

    fn source_of(&self, id: &ResourceId) -> Option<&'a SourceName> {
        let recorded = self.recorded;
        match id.kind {
            Kind::JetJob => recorded.jobs.get(&id.name).map(|it| &it.place.source),
            Kind::JetJobSnapshot => recorded.snapshots.get(&id.name).map(|it| &it.place.source),
            Kind::Hazelcast => None,
        }
    }
}

fn cause_at(source: &SourceName, reason: String) -> Cause {
    let scope = Scope::Source(source.clone());
    Cause { scope, reason }
}

fn trouble(message: Cow<'_, str>, patience: SignedDuration) -> Found<'_> {
    Found {
        urgency: Urgency::Error,
        message,
        subjects: BTreeSet::new(),
        patience,
    }
}

/// Whether what holds a resource is wrong with its cluster.
fn at_cluster(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::ClusterUnreachable
            | R::ClusterUnsafe
            | R::ClusterUnknown
            | R::ClusterMismatch
            | R::ClusterChanged
            | R::JetDisabled
            | R::ResourceUploadDisabled
            | R::OwnershipMapUnsafe
            | R::HeapTooFull
    )
}

/// A cluster that doesn't answer at all, and one that doesn't answer everything, are one thing to be
/// told: the one often becomes the other.
fn told_as(reason: Reason) -> Reason {
    match reason {
        Reason::ClusterUnknown => Reason::ClusterUnreachable,
        other => other,
    }
}

/// How long a hold has to stand before it is told; none where it never is.
fn patience(hold: &Hold, settle: SignedDuration) -> Option<SignedDuration> {
    use Reason as R;
    match (hold.class, hold.reason) {
        (HoldClass::Blocked | HoldClass::Policy, _)
        | (_, R::ClusterUnreachable | R::ClusterUnsafe | R::ClusterUnknown) => Some(settle),
        // These take as long as they take, and what they wait for is told by itself.
        (
            HoldClass::Waiting,
            R::StepInFlight
            | R::UpgradeQueued
            | R::SnapshotUnderWay
            | R::WaitingForJob
            | R::WaitingForSnapshot,
        ) => None,
        (HoldClass::Waiting, _) => Some(settle.max(LONG)),
    }
}

fn urgency(hold: &Hold) -> Urgency {
    use Reason as R;
    match (hold.class, hold.reason) {
        (HoldClass::Blocked, _)
        | (_, R::ClusterUnreachable | R::ClusterUnsafe | R::ClusterUnknown) => Urgency::Error,
        (
            _,
            R::Paused
            | R::SyncWindow
            | R::ReconcileDisabled
            | R::PruneDisabled
            | R::UpgradeForbidden,
        ) => Urgency::Info,
        _ => Urgency::Warning,
    }
}

/// Whether an event is told by itself. What a hold follows from is told by that; the rest is steps on a
/// way whose end is told.
fn is_told(kind: EventKind) -> bool {
    use EventKind as K;
    match kind {
        K::Submitted
        | K::Canceled
        | K::Completed
        | K::Failed
        | K::Lost
        | K::Adopted
        | K::Deleted
        | K::UpgradeStable
        | K::RolledBack
        | K::SnapshotExported => true,
        K::Running
        | K::Suspended
        | K::Resumed
        | K::Drifted
        | K::Renamed
        | K::Configured
        | K::UpgradeStarted
        | K::SnapshotFailed
        | K::StepFailed
        | K::Held
        | K::Released
        | K::Paused
        | K::Unpaused
        | K::Confirmed
        | K::SourceFailed
        | K::SourceRecovered => false,
    }
}
