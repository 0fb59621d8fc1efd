//! Keeps secrets out of what members say of our jobs.
//!
//! A job's failure may repeat an argument of its `main`, and what a view says goes into records,
//! events and statuses. So the secret parameters of a job are taken out of its failures before
//! planning sees them. A value that was changed since the job was submitted is not known any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plan::job::{JobId, JobView};
use crate::plan::observed::{ClusterView, Seen};
use crate::plan::record::{JobRecord, Recorded};
use crate::resources::jet_job::SecretParameter;
use crate::secrets::{SecretString, Secrets, redacted};

/// Secret parameters by cluster and job name.
type Parameters<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a SecretParameter>>>;

/// Takes the secret parameters of recorded jobs out of the failures of jobs of their names.
pub(super) fn failures(
    clusters: &mut BTreeMap<String, Arc<ClusterView>>,
    recorded: &Recorded,
    secrets: &dyn Secrets,
) {
    for (cluster, jobs) in by_cluster(recorded) {
        if let Some(view) = clusters.get_mut(cluster) {
            hush_view(view, &jobs, secrets);
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

fn hush_view(
    view: &mut Arc<ClusterView>,
    parameters: &BTreeMap<&str, Vec<&SecretParameter>>,
    secrets: &dyn Secrets,
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
            let values = parameters.into_iter().flatten();
            let values: Vec<SecretString> = values
                .filter_map(|it| secrets.get(&it.secret_name, &it.key).ok())
                .collect();
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
    use super::*;
    use crate::plan::job::JobStatus;
    use crate::secrets::SecretError;

    struct Password;

    impl Secrets for Password {
        fn get(&self, _: &str, _: &str) -> Result<SecretString, SecretError> {
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

    #[test]
    fn a_failure_that_repeats_a_secret_parameter_reaches_planning_without_it() {
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
        failures(&mut clusters, &recorded, &Password);
        let jobs = clusters["dev"].jobs.known().unwrap();
        let text = |id| jobs[&JobId(id)].failure.as_deref().unwrap();
        assert_eq!(text(1), "no login with [redacted]");
        assert_eq!(
            text(2),
            "no login with correct-horse",
            "it is no secret of that job"
        );
    }
}
