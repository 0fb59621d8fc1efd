//! Keeps secrets out of what members say of our jobs.
//!
//! A job's failure may repeat an argument of its `main`, and what a view says goes into records,
//! events and statuses. So the secret parameters of a job are taken out of its failures before
//! planning sees them: all values that were read in this run, by uploads or for this very purpose, and
//! those of now. A text is withheld whole where a value that it may repeat can't be read. A value that an
//! earlier run used and that was changed since is not known any more.
//!
//! A pass waits a moment for values, and not at all for one that did not come a moment ago.

mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::flights::Landed;
use crate::plan::job::{JobId, JobView};
use crate::plan::observed::{ClusterView, Seen};
use crate::plan::record::{JobRecord, Recorded};
use crate::plan::step::{Action, Outcome, Step};
use crate::resources::Desired;
use crate::resources::jet_job::SecretParameter;
use crate::secrets::{SecretString, Secrets, redacted};
use values::{Reference, Values};

/// Secret parameters by cluster and job name.
type Parameters<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a SecretParameter>>>;

/// How long all values together may take that a pass asks for.
const READING: Duration = Duration::from_secs(1);
/// What is said instead of a text that may repeat a value that can't be read.
const WITHHELD: &str = "withheld: it may repeat a secret parameter of the job, and its value can't be read \
                        now to take it out; make the secret readable, or look into the members' logs";

/// Takes secrets out of texts. Cheap to share; values are never written down.
pub struct Hush {
    secrets: Arc<dyn Secrets>,
    values: Mutex<Values>,
}

impl Hush {
    /// With the secrets that parameters of jobs refer to.
    pub fn new(secrets: Arc<dyn Secrets>) -> Self {
        let values = Mutex::default();
        Self { secrets, values }
    }

    /// An upload is about to use the value of this parameter.
    pub(super) fn remember(
        &self,
        (cluster, job_name): (&str, &str),
        parameter: &SecretParameter,
        value: &SecretString,
    ) {
        let mut values = self.values();
        values.used(cluster, job_name, value);
        values.read(&of(parameter), value);
    }

    /// Takes the secret parameters of declared and recorded jobs out of the failures of jobs of their names.
    pub async fn views(
        &self,
        clusters: &mut BTreeMap<String, Arc<ClusterView>>,
        desired: &Desired,
        recorded: &Recorded,
    ) {
        let parameters = by_cluster(desired, recorded);
        let jobs = parameters.values().flat_map(BTreeMap::values).flatten();
        let references = jobs.map(|parameter| of(parameter)).collect();
        self.values().keep(&references, |cluster, job_name| {
            let jobs = parameters.get(cluster);
            jobs.is_some_and(|jobs| jobs.contains_key(job_name))
        });
        let mut telling = Vec::new();
        for (cluster, jobs) in &parameters {
            let view = clusters.get(*cluster).and_then(|view| view.jobs.known());
            for job in view.into_iter().flat_map(BTreeMap::values) {
                if let Some(parameters) = jobs.get(job.name.as_str()).filter(|_| tells(job)) {
                    telling.push((*cluster, job.id, parameters));
                }
            }
        }
        let wanted = telling.iter().flat_map(|(_, _, parameters)| *parameters);
        self.look(wanted.copied()).await;
        for (cluster, job, parameters) in telling {
            if let Some(view) = clusters.get_mut(cluster) {
                self.hush_job((cluster, view), job, parameters);
            }
        }
    }

    /// Takes them out of what members said when steps were carried out.
    pub(super) async fn outcomes(
        &self,
        landed: &mut [Landed],
        desired: &Desired,
        recorded: &Recorded,
    ) {
        if !landed
            .iter_mut()
            .any(|it| message(&mut it.outcome).is_some())
        {
            return;
        }
        let parameters = by_cluster(desired, recorded);
        for Landed { step, outcome, .. } in landed {
            let jobs = parameters.get(step.cluster.as_str());
            let Some(parameters) = jobs.and_then(|jobs| jobs.get(step.job_name.as_str())) else {
                continue;
            };
            let Some(said) = message(outcome) else {
                continue;
            };
            self.look(parameters.iter().copied()).await;
            let known = self.known(&step.cluster, &step.job_name, parameters);
            *said = match known {
                // An export repeats why the job's last snapshot failed. What else is said is ours, or was
                // freed of the very values that it was called with.
                Err(_) if quotes(step) => WITHHELD.to_owned(),
                Ok(values) | Err(values) => redacted(said, &values),
            };
        }
    }

    /// Reads these values as they are now, those that did not come a moment ago left out.
    async fn look(&self, parameters: impl Iterator<Item = &SecretParameter>) {
        let now = Instant::now();
        let mut wanted: BTreeSet<Reference> = parameters.map(of).collect();
        wanted.retain(|reference| !self.values().rests(reference, now));
        let reads = wanted.into_iter().map(async |reference| {
            let (name, key) = &reference;
            let read = tokio::time::timeout(READING, self.secrets.get(name, key)).await;
            let mut values = self.values();
            match read {
                Ok(Ok(value)) => values.read(&reference, &value),
                Ok(Err(_)) => {}
                Err(_) => values.rest(&reference, Instant::now()),
            }
        });
        join_all(reads).await;
    }

    fn hush_job(
        &self,
        (cluster, view): (&str, &mut Arc<ClusterView>),
        job: JobId,
        parameters: &[&SecretParameter],
    ) {
        let Seen::Known(jobs) = &mut Arc::make_mut(view).jobs else {
            return;
        };
        let Some(job) = jobs.get_mut(&job).map(Arc::make_mut) else {
            return;
        };
        let known = self.known(cluster, &job.name, parameters);
        for text in [&mut job.failure, &mut job.suspension_failure] {
            *text = text.take().map(|text| match &known {
                Ok(values) => redacted(&text, values).into(),
                Err(_) => WITHHELD.into(),
            });
        }
    }

    /// The values that a text of this job may repeat; an error with those that are known where others
    /// are not.
    fn known(
        &self,
        cluster: &str,
        job_name: &str,
        parameters: &[&SecretParameter],
    ) -> Result<Vec<SecretString>, Vec<SecretString>> {
        self.values()
            .of(cluster, job_name, parameters.iter().map(|it| of(it)))
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of(parameter: &SecretParameter) -> Reference {
    (parameter.secret_name.clone(), parameter.key.clone())
}

fn by_cluster<'a>(desired: &'a Desired, recorded: &'a Recorded) -> Parameters<'a> {
    let mut clusters = Parameters::new();
    let mut add = |cluster, job_name, parameters: Vec<&'a SecretParameter>| {
        if !parameters.is_empty() {
            let jobs: &mut BTreeMap<_, Vec<_>> = clusters.entry(cluster).or_default();
            jobs.entry(job_name).or_default().extend(parameters);
        }
    };
    for (name, declared) in &desired.jobs {
        let spec = &declared.spec;
        let parameters = spec.secret_parameters.iter().collect();
        let cluster = spec.hazelcast_resource_name.as_str();
        add(cluster, spec.job_name(name), parameters);
    }
    for (name, record) in &recorded.jobs {
        let cluster = record.spec.hazelcast_resource_name.as_str();
        add(cluster, record.spec.job_name(name), parameters(record));
    }
    clusters
}

/// The secret parameters that its job was, is, or is to be submitted with.
fn parameters(record: &JobRecord) -> Vec<&SecretParameter> {
    let attempt = record.attempt.iter().map(|attempt| &attempt.deployed);
    let job = record.job.iter().flat_map(|job| &job.deployed);
    let deployed = attempt.chain(job).flat_map(|it| &it.secret_parameters);
    record
        .spec
        .secret_parameters
        .iter()
        .chain(deployed)
        .collect()
}

fn tells(job: &JobView) -> bool {
    job.failure.is_some() || job.suspension_failure.is_some()
}

/// Whether what is said of this step may be what the job itself said.
fn quotes(step: &Step) -> bool {
    matches!(step.action, Action::Export(_))
}

/// What was said of a step that ended so.
fn message(outcome: &mut Outcome) -> Option<&mut String> {
    match outcome {
        Outcome::Failed { message, .. }
        | Outcome::Unknown { message }
        | Outcome::Stale { message }
        | Outcome::Uploaded { message, .. } => Some(message).filter(|message| !message.is_empty()),
        Outcome::Done | Outcome::Exported { .. } => None,
    }
}

#[cfg(test)]
mod tests;
