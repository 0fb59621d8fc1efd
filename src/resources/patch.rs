//! Brings the last result to small changes without comparing all documents again.
//!
//! Documents are compared by their names, clusters and namespaces: their outlines. Where nothing was
//! wrong between documents and every changed one is a job that keeps its outline, nothing can be wrong
//! between them now, and only the changed ones are replaced. Everything else is compared anew.

use std::sync::Arc;

use super::cache::{CheckedFile, LoadCache, Replaced};
use super::desired::{Declared, Desired};
use super::document::{Content, Document, Location};
use super::identity::ResourceId;
use super::jars;
use super::jet_job::JetJobSpec;
use super::load::LoadOptions;
use super::revision::{JarOrigin, Revision};

/// What the last load found, and from what.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) options: LoadOptions,
    pub(super) revisions: Vec<Arc<Revision>>,
    /// Whether a document was refused because of another one.
    pub(super) any_refused: bool,
    pub(super) desired: Desired,
}

/// A job to put in the place of the one of the same name.
struct Replacement<'a> {
    name: &'a str,
    declared: Arc<Declared<JetJobSpec>>,
    origin: JarOrigin,
}

/// The result for these revisions, made from the last one; none where it has to be made anew.
pub(super) fn patch(
    mut last: Last,
    revisions: &[Arc<Revision>],
    replaced: &[Replaced],
    cache: &LoadCache,
) -> Option<Last> {
    let is_alike = last.revisions.len() == revisions.len()
        && last
            .revisions
            .iter()
            .zip(revisions)
            .all(|(old, new)| is_alike(old, new));
    if last.any_refused || !is_alike {
        return None;
    }
    let mut replacements = Vec::new();
    for (revision, replaced) in revisions.iter().zip(replaced) {
        let files = cache.files(&revision.source);
        for (index, old) in replaced.files.as_ref()? {
            replace(old, files.get(*index)?, revision, &mut replacements)?;
        }
    }
    let desired = &mut last.desired;
    for Replacement {
        name,
        declared,
        origin,
    } in replacements
    {
        let before = desired.jars.get(name)?;
        if is_missing(before) {
            return None;
        }
        if *before != origin {
            desired.jars.insert(name.to_owned(), origin);
        }
        *desired.jobs.get_mut(name)? = declared;
    }
    for revision in revisions {
        let view = desired.sources.get_mut(&revision.source)?;
        view.revision.clone_from(&revision.id);
        view.lineage.clone_from(&revision.lineage);
        view.proposal.clone_from(&revision.proposal);
    }
    last.revisions = revisions.to_vec();
    Some(last)
}

/// Whether nothing but the content of YAML files may differ.
fn is_alike(old: &Arc<Revision>, new: &Arc<Revision>) -> bool {
    // No `..`: whatever a revision gets has to be thought of here.
    let Revision {
        source,
        id: _,
        present,
        files: _,
        jars,
        unreadable,
        changed_at: _,
        // What is shown is the same with and without.
        trouble: _,
        lineage: _,
        proposal: _,
        refused: _,
    } = &**new;
    Arc::ptr_eq(old, new)
        || *source == old.source
            && *present == old.present
            && *jars == old.jars
            && *unreadable == old.unreadable
}

/// Finds what a changed file replaces; none where that is more than jobs that keep their outlines.
fn replace<'a>(
    old: &CheckedFile,
    new: &'a CheckedFile,
    revision: &Revision,
    replacements: &mut Vec<Replacement<'a>>,
) -> Option<()> {
    if old.fault.is_some() || new.fault.is_some() || old.documents.len() != new.documents.len() {
        return None;
    }
    for (old, new_document) in old.documents.iter().zip(&new.documents) {
        let (Some(before), Some(now)) = (&old.document, &new_document.document) else {
            return None;
        };
        if Arc::ptr_eq(before, now) && old.lines_before == new_document.lines_before {
            continue;
        }
        let (spec, outline) = outline_of(now)?;
        if outline_of(before)?.1 != outline {
            return None;
        }
        let origin = jars::origin(spec, &new.path, revision)?;
        if is_missing(&origin) {
            return None;
        }
        let location = Location {
            source: &revision.source,
            path: &new.path,
            lines_before: new_document.lines_before,
            bytes: &[],
        };
        replacements.push(Replacement {
            name: &outline.resource.name,
            declared: now.declared(spec, location),
            origin,
        });
    }
    Some(())
}

/// What is compared with other documents.
#[derive(PartialEq, Eq)]
struct Outline<'a> {
    resource: &'a ResourceId,
    namespace: Option<&'a str>,
    cluster: &'a str,
    job_name: &'a str,
}

/// The spec and outline of a job with which nothing is wrong.
fn outline_of(document: &Document) -> Option<(&Arc<JetJobSpec>, Outline<'_>)> {
    let (Content::JetJob(spec), Some(resource)) = (&document.content, &document.resource) else {
        return None;
    };
    let outline = Outline {
        resource,
        namespace: document.namespace.as_deref(),
        cluster: &spec.hazelcast_resource_name,
        job_name: spec.job_name(&resource.name),
    };
    (document.identified && document.faults.is_empty()).then_some((spec, outline))
}

fn is_missing(origin: &JarOrigin) -> bool {
    matches!(origin, JarOrigin::Source { found: None, .. })
}
