//! Compares the documents of all sources with each other: names, references, namespaces, jars.
//!
//! What one document says is checked in `document`; here is what takes two.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cache::{LoadCache, file_fault};
use super::desired::{Desired, SourceView};
use super::document::{Content, Document, Location, Marks};
use super::fault::{Fault, Severity};
use super::identity::{Kind, Place, ResourceId, SourceName};
use super::jars;
use super::jet_job::JetJobSpec;
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::revision::{JarOrigin, Revision};
use super::suggest;
use super::tree::{Problem, Span, quote};

/// The documents of all sources, while they are compared.
#[derive(Default)]
pub(super) struct Together<'a> {
    entries: Vec<Entry<'a>>,
    /// Indexes of the entries that declare a resource of ours, by resource.
    by_resource: Vec<(&'a ResourceId, usize)>,
    sources: BTreeMap<SourceName, SourceView>,
    faults: Vec<Fault>,
}

/// One document among them.
struct Entry<'a> {
    revision: &'a Revision,
    location: Location<'a>,
    document: &'a Document,
    /// Whether it can't be used because of another one.
    is_refused: bool,
}

impl<'a> Together<'a> {
    /// Adds the documents of a revision that the cache was brought to.
    pub(super) fn add(&mut self, revision: &'a Revision, cache: &'a LoadCache) {
        let mut identified = true;
        let mut documents = 0;
        for (path, reason) in &revision.unreadable {
            // A jar hides no document; anything else might.
            let is_jar = jars::is_jar(path);
            identified &= is_jar;
            let help = "until it can be read, nothing is deleted because of this source".to_owned();
            let message = format!("this can't be read: {reason}");
            self.faults.push(file_fault(
                &revision.source,
                path,
                Severity::Error,
                message,
                help,
            ));
        }
        // The cache was just brought to this revision, so both have the same files in one order.
        let checked = cache.files(&revision.source);
        for ((path, file), checked) in revision.files.iter().zip(checked) {
            identified &= checked.fault.is_none();
            self.faults.extend(checked.fault.clone());
            for one in &checked.documents {
                let Some(document) = one.document.as_deref() else {
                    continue;
                };
                documents += 1;
                identified &= document.identified;
                self.faults.extend_from_slice(&document.faults);
                if let Some(resource) = &document.resource {
                    self.by_resource.push((resource, self.entries.len()));
                }
                self.entries.push(Entry {
                    revision,
                    location: Location {
                        source: &revision.source,
                        path,
                        lines_before: one.lines_before,
                        bytes: file.bytes.get(one.range.clone()).unwrap_or_default(),
                    },
                    document,
                    is_refused: false,
                });
            }
        }
        let view = SourceView {
            revision: revision.id.clone(),
            present: revision.present && documents > 0,
            identified,
            lineage: revision.lineage.clone(),
            proposal: revision.proposal.clone(),
        };
        self.sources.insert(revision.source.clone(), view);
    }

    /// A resource may be declared once.
    pub(super) fn check_names(&mut self) {
        self.by_resource.sort();
        let mut doubles = Vec::new();
        for same in self
            .by_resource
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|same| same.len() > 1)
        {
            for (position, (resource, index)) in same.iter().enumerate() {
                let other = same.get(usize::from(position == 0));
                doubles.extend(other.map(|(_, other)| (*resource, *index, *other)));
            }
        }
        for (resource, index, other) in doubles {
            let other = self.place_of(other, index);
            let message = format!("{resource} is declared more than once: also at {other}");
            let help = "keep one".to_owned();
            self.refuse(index, |marks| marks.name, message, help);
        }
    }

    /// A run has one namespace: the one that most documents name.
    pub(super) fn check_namespaces(&mut self) {
        let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(namespace) = &entry.document.namespace {
                users.entry(namespace).or_default().push(index);
            }
        }
        // The first of the most used ones, so that the verdict doesn't depend on chance.
        let Some(common) = users.iter().rev().max_by_key(|(_, users)| users.len()) else {
            return;
        };
        let common = *common.0;
        for (namespace, users) in &users {
            for index in users.iter().filter(|_| *namespace != common) {
                let message = format!(
                    "the namespace {} is not that of the others",
                    quote(namespace)
                );
                let help = format!("all documents must name the same, here {}", quote(common));
                self.refuse(*index, |marks| marks.namespace, message, help);
            }
        }
    }

    /// A job's cluster must be declared or configured. One that is declared and faulty is known.
    pub(super) fn check_references(&mut self, configured: &BTreeSet<String>) {
        let declared = self.by_resource.iter().map(|(resource, _)| *resource);
        let declared = declared.filter(|resource| resource.kind == Kind::Hazelcast);
        let known: BTreeSet<&str> = declared
            .map(|resource| resource.name.as_str())
            .chain(configured.iter().map(String::as_str))
            .collect();
        for index in 0..self.entries.len() {
            let Some(job) = self.job(index) else { continue };
            let cluster = job.hazelcast_resource_name.as_str();
            if known.contains(cluster) {
                continue;
            }
            let message = format!("there is no Hazelcast resource {}", quote(cluster));
            let help = match suggest::nearest(cluster, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "declare one, or give its addresses with `clusters` in the configuration or \
                         `--cluster NAME=CLUSTERNAME@HOST:PORT`"
                        .to_owned()
                }
            };
            self.refuse(index, |marks| marks.cluster, message, help);
        }
    }

    /// A snapshot's job, and a job's initial snapshot, should be declared. They may still come, so
    /// that is no error; a name that is nearly one of those there are is.
    pub(super) fn check_snapshots(&mut self) {
        let of_kind = |kind: Kind| -> BTreeSet<&'a str> {
            let declared = self.by_resource.iter().map(|(resource, _)| *resource);
            let declared = declared.filter(|resource| resource.kind == kind);
            declared.map(|resource| resource.name.as_str()).collect()
        };
        let (jobs, snapshots) = (of_kind(Kind::JetJob), of_kind(Kind::JetJobSnapshot));
        for index in 0..self.entries.len() {
            let Some(entry) = self.entries.get(index).filter(|it| !it.is_refused) else {
                continue;
            };
            if let Some(snapshot) = entry.snapshot() {
                let job = snapshot.jet_job_resource_name.as_str();
                self.check_known(index, "JetJob", job, &jobs);
            } else if let Some(job) = entry.job()
                && let Some(snapshot) = job.initial_snapshot_resource_name.as_deref()
            {
                self.check_known(index, "JetJobSnapshot", snapshot, &snapshots);
            }
        }
    }

    fn check_known(&mut self, index: usize, kind: &str, name: &str, known: &BTreeSet<&str>) {
        if known.contains(name) {
            return;
        }
        let near = suggest::nearest(name, known.iter().copied());
        let Some(entry) = self.entries.get(index) else {
            return;
        };
        let message = format!("there is no {kind} {}", quote(name));
        let problem = Problem::warning(entry.document.marks.refers_to, message);
        let problem = problem.help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "it is waited for".to_owned(),
        });
        let resource = entry.document.resource.as_ref();
        self.faults.push(entry.location.fault(problem, resource));
    }

    /// Two jobs of one cluster can't have the same name.
    pub(super) fn check_job_names(&mut self) {
        let mut owners: HashMap<(&str, &str), usize> = HashMap::with_capacity(self.entries.len());
        let mut doubles = Vec::new();
        for (index, entry) in self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| !e.is_refused)
        {
            let (Some(job), Some(resource)) = (entry.job(), &entry.document.resource) else {
                continue;
            };
            let name = job.job_name(&resource.name);
            match owners.entry((&job.hazelcast_resource_name, name)) {
                Slot::Occupied(owner) => {
                    doubles.push((name, *owner.get(), index));
                }
                Slot::Vacant(vacant) => {
                    vacant.insert(index);
                }
            }
        }
        for (name, first, second) in doubles {
            for (index, other) in [(first, second), (second, first)] {
                if index == first && self.entries.get(first).is_none_or(|e| e.is_refused) {
                    continue;
                }
                let message = format!("two jobs of this cluster are named {}", quote(name));
                let place = self.place_of(other, index);
                let help = format!("give one of them another `spec.name`; the other is at {place}");
                self.refuse(index, |marks| marks.job_name, message, help);
            }
        }
    }

    /// Whether a document can't be used because of another one.
    pub(super) fn any_refused(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_refused)
    }

    fn job(&self, index: usize) -> Option<&'a JetJobSpec> {
        self.entries.get(index)?.job()
    }

    /// Where an entry's name stands, for a message about another entry.
    fn place_of(&self, index: usize, seen_from: usize) -> String {
        let (Some(entry), Some(from)) = (self.entries.get(index), self.entries.get(seen_from))
        else {
            return String::new();
        };
        let place = entry.location.place(entry.document.marks.name);
        if entry.location.source == from.location.source {
            place.to_string()
        } else {
            format!("{place} of the source {}", quote(&place.source.0))
        }
    }

    fn refuse(
        &mut self,
        index: usize,
        mark: impl Fn(&Marks) -> Span,
        message: String,
        help: String,
    ) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.is_refused = true;
            let problem = Problem::error(mark(&entry.document.marks), message).help(help);
            let resource = entry.document.resource.as_ref();
            self.faults.push(entry.location.fault(problem, resource));
        }
    }

    /// The result.
    pub(super) fn finish(mut self) -> Desired {
        let mut desired = Desired::default();
        let (mut hazelcasts, mut jobs, mut origins) = (Vec::new(), Vec::new(), Vec::new());
        let mut snapshots = Vec::new();
        for (resource, index) in &self.by_resource {
            let Some(entry) = self.entries.get(*index) else {
                continue;
            };
            let name = || resource.name.clone();
            match &entry.document.content {
                _ if entry.is_refused => {
                    desired
                        .faulty
                        .entry((*resource).clone())
                        .or_insert_with(|| entry.place());
                }
                Content::Faulty => {
                    desired.faulty.insert((*resource).clone(), entry.place());
                }
                Content::JetJobSnapshot(spec) => {
                    snapshots.push((name(), entry.document.declared(spec, entry.location)));
                }
                Content::Hazelcast(spec) => {
                    hazelcasts.push((name(), entry.document.declared(spec, entry.location)));
                }
                Content::JetJob(spec) => {
                    jobs.push((name(), entry.document.declared(spec, entry.location)));
                    if let Some(origin) = jars::origin(spec, entry.location.path, entry.revision) {
                        self.faults.extend(entry.missing_jar(&origin));
                        origins.push((name(), origin));
                    }
                }
            }
        }
        self.faults.sort_by(|a, b| a.place.cmp(&b.place));
        desired.hazelcasts = hazelcasts.into_iter().collect();
        desired.jobs = jobs.into_iter().collect();
        desired.snapshots = snapshots.into_iter().collect();
        desired.jars = origins.into_iter().collect();
        desired.sources = self.sources;
        desired.faults = self.faults;
        desired
    }
}

impl<'a> Entry<'a> {
    fn job(&self) -> Option<&'a JetJobSpec> {
        match &self.document.content {
            Content::JetJob(spec) => Some(spec),
            Content::Hazelcast(_) | Content::JetJobSnapshot(_) | Content::Faulty => None,
        }
    }

    fn snapshot(&self) -> Option<&'a JetJobSnapshotSpec> {
        match &self.document.content {
            Content::JetJobSnapshot(spec) => Some(spec),
            Content::Hazelcast(_) | Content::JetJob(_) | Content::Faulty => None,
        }
    }

    fn place(&self) -> Place {
        self.location.place(self.document.marks.name)
    }

    /// Warns of a jar that is in neither place; it may still come.
    fn missing_jar(&self, origin: &JarOrigin) -> Option<Fault> {
        let JarOrigin::Source {
            candidates,
            found: None,
        } = origin
        else {
            return None;
        };
        let message = format!(
            "there is no jar at {}",
            suggest::list(candidates).replace(" and ", " or ")
        );
        let problem = Problem::warning(self.document.marks.jar, message)
            .help("the job waits for it".to_owned());
        Some(
            self.location
                .fault(problem, self.document.resource.as_ref()),
        )
    }
}
