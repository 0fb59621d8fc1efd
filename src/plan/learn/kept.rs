//! The snapshot that was made of a job's state for an upgrade or its end: what is told of it, and how it is found
//! again where the record of it was lost.

use crate::plan::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::job::JobId;
use crate::plan::record::KeptSnapshot;
use crate::plan::snapshot::{SnapshotFacts, SnapshotMark};
use crate::resources::Kind;

/// Finds the newest one again, by its mark. Older ones are nobody's then: they are listed, and deleted by hand
/// alone. So is this one once another took its place: it may be what a version had no place for, and that a
/// person has yet to decide about went with the record.
pub(super) fn find(draft: &mut Draft<'_>) {
    if !draft.input.settings.rebuilding || draft.record.kept.is_some() {
        return;
    }
    let Some((view, cluster_id)) = draft.view().zip(draft.cluster_id()) else {
        return;
    };
    let marks = view.snapshot_marks.iter();
    let made = marks.filter_map(|(name, mark)| {
        let facts = view.snapshots.get(name)?.as_ref()?;
        is_ours(draft, mark, facts).then_some((name, facts))
    });
    let Some((name, facts)) = made.max_by_key(|(_, facts)| facts.created_at) else {
        return;
    };
    let kept = KeptSnapshot {
        name: name.clone(),
        facts: facts.clone(),
        cluster_id,
        declared: true,
        cautioned: false,
    };
    draft.edit().kept = Some(kept);
}

/// Tells, once, that members may have left entries out of it. What a snapshot's document asked for is told
/// with that document's.
pub(super) fn caution(draft: &mut Draft<'_>) {
    let Some(kept) = &draft.record.kept else {
        return;
    };
    let Some(caution) = kept.facts.caution() else {
        return;
    };
    if kept.cautioned || kept.declared {
        return;
    }
    let (name, facts) = (&kept.name, &kept.facts);
    let message = format!(
        "snapshot {name} of job {} has {} bytes in {} chunks; {caution}",
        facts.job, facts.bytes, facts.chunks
    );
    draft.tell(EventKind::SnapshotExported, message);
    if let Some(kept) = &mut draft.edit().kept {
        kept.cautioned = true;
    }
}

/// Whether a job's own plan made it for this resource, or for what it was called before.
fn is_ours(draft: &Draft<'_>, mark: &SnapshotMark, facts: &SnapshotFacts) -> bool {
    let job: Option<JobId> = draft.record.job.as_ref().map(|job| job.id);
    mark.owner == draft.input.settings.owner
        && mark.resource.kind == Kind::JetJob
        && (mark.resource == draft.id || job == Some(facts.job))
}
