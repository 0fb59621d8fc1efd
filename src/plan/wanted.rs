//! What has to be observed before a pass can decide: jars and jobs.

use std::collections::{BTreeMap, BTreeSet};

use super::jar::JarRequest;
use super::job::JobId;
use super::pass::Settings;
use super::record::Recorded;
use crate::resources::{Desired, Digest};

/// The jobs of one cluster that planning asks about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Every job of these names.
    pub names: BTreeSet<String>,
    /// These jobs, even if no list shows them.
    pub ids: BTreeSet<JobId>,
    /// Of the names those under which an upload may make a job at any time: nobody tells of a job
    /// that no list showed yet.
    pub awaited: BTreeSet<String>,
    /// Exported snapshots that are looked after, or that jobs are to start from, by name.
    pub snapshots: BTreeSet<String>,
    /// Jobs whose snapshots are followed until they committed one.
    pub standings: BTreeSet<JobId>,
    /// Whether it matters which commits were in force.
    pub anchors: bool,
}

/// The jars that the declared jobs need.
pub fn wanted_jars(desired: &Desired) -> BTreeSet<JarRequest> {
    let names = desired.jars.keys();
    names.filter_map(|name| wanted_jar(desired, name)).collect()
}

/// The jar that a declared job needs.
pub fn wanted_jar(desired: &Desired, name: &str) -> Option<JarRequest> {
    Some(JarRequest {
        origin: desired.jars.get(name)?.clone(),
        main_class: desired.jobs.get(name)?.spec.main_class.clone(),
    })
}

/// The jars that jobs were submitted with or are being submitted with: they stay at hand.
pub fn kept_jars(recorded: &Recorded) -> BTreeSet<Digest> {
    let records = recorded.jobs.values();
    let deployed = records.flat_map(|record| {
        let attempt = record
            .attempt
            .as_ref()
            .and_then(|attempt| attempt.deployed.jar);
        let job = record
            .job
            .as_ref()
            .and_then(|job| job.deployed.as_ref()?.jar);
        // A rollback submits what an upgrade began with.
        let operation = record.operation.as_ref();
        let before = operation.and_then(|operation| operation.from.as_ref()?.jar);
        attempt.into_iter().chain(job).chain(before)
    });
    deployed.collect()
}

/// The jobs to observe, by cluster.
pub fn interest(
    desired: &Desired,
    recorded: &Recorded,
    settings: &Settings,
) -> BTreeMap<String, Interest> {
    let mut interests: BTreeMap<String, Interest> = BTreeMap::new();
    for (name, job) in &desired.jobs {
        let cluster = &job.spec.hazelcast_resource_name;
        let interest = interests.entry(cluster.clone()).or_default();
        interest.names.insert(job.spec.job_name(name).to_owned());
        let record = recorded.jobs.get(name);
        let starts = record.is_none_or(|record| {
            let nonce = &job.spec.redeploy_nonce;
            record.job.is_none() || (nonce.is_some() && *nonce != record.redeploy_nonce)
        });
        if let Some(snapshot) = job.spec.initial_snapshot_name.as_ref().filter(|_| starts) {
            interest.snapshots.insert(snapshot.clone());
        }
    }
    for (name, record) in &recorded.jobs {
        if !desired.sources.contains_key(&record.place.source) {
            continue;
        }
        let cluster = &record.spec.hazelcast_resource_name;
        let interest = interests.entry(cluster.clone()).or_default();
        let job_name = record.spec.job_name(name);
        interest.names.insert(job_name.to_owned());
        let attempt = record.attempt.as_ref();
        if attempt.is_some_and(|attempt| attempt.uploading) {
            interest.awaited.insert(job_name.to_owned());
        }
        if let Some(job) = record.job.as_ref().filter(|job| job.is_active()) {
            interest.ids.insert(job.id);
            let started_from_one = job.started_from.is_some() || job.start_unknown;
            if started_from_one && (!job.own_snapshot || record.is_judged()) {
                interest.standings.insert(job.id);
            }
        }
    }
    for (name, record) in &recorded.snapshots {
        let looked_after = record.exported.is_some() && !record.deleting;
        if let Some(cluster) = record.cluster.as_ref().filter(|_| looked_after) {
            let interest = interests.entry(cluster.clone()).or_default();
            interest
                .snapshots
                .insert(record.spec.snapshot_name(name).to_owned());
        }
    }
    if settings.rebuilding {
        seek_snapshots(desired, recorded, &mut interests);
    }
    let mut sources = desired.sources.values();
    let anchors = sources.any(|source| source.lineage.is_some());
    for interest in interests.values_mut() {
        interest.anchors = anchors;
    }
    interests
}

/// Snapshots of which nothing is recorded may have been exported before the records were lost.
fn seek_snapshots(
    desired: &Desired,
    recorded: &Recorded,
    interests: &mut BTreeMap<String, Interest>,
) {
    for (name, declared) in &desired.snapshots {
        let job = desired.jobs.get(&declared.spec.jet_job_resource_name);
        let Some(job) = job.filter(|_| !recorded.snapshots.contains_key(name)) else {
            continue;
        };
        let cluster = job.spec.hazelcast_resource_name.clone();
        let interest = interests.entry(cluster).or_default();
        let snapshot = declared.spec.snapshot_name(name);
        interest.snapshots.insert(snapshot.to_owned());
    }
}
