//! What a revision of a source brought, against what is recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::manifests::errors_of;
use crate::plan::record::Recorded;
use crate::resources::{Declared, Desired, Digest, Refused, ResourceId, Revision, SourceName};
use crate::store::RevisionEntry;

/// What a revision of a source added, changed and removed: against the revision before, where this run
/// saw one, else, for jobs and snapshots, against their records, which survive a restart.
pub(super) fn compare(
    revision: &Revision,
    (desired, before): (&Desired, &Desired),
    recorded: &Recorded,
    now: Timestamp,
) -> RevisionEntry {
    let source = &revision.source;
    let lineage = revision.lineage.as_deref();
    let verified = lineage.and_then(|lineage| lineage.verified.as_ref());
    let mut entry = RevisionEntry {
        source: source.clone(),
        revision: revision.id.clone(),
        tag: lineage.and_then(|lineage| lineage.tag.clone()),
        seen_at: lineage.map_or(now, |lineage| lineage.fetched_at),
        verified_at: verified.map(|verified| verified.at),
        applied_at: Some(now),
        signers: verified.map_or_else(Vec::new, |verified| verified.signers.clone()),
        refused: None,
        added: Vec::new(),
        changed: Vec::new(),
        removed: Vec::new(),
        errors: errors_of(desired, source),
    };
    let jobs = recorded.jobs.iter();
    let jobs = jobs.filter(|(_, it)| it.place.source == *source && it.deletion.is_none());
    let mut jobs = jobs.map(|(name, it)| (name.as_str(), it.digest)).collect();
    let first = !before.sources.contains_key(source);
    if !first {
        told(&mut jobs, before, &of(source, &before.jobs), |name| {
            ResourceId::jet_job(name)
        });
    }
    note(
        &mut entry,
        desired,
        &jobs,
        &of(source, &desired.jobs),
        |name| ResourceId::jet_job(name),
    );
    let snapshots = recorded.snapshots.iter();
    let mut snapshots = snapshots
        .filter(|(_, it)| it.place.source == *source && !it.deleting && !it.commanded)
        .map(|(name, it)| (name.as_str(), it.digest))
        .collect();
    if !first {
        let declared = of(source, &before.snapshots);
        told(&mut snapshots, before, &declared, |name| {
            ResourceId::jet_job_snapshot(name)
        });
    }
    let declared = of(source, &desired.snapshots);
    note(&mut entry, desired, &snapshots, &declared, |name| {
        ResourceId::jet_job_snapshot(name)
    });
    let untold = first && recorded.sources.contains_key(source);
    if !untold {
        let (old, new) = (
            of(source, &before.hazelcasts),
            of(source, &desired.hazelcasts),
        );
        note(&mut entry, desired, &old, &new, |name| {
            ResourceId::hazelcast(name)
        });
    }
    entry
}

/// A commit that is not trusted, of which nothing was read.
pub(super) fn refusal(source: &SourceName, refused: &Refused) -> RevisionEntry {
    RevisionEntry {
        source: source.clone(),
        revision: refused.commit.clone(),
        tag: refused.tag.clone(),
        seen_at: refused.fetched_at,
        verified_at: None,
        applied_at: None,
        signers: Vec::new(),
        refused: Some(refused.why.clone()),
        added: Vec::new(),
        changed: Vec::new(),
        removed: Vec::new(),
        errors: 0,
    }
}

/// What a source declares of a kind: names and digests.
fn of<'a, T: 'a>(
    source: &SourceName,
    declared: impl IntoIterator<Item = (&'a String, &'a Arc<Declared<T>>)>,
) -> BTreeMap<&'a str, Digest> {
    let ours = declared.into_iter();
    let ours = ours.filter(|(_, it)| it.place.source == *source);
    ours.map(|(name, it)| (name.as_str(), it.digest)).collect()
}

/// What the revision before said was told with it, although records don't follow it yet, or never do:
/// a deletion that is held, a change of what can't change. A document that had errors then told nothing.
fn told<'a>(
    old: &mut BTreeMap<&'a str, Digest>,
    before: &Desired,
    declared: &BTreeMap<&'a str, Digest>,
    id: impl Fn(&str) -> ResourceId,
) {
    old.retain(|name, _| declared.contains_key(name) || before.faulty.contains_key(&id(name)));
    old.extend(declared);
}

/// Notes how what is declared of a kind differs from what was. A document that has errors now is not
/// gone.
fn note(
    entry: &mut RevisionEntry,
    desired: &Desired,
    old: &BTreeMap<&str, Digest>,
    new: &BTreeMap<&str, Digest>,
    id: impl Fn(&str) -> ResourceId,
) {
    for (name, digest) in new {
        match old.get(name) {
            None => entry.added.push(id(name)),
            Some(other) if other != digest => entry.changed.push(id(name)),
            Some(_) => {}
        }
    }
    let gone = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .map(|name| id(name));
    let gone = gone.filter(|id| !desired.faulty.contains_key(id));
    entry.removed.extend(gone);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::record::SnapshotRecord;
    use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
    use crate::resources::{Place, SourceView};

    fn declared(text: &str) -> Arc<Declared<JetJobSnapshotSpec>> {
        let spec = serde_json::json!({ "jetJobResourceName": text });
        Arc::new(Declared {
            place: Place {
                source: SourceName("local".to_owned()),
                path: "a.yaml".to_owned(),
                line: 1,
                column: 1,
            },
            digest: Digest::of(text.as_bytes()),
            spec: Arc::new(serde_json::from_value(spec).unwrap()),
            annotations: crate::resources::desired::Annotations::default(),
        })
    }

    #[test]
    fn a_deletion_that_is_held_is_told_with_the_revision_that_brought_it_alone() {
        let source = SourceName("local".to_owned());
        let mut recorded = Recorded::default();
        for (name, job) in [("held", "a"), ("fixed", "b")] {
            let it = declared(job);
            let (place, annotations) = (it.place.clone(), it.annotations.clone());
            let record = SnapshotRecord::new(place, it.digest, Arc::clone(&it.spec), annotations);
            recorded.snapshots.insert(name.to_owned(), Arc::new(record));
        }
        // The record of `fixed` never follows this document: what it is of can't change.
        let mut desired = Desired::default();
        desired
            .sources
            .insert(source.clone(), SourceView::default());
        desired.snapshots.insert("fixed".to_owned(), declared("x"));
        let at = Timestamp::UNIX_EPOCH;
        let revision = crate::engine::fake::revision_of(&source);
        let first = compare(&revision, (&desired, &Desired::default()), &recorded, at);
        assert_eq!((first.removed.len(), first.changed.len()), (1, 1));
        let mut next = desired.clone();
        next.snapshots.insert("new".to_owned(), declared("y"));
        let second = compare(&revision, (&next, &desired), &recorded, at);
        let id = |name| vec![ResourceId::jet_job_snapshot(name)];
        assert_eq!((second.removed, second.changed), (vec![], vec![]));
        assert_eq!(second.added, id("new"));
        let third = compare(&revision, (&Desired::default(), &next), &recorded, at);
        assert_eq!(third.removed, [id("fixed"), id("new")].concat());
    }

    #[test]
    fn snapshots_are_told_like_jobs() {
        let source = SourceName("local".to_owned());
        let mut recorded = Recorded::default();
        for (name, job) in [("same", "a"), ("other", "b"), ("gone", "c")] {
            let it = declared(job);
            let (place, annotations) = (it.place.clone(), it.annotations.clone());
            let record = SnapshotRecord::new(place, it.digest, Arc::clone(&it.spec), annotations);
            recorded.snapshots.insert(name.to_owned(), Arc::new(record));
        }
        let mut desired = Desired::default();
        for (name, job) in [("same", "a"), ("other", "x"), ("new", "d")] {
            desired.snapshots.insert(name.to_owned(), declared(job));
        }
        let before = Desired::default();
        let revision = crate::engine::fake::revision_of(&source);
        let entry = compare(
            &revision,
            (&desired, &before),
            &recorded,
            Timestamp::UNIX_EPOCH,
        );
        let id = |name| vec![ResourceId::jet_job_snapshot(name)];
        assert_eq!(
            (entry.added, entry.changed, entry.removed),
            (id("new"), id("other"), id("gone"))
        );
    }
}
