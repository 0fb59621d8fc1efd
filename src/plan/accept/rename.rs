//! A job whose document is gone while a new one declares it: the same job under a new name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Standing, take_spec};
use crate::plan::event::{Event, EventKind};
use crate::plan::pass::PlanInput;
use crate::resources::{Declared, JetJobSpec, ResourceId};

/// The resources whose documents are gone, by what they declared: cluster and job name.
pub(super) struct Renames<'a>(BTreeMap<(&'a str, &'a str), &'a str>);

impl<'a> Renames<'a> {
    pub(super) fn among(input: &PlanInput<'a>, gone: &BTreeSet<&'a str>) -> Self {
        let records = gone
            .iter()
            .filter_map(|name| Some((*name, input.recorded.jobs.get(*name)?)));
        let by_job = records.map(|(name, record)| (job_key(name, &record.spec), name));
        Self(by_job.collect())
    }

    /// The old name of the resource that declares this job now.
    pub(super) fn old_name(&self, name: &str, spec: &JetJobSpec) -> Option<&'a str> {
        self.0.get(&job_key(name, spec)).copied()
    }
}

fn job_key<'a>(name: &'a str, spec: &'a JetJobSpec) -> (&'a str, &'a str) {
    (&spec.hazelcast_resource_name, spec.job_name(name))
}

/// The record under its new name; none while the old one is paused or a step of it is in flight.
pub(super) fn rename(
    input: &PlanInput<'_>,
    old: &str,
    name: &str,
    declared: &Declared<JetJobSpec>,
) -> Option<Standing> {
    let old_id = ResourceId::jet_job(old);
    let recorded = input.recorded;
    let pause = recorded.pauses.get(&Some(old_id.clone()));
    let paused = pause.is_some_and(|pause| pause.until.is_none_or(|until| until > input.now));
    if paused || recorded.in_flight.contains_key(&old_id) {
        return None;
    }
    let mut record = (**recorded.jobs.get(old)?).clone();
    if record.deletion.take().is_some() {
        record.discard_for = None;
    }
    record.released = false;
    // It is signed with the old name.
    record.forget_half_snapshot();
    record.place = declared.place.clone();
    if record.digest != declared.digest {
        take_spec(&mut record, declared);
    }
    let mut standing = Standing::of(Arc::new(record));
    standing.events.push(Event {
        kind: EventKind::Renamed,
        resource: Some(ResourceId::jet_job(name)),
        message: format!("it was {old_id} before; its job goes on"),
        revision: None,
    });
    Some(standing)
}
