//! `adopt --export`: the YAML of a job that runs on a cluster and that nobody declared yet.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::error::{CliError, Result};
use super::wiring::{self, Connector};
use crate::cluster::Cluster;
use crate::config::Config;
use crate::engine::Clusters;
use crate::plan::job::{Guarantee, JobConfigView, JobStatus, JobView};
use crate::plan::observed::Link;
use crate::resources::jet_job::DesiredState;
use crate::resources::{JetJobSpec, ResourceId, to_yaml};

/// How long the cluster may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A job as its cluster tells it.
struct Found {
    cluster: String,
    job: JobView,
    config: JobConfigView,
}

/// The document that declares the job of this name.
pub(super) async fn export(context: &Context, name: &str, cluster: Option<&str>) -> Result<String> {
    let config = context.config()?;
    let (cluster, target) = pick(&config, cluster)?;
    let connection = Connector::new(Arc::clone(&context.clock), &config).connect(&target);
    let looked = tokio::time::timeout(PATIENCE, find(&*connection, name)).await;
    connection.close().await;
    let Ok(looked) = looked else {
        let addresses = target.addresses.join(", ");
        return Err(CliError::failed(format!(
            "{cluster} at {addresses} did not answer within {} s",
            PATIENCE.as_secs()
        )));
    };
    let Some((job, config)) = looked? else {
        return Err(CliError::failed(format!(
            "{cluster} has no job named {name}"
        )));
    };
    document(&Found {
        cluster,
        job,
        config,
    })
}

/// The cluster that was named, else the only one that is configured.
fn pick(config: &Config, named: Option<&str>) -> Result<(String, crate::engine::ClusterTarget)> {
    let mut targets = wiring::targets(config);
    if let Some(name) = named {
        let target = targets.remove(name);
        return target
            .map(|target| (name.to_owned(), target))
            .ok_or_else(|| {
                CliError::usage(format!("no address of {name} is known"))
                    .hint(format!("--cluster {name}=CLUSTERNAME@HOST:PORT gives one"))
            });
    }
    match (targets.pop_first(), targets.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            Err(CliError::usage("several clusters are configured").hint("--on NAME says which"))
        }
        (None, _) => Err(CliError::usage("no cluster is configured")
            .hint("--cluster NAME=CLUSTERNAME@HOST:PORT gives one")),
    }
}

/// The newest active job of the name, else the newest.
async fn find(cluster: &dyn Cluster, name: &str) -> Result<Option<(JobView, JobConfigView)>> {
    let mut connection = cluster.connection();
    let connected = connection.wait_for(|connection| connection.link == Link::Up);
    drop(connected.await.map_err(CliError::failed)?);
    let mut jobs = cluster.list().await.map_err(CliError::failed)?;
    jobs.retain(|job| job.name == name);
    jobs.sort_by_key(|job| (!job.status.is_terminal(), job.submitted_at));
    let Some(job) = jobs.pop() else {
        return Ok(None);
    };
    let config = cluster.config(job.id).await.map_err(CliError::failed)?;
    Ok(Some((job, config)))
}

fn document(found: &Found) -> Result<String> {
    let Found {
        cluster,
        job,
        config,
    } = found;
    let resource = resource_name(&job.name);
    let state = match job.status {
        JobStatus::Suspended | JobStatus::SuspendedExportingSnapshot => DesiredState::Suspended,
        _ => DesiredState::Running,
    };
    let jars = &config.resource_ids;
    let jar = jars.first().cloned();
    let jar = jar.unwrap_or_else(|| format!("{resource}.jar"));
    let spec: JetJobSpec = serde_json::from_value(serde_json::json!({
        "name": (resource != job.name).then_some(&job.name),
        "hazelcastResourceName": cluster,
        "state": state,
        "jarName": jar,
    }))
    .map_err(CliError::failed)?;
    let yaml = to_yaml(&ResourceId::jet_job(resource), &spec).map_err(CliError::failed)?;
    let guarantee = match config.guarantee {
        Guarantee::None => "it keeps no state",
        Guarantee::AtLeastOnce => "it keeps state, at least once",
        Guarantee::ExactlyOnce => "it keeps state, exactly once",
    };
    let mut text = format!("# Job {} is {}; {guarantee}.\n", job.id, job.status);
    // Writing to a String can't fail.
    writeln!(
        text,
        "# A cluster does not tell everything: add mainClass and parameters as they were, and put\n\
         # {jar} beside this file or in jars/ before `jetkeeper adopt` takes the job over."
    )
    .unwrap_or_default();
    Ok(text + &yaml)
}

/// A job's name as a resource's: lower case, digits, `-` and `.`, with a letter or digit at the ends.
fn resource_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let lower = name.to_lowercase();
    let fitted: String = lower
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(200)
        .collect();
    match fitted.trim_matches(['-', '.']) {
        "" => "job".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::job::{JobId, JobSettings};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn a_document_says_what_the_cluster_does_not_tell() {
        let found = Found {
            cluster: "hazelcast".to_owned(),
            job: JobView {
                id: JobId(0x0adf_8fef_9a80_0001),
                name: "Orders v2".to_owned(),
                status: JobStatus::Suspended,
                execution_id: 1,
                submitted_at: Timestamp::UNIX_EPOCH,
                completed_at: None,
                user_cancelled: false,
                user_requested: None,
                restarted: None,
                failure: None,
                suspension_failure: None,
                config: None,
            },
            config: JobConfigView {
                nonce: None,
                resource_ids: vec!["orders-2.0.jar".to_owned()],
                guarantee: Guarantee::ExactlyOnce,
                suspendable: true,
                initial_snapshot: crate::plan::observed::Seen::Known(None),
                settings: JobSettings {
                    snapshot_interval: SignedDuration::from_secs(10),
                    suspend_on_failure: false,
                    auto_scaling: true,
                    split_brain_protection: false,
                    metrics_enabled: true,
                    store_metrics_after_job_completion: false,
                    max_processor_accumulated_records: i64::MAX,
                    timeout: SignedDuration::ZERO,
                },
            },
        };
        insta::assert_snapshot!(document(&found).unwrap(), @r"
        # Job 0adf-8fef-9a80-0001 is SUSPENDED; it keeps state, exactly once.
        # A cluster does not tell everything: add mainClass and parameters as they were, and put
        # orders-2.0.jar beside this file or in jars/ before `jetkeeper adopt` takes the job over.
        apiVersion: hazelcast.com/v1alpha1
        kind: JetJob
        metadata:
          name: orders-v2
        spec:
          name: Orders v2
          hazelcastResourceName: hazelcast
          state: Suspended
          jarName: orders-2.0.jar
        ");
    }

    #[test]
    fn any_job_name_becomes_a_resource_name() {
        for (name, expected) in [
            ("orders", "orders"),
            ("Orders v2", "orders-v2"),
            ("_x_", "x"),
            ("äöü", "job"),
        ] {
            assert_eq!(resource_name(name), expected);
        }
    }
}
