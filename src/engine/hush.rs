//! Keeps secrets out of what members say of our jobs.
//!
//! A job's failure may repeat an argument of its `main`, and what a view says goes into records,
//! events and statuses. So the secret parameters of a job are taken out of its failures before
//! planning sees them: the values as they are now, and those that uploads of this run used, should they
//! have been changed since. A value that an earlier run used and that was changed since is not known
//! any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plan::job::{JobId, JobView};
use crate::plan::observed::{ClusterView, Seen};
use crate::plan::record::{JobRecord, Recorded};
use crate::resources::jet_job::SecretParameter;
use crate::secrets::{SecretString, Secrets, redacted};

/// Secret parameters by cluster and job name.
type Parameters<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a SecretParameter>>>;

/// How many different values are remembered of one job.
const MOST_VALUES: usize = 32;

/// The values of secrets that uploads of this run used, by cluster and job name. Never written down.
#[derive(Default)]
pub(super) struct UsedSecrets(Mutex<BTreeMap<(String, String), Vec<SecretString>>>);

impl UsedSecrets {
    /// An upload is about to use these.
    pub(super) fn remember(&self, cluster: &str, job_name: &str, values: &[SecretString]) {
        if values.is_empty() {
            return;
        }
        let mut used = self.lock();
        let key = (cluster.to_owned(), job_name.to_owned());
        let known = used.entry(key).or_default();
        // The latest are at the end.
        known.retain(|value| !values.contains(value));
        known.extend_from_slice(values);
        let excess = known.len().saturating_sub(MOST_VALUES);
        known.drain(..excess);
    }

    /// Those of one job.
    fn of(&self, cluster: &str, job_name: &str) -> Vec<SecretString> {
        let key = (cluster.to_owned(), job_name.to_owned());
        self.lock().get(&key).cloned().unwrap_or_default()
    }

    /// Forgets those of jobs that have no secrets any more.
    fn keep(&self, parameters: &Parameters<'_>) {
        self.lock().retain(|(cluster, job_name), _| {
            let jobs = parameters.get(cluster.as_str());
            jobs.is_some_and(|jobs| jobs.contains_key(job_name.as_str()))
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Vec<SecretString>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the secret parameters of recorded jobs out of the failures of jobs of their names.
pub(super) async fn failures(
    clusters: &mut BTreeMap<String, Arc<ClusterView>>,
    recorded: &Recorded,
    secrets: &dyn Secrets,
    used: &UsedSecrets,
) {
    let parameters = by_cluster(recorded);
    used.keep(&parameters);
    for (cluster, jobs) in parameters {
        if let Some(view) = clusters.get_mut(cluster) {
            hush_view((cluster, view), &jobs, secrets, used).await;
        }
    }
}

fn by_cluster(recorded: &Recorded) -> Parameters<'_> {
    let mut clusters = Parameters::new();
    for (name, record) in &recorded.jobs {
        let parameters = parameters(record);
        if !parameters.is_empty() {
            let jobs = clusters.entry(&record.spec.hazelcast_resource_name);
            let job = jobs.or_default().entry(record.spec.job_name(name));
            job.or_default().extend(parameters);
        }
    }
    clusters
}

async fn hush_view(
    (cluster, view): (&str, &mut Arc<ClusterView>),
    parameters: &BTreeMap<&str, Vec<&SecretParameter>>,
    secrets: &dyn Secrets,
    used: &UsedSecrets,
) {
    let Some(jobs) = view.jobs.known() else {
        return;
    };
    let telling: Vec<JobId> = jobs
        .values()
        .filter(|job| tells(job) && parameters.contains_key(job.name.as_str()))
        .map(|job| job.id)
        .collect();
    if telling.is_empty() {
        return;
    }
    let Seen::Known(jobs) = &mut Arc::make_mut(view).jobs else {
        return;
    };
    for id in telling {
        if let Some(job) = jobs.get_mut(&id) {
            let job = Arc::make_mut(job);
            let parameters = parameters.get(job.name.as_str());
            let mut values = used.of(cluster, &job.name);
            for it in parameters.into_iter().flatten() {
                values.extend(secrets.get(&it.secret_name, &it.key).await);
            }
            hush(job, &values);
        }
    }
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

fn hush(job: &mut JobView, values: &[SecretString]) {
    for text in [&mut job.failure, &mut job.suspension_failure] {
        *text = text.take().map(|text| redacted(&text, values).into());
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::plan::job::JobStatus;
    use crate::secrets::SecretError;

    struct Password;

    #[async_trait]
    impl Secrets for Password {
        async fn get(&self, _: &str, _: &str) -> Result<SecretString, SecretError> {
            Ok(SecretString::new("correct-horse"))
        }
    }

    fn failed(id: i64, name: &str) -> Arc<JobView> {
        Arc::new(JobView {
            id: JobId(id),
            name: name.to_owned(),
            status: JobStatus::Failed,
            execution_id: 1,
            submitted_at: jiff::Timestamp::UNIX_EPOCH,
            completed_at: None,
            user_cancelled: false,
            user_requested: None,
            restarted: None,
            failure: Some("no login with correct-horse".into()),
            suspension_failure: None,
            config: None,
        })
    }

    fn record(spec: serde_json::Value) -> Arc<JobRecord> {
        let spec: crate::resources::JetJobSpec = serde_json::from_value(spec).unwrap();
        let place = crate::resources::Place {
            source: crate::resources::SourceName("jobs".to_owned()),
            path: "orders.yaml".to_owned(),
            line: 1,
            column: 1,
        };
        let digest = crate::resources::Digest::of_json(&spec);
        let annotations = crate::resources::desired::Annotations::default();
        Arc::new(JobRecord::new(place, digest, Arc::new(spec), annotations))
    }

    #[tokio::test]
    async fn a_failure_that_repeats_a_secret_parameter_reaches_planning_without_it() {
        let secret = serde_json::json!({
            "hazelcastResourceName": "dev",
            "name": "orders-eu",
            "secretParameters": [{"index": 0, "secretName": "db", "key": "password"}],
        });
        let plain = serde_json::json!({"hazelcastResourceName": "dev"});
        let recorded = Recorded {
            jobs: [
                ("orders".to_owned(), record(secret)),
                ("other".to_owned(), record(plain)),
            ]
            .into(),
            ..Recorded::default()
        };
        let jobs = [failed(1, "orders-eu"), failed(2, "other")];
        let view = ClusterView {
            jobs: Seen::Known(jobs.into_iter().map(|job| (job.id, job)).collect()),
            ..ClusterView::unknown(jiff::Timestamp::UNIX_EPOCH)
        };
        let mut clusters = BTreeMap::from([("dev".to_owned(), Arc::new(view))]);
        let used = UsedSecrets::default();
        failures(&mut clusters, &recorded, &Password, &used).await;
        let jobs = clusters["dev"].jobs.known().unwrap();
        let text = |id| jobs[&JobId(id)].failure.as_deref().unwrap();
        assert_eq!(text(1), "no login with [redacted]");
        assert_eq!(
            text(2),
            "no login with correct-horse",
            "it is no secret of that job"
        );
    }

    #[tokio::test]
    async fn a_value_that_was_changed_since_its_upload_is_taken_out_too() {
        let secret = serde_json::json!({
            "hazelcastResourceName": "dev",
            "secretParameters": [{"index": 0, "secretName": "db", "key": "password"}],
        });
        let mut recorded = Recorded {
            jobs: [("orders".to_owned(), record(secret))].into(),
            ..Recorded::default()
        };
        let mut job = Arc::unwrap_or_clone(failed(1, "orders"));
        job.failure = Some("no login with correct-horse, nor with battery-staple".into());
        let view = ClusterView {
            jobs: Seen::Known([(job.id, Arc::new(job))].into()),
            ..ClusterView::unknown(jiff::Timestamp::UNIX_EPOCH)
        };
        let used = UsedSecrets::default();
        used.remember("dev", "orders", &[SecretString::new("battery-staple")]);
        let clusters = BTreeMap::from([("dev".to_owned(), Arc::new(view))]);
        let mut shown = clusters.clone();
        failures(&mut shown, &recorded, &Password, &used).await;
        let text = shown["dev"].jobs.known().unwrap()[&JobId(1)]
            .failure
            .clone()
            .unwrap();
        assert_eq!(&*text, "no login with [redacted], nor with [redacted]");

        // What nobody needs any more is forgotten.
        recorded.jobs.clear();
        failures(&mut clusters.clone(), &recorded, &Password, &used).await;
        assert!(used.of("dev", "orders").is_empty());
    }

    #[test]
    fn only_so_many_values_are_remembered_and_each_once() {
        let used = UsedSecrets::default();
        for number in 0..100 {
            let value = SecretString::new(format!("value-{}", number % 50));
            used.remember("dev", "orders", &[value]);
        }
        let values = used.of("dev", "orders");
        assert_eq!(values.len(), MOST_VALUES);
        assert_eq!(values.last().unwrap().expose(), "value-49");
    }
}
