//! What is known of the cluster now, made of answers and events in the order of their age.
//!
//! A **mark** is taken whenever a list or a status is asked for, and whenever an event comes in. What has
//! a later mark than a list is not older than what the list says, so it stands; the list that each of
//! them brings about settles the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::call::Entries;
use crate::cluster::port::{Connection, Health, StatusEvent};
use crate::plan::Interest;
use crate::plan::job::{JobConfigView, JobId, JobStatus, JobView};
use crate::plan::observed::{ClusterView, GONE_AFTER, Link, Lists, Missing, Seen};
use crate::plan::snapshot::{ReadBack, Standing};

/// The most that is kept of a text, in bytes.
const LONGEST_TEXT: usize = 2048;

/// How a member describes the end of an execution that somebody asked to be restarted.
const RESTART: &str = "Restart";

/// The view in the making.
#[derive(Debug)]
pub(super) struct Picture {
    view: ClusterView,
    watch: Uuid,
    interest: Interest,
    mark: u64,
    /// The mark of the list that was taken last.
    listed: u64,
    heard: BTreeMap<JobId, u64>,
}

/// What a change of the connection means.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turned {
    /// The connection is not the one that it was: nothing is known any more.
    pub(super) link: bool,
    /// Members came or went.
    pub(super) members: bool,
    /// Another member coordinates jobs.
    pub(super) master: bool,
}

/// When a list was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) mark: u64,
    pub(super) at: Timestamp,
    /// Whether the master had been in place for long enough for what it lacks to be absent.
    pub(super) settled: bool,
    /// How many lists had been ordered.
    pub(super) ordered: u64,
}

/// When a job's status was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedStatus {
    mark: u64,
    pub(super) master: Option<Uuid>,
}

/// What is to be done about a job after its status changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consequence {
    /// It has ended.
    pub(super) ended: bool,
    /// Its settings may be others than before.
    pub(super) config_is_old: bool,
}

impl Picture {
    pub(super) fn new(since: Timestamp, watch: Uuid) -> Self {
        Self {
            view: ClusterView::unknown(since),
            watch,
            interest: Interest::default(),
            mark: 0,
            listed: 0,
            heard: BTreeMap::new(),
        }
    }

    pub(super) fn view(&self) -> &ClusterView {
        &self.view
    }

    pub(super) fn interest(&self) -> &Interest {
        &self.interest
    }

    pub(super) fn is_up(&self) -> bool {
        self.view.link == Link::Up
    }

    /// Whether this job matters.
    pub(super) fn is_wanted(&self, job: &JobView) -> bool {
        self.interest.ids.contains(&job.id) || self.interest.names.contains(&job.name)
    }

    /// The job, where it is known and matters.
    pub(super) fn wanted(&self, id: JobId) -> Option<&Arc<JobView>> {
        self.jobs()?.get(&id).filter(|job| self.is_wanted(job))
    }

    /// All known jobs that matter.
    pub(super) fn all_wanted(&self) -> impl Iterator<Item = &Arc<JobView>> {
        let jobs = self.jobs().into_iter().flat_map(BTreeMap::values);
        jobs.filter(|job| self.is_wanted(job))
    }

    /// The ids that matter and that the list lacks.
    pub(super) fn absent(&self) -> impl Iterator<Item = JobId> {
        let ids = self.interest.ids.iter().copied();
        ids.filter(|id| self.is_absent(*id))
    }

    /// Whether this id matters and the list lacks it.
    pub(super) fn is_absent(&self, id: JobId) -> bool {
        let lacking = self.jobs().is_some_and(|jobs| !jobs.contains_key(&id));
        lacking && self.interest.ids.contains(&id)
    }

    /// Whether this job matters and is on its way to RUNNING.
    pub(super) fn is_starting(&self, id: JobId) -> bool {
        let status = self.wanted(id).map(|job| job.status);
        status == Some(JobStatus::Starting)
    }

    /// Whether the snapshots of this job are still to be followed: until it committed one.
    pub(super) fn follows_snapshots_of(&self, id: JobId) -> bool {
        let standing = self.view.standings.get(&id);
        let committed = standing.is_some_and(|standing| standing.committed.is_some());
        let ended = self.jobs().and_then(|jobs| jobs.get(&id));
        let ended = ended.is_some_and(|job| job.status.is_terminal());
        self.interest.standings.contains(&id) && !committed && !ended
    }

    /// Takes what was read back of exported snapshots.
    pub(super) fn snapshots(&mut self, found: BTreeMap<String, Option<ReadBack>>) {
        let (mut snapshots, mut marks) = (BTreeMap::new(), BTreeMap::new());
        for (name, read) in found {
            let (facts, mark) = read.map_or((None, None), |read| (Some(read.facts), read.mark));
            if let Some(mark) = mark {
                marks.insert(name.clone(), mark);
            }
            snapshots.insert(name, facts);
        }
        self.view.snapshots = snapshots;
        self.view.snapshot_marks = marks;
    }

    /// Forgets where a job's snapshots stand: it can't be read now.
    pub(super) fn forget_standing(&mut self, id: JobId) {
        self.view.standings.remove(&id);
    }

    /// Takes where a job's snapshots stand.
    pub(super) fn standing(&mut self, id: JobId, standing: Option<Standing>) {
        match standing {
            Some(standing) if self.interest.standings.contains(&id) => {
                let known = self.view.standings.get(&id);
                if known.is_none_or(|known| **known != standing) {
                    self.view.standings.insert(id, Arc::new(standing));
                }
            }
            // The record of a job goes with its end: then what was read last is what stood.
            None if self.interest.standings.contains(&id) => {}
            _ => self.forget_standing(id),
        }
    }

    /// Whether enough was asked for this id to know that its job is gone.
    pub(super) fn is_proven_missing(&self, id: JobId) -> bool {
        let missing = self.view.missing.get(&id);
        missing.is_some_and(|seen| seen.last_at.duration_since(seen.first_at) >= GONE_AFTER)
    }

    fn jobs(&self) -> Option<&BTreeMap<JobId, Arc<JobView>>> {
        self.view.jobs.known()
    }

    fn job_mut(&mut self, id: JobId) -> Option<&mut Arc<JobView>> {
        match &mut self.view.jobs {
            Seen::Known(jobs) => jobs.get_mut(&id),
            Seen::Unknown => None,
        }
    }

    /// Takes the new interest.
    pub(super) fn want(&mut self, interest: Interest) {
        self.view.missing.retain(|id, _| interest.ids.contains(id));
        let followed = &interest.standings;
        self.view.standings.retain(|id, _| followed.contains(id));
        self.interest = interest;
    }

    /// Takes the state of the connection.
    pub(super) fn connection(&mut self, connection: &Connection, now: Timestamp) -> Turned {
        let was_up = self.is_up();
        let up = connection.link == Link::Up;
        let another = self.view.cluster_id.is_some()
            && connection.cluster_id.is_some()
            && self.view.cluster_id != connection.cluster_id;
        let master = connection.members.first().copied();
        let replaced = self.view.master.is_some() && master.is_some() && self.view.master != master;
        let members = connection.members.iter().copied().collect();
        let turned = Turned {
            link: was_up != up || (up && another),
            members: self.view.members != members,
            master: replaced,
        };

        self.view.link = connection.link.clone();
        self.view.refused = connection.refused;
        self.view.foreign_cluster_id = connection.foreign_cluster_id;
        self.view.cluster_id = connection.cluster_id.or(self.view.cluster_id);
        self.view.version = connection.version.clone().or(self.view.version.take());
        if master.is_some() {
            self.view.members = members;
            self.view.master = master;
        }
        if replaced {
            self.view.master_changed_at = Some(now);
            self.view.missing.clear();
        }
        if turned.link {
            self.view.connected_at = up.then_some(now);
            self.forget();
        } else if turned.members {
            // Partitions are on the move, so the last word on them is void.
            self.view.partitions_safe = Seen::Unknown;
        }
        turned
    }

    /// Takes times to come for now: a clock that was put back must not make what settles from them on take
    /// longer, nor what was seen before seem newer than what was done since.
    pub(super) fn set_times_right(&mut self, now: Timestamp) {
        let view = &mut self.view;
        let down = match &mut view.link {
            Link::Down { since, .. } => Some(since),
            Link::Up => None,
        };
        let times = [
            view.connected_at.as_mut(),
            view.master_changed_at.as_mut(),
            view.listed_at.as_mut(),
            view.ownership_asked_at.as_mut(),
            down,
        ];
        for at in times.into_iter().flatten() {
            *at = (*at).min(now);
        }
    }

    /// Forgets what was known through the connection.
    fn forget(&mut self) {
        self.forget_health();
        self.view.jobs = Seen::Unknown;
        self.view.listed_at = None;
        self.view.lists = None;
        self.view.missing.clear();
        self.view.standings.clear();
        self.view.snapshots.clear();
        self.view.snapshot_marks.clear();
        self.view.ownership = Seen::Unknown;
        self.view.anchors = Seen::Unknown;
        self.view.ownership_asked_at = None;
        self.heard.clear();
    }

    /// Forgets the cluster's health: it could not be read.
    pub(super) fn forget_health(&mut self) {
        self.view.state = Seen::Unknown;
        self.view.partitions_safe = Seen::Unknown;
        self.view.jet_enabled = Seen::Unknown;
        self.view.upload_enabled = Seen::Unknown;
        self.view.ownership_map_fault = Seen::Unknown;
    }

    pub(super) fn health(&mut self, health: &Health) {
        self.view.state = Seen::Known(health.state);
        self.view.partitions_safe = Seen::Known(health.partitions_safe);
        self.view.jet_enabled = Seen::Known(health.jet_enabled);
        self.view.upload_enabled = Seen::Known(health.upload_enabled);
        self.view.ownership_map_fault = Seen::Known(health.ownership_map_fault.clone());
    }

    /// Takes the maps beside the jobs as they were read when they were asked for.
    pub(super) fn ownership(&mut self, asked: Timestamp, entries: Entries) {
        self.view.ownership = Seen::Known(entries.ownership);
        self.view.anchors = entries.anchors.map_or(Seen::Unknown, Seen::Known);
        self.view.ownership_asked_at = Some(asked);
    }

    /// A list is asked for, which answers so many orders.
    pub(super) fn ask(&mut self, at: Timestamp, settled: bool, ordered: u64) -> Asked {
        self.mark += 1;
        Asked {
            mark: self.mark,
            at,
            settled,
            ordered,
        }
    }

    /// A job's status is asked for.
    pub(super) fn ask_status(&mut self) -> AskedStatus {
        self.mark += 1;
        AskedStatus {
            mark: self.mark,
            master: self.view.master,
        }
    }

    /// Takes the status of a job that was starting. Whether it says all there is to say: of anything but
    /// a step forward, a list has to tell what happened.
    pub(super) fn started(&mut self, id: JobId, asked: AskedStatus, status: JobStatus) -> bool {
        if self.view.master != asked.master || self.listed > asked.mark {
            return false;
        }
        if self.heard.get(&id).is_some_and(|mark| *mark > asked.mark) {
            return true;
        }
        let Some(job) = self.job_mut(id) else {
            return false;
        };
        match (job.status, status) {
            (before, now) if before == now => {}
            // Before, the job has no execution yet, whose number a list tells.
            (JobStatus::Starting, JobStatus::Running) => Arc::make_mut(job).status = status,
            _ => return false,
        }
        self.heard.insert(id, asked.mark);
        true
    }

    /// Takes a list. The jobs whose settings may be others than before.
    pub(super) fn list(&mut self, asked: Asked, listed: Vec<JobView>) -> Vec<JobId> {
        let before = match &self.view.jobs {
            Seen::Unknown if !asked.settled && listed.is_empty() => return Vec::new(),
            Seen::Unknown => BTreeMap::new(),
            Seen::Known(jobs) => jobs.clone(),
        };
        self.listed = self.listed.max(asked.mark);
        let mut jobs = BTreeMap::new();
        let mut old_configs = Vec::new();
        for job in listed {
            let (id, status) = (job.id, job.status);
            let joined = self.join(asked, before.get(&id), job);
            if before
                .get(&id)
                .is_some_and(|job| resumed(job.status, status))
            {
                old_configs.push(id);
            }
            jobs.insert(id, joined);
        }
        let mut proven = true;
        for (id, job) in before {
            if !jobs.contains_key(&id) && (!asked.settled || self.told_since(asked, id)) {
                jobs.insert(id, job);
                proven = false;
            }
        }
        self.heard.retain(|_, mark| *mark > asked.mark);
        self.view.missing.retain(|id, _| !jobs.contains_key(id));
        self.view.jobs = Seen::Known(jobs);
        if proven {
            self.view.listed_at = Some(asked.at);
            self.view.lists = Some(Lists {
                watch: self.watch,
                count: asked.ordered,
            });
        }
        old_configs
    }

    /// Whether the job's status was told, or asked for, after the list was asked for.
    fn told_since(&self, asked: Asked, id: JobId) -> bool {
        self.heard.get(&id).is_some_and(|mark| *mark > asked.mark)
    }

    /// A job as the list and what is known already say together.
    fn join(&self, asked: Asked, before: Option<&Arc<JobView>>, mut job: JobView) -> Arc<JobView> {
        let wanted = self.is_wanted(&job);
        let texts = [&mut job.failure, &mut job.suspension_failure];
        for text in texts {
            *text = text.take().filter(|_| wanted).map(bounded);
        }
        let Some(before) = before else {
            return Arc::new(job);
        };
        let ended_since = job.status.is_terminal() && !before.status.is_terminal();
        if self.told_since(asked, job.id) && !ended_since {
            return Arc::clone(before);
        }
        if job.status == before.status && job.execution_id == before.execution_id {
            job.user_requested = before.user_requested;
        }
        job.restarted = before.restarted;
        job.config = before.config.clone().filter(|_| wanted);
        if **before == job {
            Arc::clone(before)
        } else {
            Arc::new(job)
        }
    }

    /// Takes a status that a member told by itself.
    pub(super) fn event(&mut self, event: StatusEvent) -> Consequence {
        self.mark += 1;
        let mark = self.mark;
        let Some(job) = self.job_mut(event.job) else {
            return Consequence::default();
        };
        if job.status.is_terminal() {
            // Told late: nothing follows the end.
            return Consequence::default();
        }
        let before = job.status;
        apply(Arc::make_mut(job), event);
        let (id, status) = (job.id, job.status);
        self.heard.insert(id, mark);
        Consequence {
            ended: status.is_terminal(),
            config_is_old: resumed(before, status),
        }
    }

    /// Takes what a job was submitted with.
    pub(super) fn config(&mut self, id: JobId, config: JobConfigView) {
        if self.wanted(id).is_none() {
            return;
        }
        if let Some(job) = self.job_mut(id)
            && job.config.as_deref() != Some(&config)
        {
            Arc::make_mut(job).config = Some(Arc::new(config));
        }
    }

    /// Forgets what a job was submitted with.
    pub(super) fn forget_config(&mut self, id: JobId) {
        if let Some(job) = self.job_mut(id)
            && job.config.is_some()
        {
            Arc::make_mut(job).config = None;
        }
    }

    /// Takes the answer that there is no job with this id, given under this master.
    pub(super) fn missing(&mut self, id: JobId, master: Uuid, now: Timestamp) {
        if !self.is_absent(id) || self.view.master != Some(master) {
            return;
        }
        let first = Missing {
            first_at: now,
            last_at: now,
            master,
        };
        let seen = self.view.missing.entry(id).or_insert(first);
        // A clock that was set back proves nothing about the time between two answers.
        if seen.master == master && seen.first_at <= now {
            seen.last_at = now;
        } else {
            *seen = first;
        }
    }
}

/// Whether a job's settings may have been changed between these two statuses.
fn resumed(before: JobStatus, after: JobStatus) -> bool {
    before == JobStatus::Suspended && after != JobStatus::Suspended
}

fn apply(job: &mut JobView, event: StatusEvent) {
    let asked = event.user_requested && event.status == JobStatus::NotRunning;
    if asked && event.description.as_deref() == Some(RESTART) {
        job.restarted = Some(job.execution_id);
    }
    job.status = event.status;
    job.user_requested = Some(event.user_requested);
    let failure = event
        .description
        .filter(|_| !event.user_requested)
        .map(|text| bounded(text.into()));
    match event.status {
        JobStatus::Failed => {
            job.user_cancelled |= event.user_requested;
            job.failure = failure;
            job.suspension_failure = None;
        }
        JobStatus::Suspended => job.suspension_failure = failure,
        _ => job.suspension_failure = None,
    }
}

fn bounded(text: Arc<str>) -> Arc<str> {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let end = text.floor_char_boundary(LONGEST_TEXT);
    text.get(..end).unwrap_or_default().into()
}

#[cfg(test)]
mod tests;
