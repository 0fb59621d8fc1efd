//! Carries out one step. Nothing is decided here: the step says everything.
//!
//! ```text
//! step ─▶ jar and secrets ─▶ still as it expects? ─▶ the one call ─▶ Outcome
//!          missing: Failed    no: Stale, or Failed     no answer: Unknown
//!                             where nobody answers
//! ```
//!
//! Guarantees: the call that has an effect is made once at most, and only after everything that the
//! step expects was read again. `Failed` and `Stale` mean that the effect did not happen; where that
//! isn't sure, the outcome is `Unknown`. Secret values are in no outcome.

use std::sync::Arc;
use std::time::Duration;

use super::hush::UsedSecrets;
use crate::artifacts::Artifacts;
use crate::cluster::{CallError, Cluster, Upload, UploadReport};
use crate::plan::hold::Reason;
use crate::plan::observed::{ClusterState, Link};
use crate::plan::record::UploadOutcome;
use crate::plan::step::{Action, Expectation, Outcome, Step, Submit};
use crate::plan::upload;

use crate::cluster::watch::{ClusterWatch, WatchError};
use crate::secrets::{SecretString, Secrets, redacted};

/// How much longer than an upload its answer is waited for, should the client lose count.
const UPLOAD_SLACK: Duration = Duration::from_secs(10);

/// What steps need beside their cluster.
#[derive(Clone)]
pub(super) struct Executor {
    pub(super) artifacts: Arc<dyn Artifacts>,
    pub(super) secrets: Arc<dyn Secrets>,
    /// What uploads used, to be kept out of what members say later.
    pub(super) used: Arc<UsedSecrets>,
}

impl Executor {
    /// Carries out a step and tells how it ended.
    pub(super) async fn carry_out(&self, step: &Step, watch: &ClusterWatch) -> Outcome {
        let cluster = &*watch.cluster();
        if let Action::Submit(submit) = &step.action {
            return self.submit(step, submit, cluster, watch).await;
        }
        if let Err(outcome) = expect(step, cluster, watch).await {
            return outcome;
        }
        match tokio::time::timeout(step.timeout, call(step, cluster)).await {
            Ok(Ok(true)) => Outcome::Done,
            Ok(Ok(false)) => Outcome::Stale {
                message: "another entry is in the ownership map now".to_owned(),
            },
            Ok(Err(error)) => outcome_of(error),
            Err(_) => unknown(
                step,
                format!("no answer within {} s", step.timeout.as_secs()),
            ),
        }
    }

    async fn submit(
        &self,
        step: &Step,
        submit: &Submit,
        cluster: &dyn Cluster,
        watch: &ClusterWatch,
    ) -> Outcome {
        let prepared = match self.prepare(step, submit).await {
            Ok(prepared) => prepared,
            Err(outcome) => return outcome,
        };
        if let Err(outcome) = expect(step, cluster, watch).await {
            return outcome;
        }
        let patience = step.timeout.saturating_add(UPLOAD_SLACK);
        match tokio::time::timeout(patience, cluster.upload(prepared.upload)).await {
            Ok(report) => uploaded(report, &prepared.secrets),
            Err(_) => unknown(step, format!("no answer within {} s", patience.as_secs())),
        }
    }

    /// Brings together what an upload sends. Fails before anything is sent.
    async fn prepare(&self, step: &Step, submit: &Submit) -> Result<Prepared, Outcome> {
        let jar =
            match &submit.jar {
                Some(digest) => Some(self.artifacts.verified(digest).await.map_err(|error| {
                    Outcome::Failed {
                        reason: Reason::JarNotFound,
                        message: error.to_string(),
                    }
                })?),
                None => None,
            };
        let file_name = match (&submit.jar, &submit.jar_on_member) {
            (Some(digest), _) => upload::file_name(&submit.nonce, digest),
            (None, Some(path)) => path.clone(),
            (None, None) => {
                return Err(Outcome::Failed {
                    reason: Reason::JarNotFound,
                    message: "the step names no jar".to_owned(),
                });
            }
        };
        let (parameters, secrets) = self.parameters(submit).await?;
        self.used.remember(&step.cluster, &step.job_name, &secrets);
        let upload = Upload {
            file_name,
            jar,
            sha256: submit.jar.map(|digest| digest.to_string()),
            job_name: step.job_name.clone(),
            main_class: submit.main_class.clone(),
            parameters,
            timeout: step.timeout,
        };
        Ok(Prepared { upload, secrets })
    }

    /// The arguments of `main`, with the secret ones put in at their positions in the final list.
    async fn parameters(
        &self,
        submit: &Submit,
    ) -> Result<(Vec<String>, Vec<SecretString>), Outcome> {
        let mut wanted: Vec<_> = submit.secret_parameters.iter().collect();
        wanted.sort_by_key(|parameter| parameter.index);
        let mut parameters = submit.parameters.clone();
        let mut secrets = Vec::new();
        for parameter in wanted {
            let value = self
                .secrets
                .get(&parameter.secret_name, &parameter.key)
                .await
                .map_err(|error| Outcome::Failed {
                    reason: Reason::SecretMissing,
                    message: error.to_string(),
                })?;
            let index = usize::try_from(parameter.index).unwrap_or(usize::MAX);
            parameters.insert(index.min(parameters.len()), value.expose().to_owned());
            secrets.push(value);
        }
        Ok((parameters, secrets))
    }
}

struct Prepared {
    upload: Upload,
    secrets: Vec<SecretString>,
}

/// Reads again, right before the effect, everything that has to be true for it.
async fn expect(step: &Step, cluster: &dyn Cluster, watch: &ClusterWatch) -> Result<(), Outcome> {
    let (expected, trusted) = tokio::join!(check(step, cluster), trust(step, watch));
    expected.and(trusted)?;
    same_master(step, cluster)
}

/// Reads again what the step expects.
async fn check(step: &Step, cluster: &dyn Cluster) -> Result<(), Outcome> {
    let Expectation {
        cluster_id,
        master: _,
        job,
        only_active,
    } = &step.expects;
    let connection = cluster.connection().borrow().clone();
    if let Link::Down { error, .. } = connection.link {
        return Err(Outcome::Failed {
            reason: Reason::ClusterUnreachable,
            message: error.unwrap_or_else(|| "no member answers".to_owned()),
        });
    }
    if connection.cluster_id != Some(*cluster_id) || connection.foreign_cluster_id.is_some() {
        return Err(stale("the members answer with another cluster id"));
    }
    if let Some((id, statuses)) = job {
        match cluster.status(*id).await {
            Ok(Some(status)) if statuses.contains(&status) => {}
            Ok(Some(status)) => return Err(stale(format!("job {id} is {status} now"))),
            Ok(None) => return Err(stale(format!("the master knows no job {id}"))),
            Err(error) => return Err(not_begun(error)),
        }
    }
    if let Some(known) = only_active {
        let jobs = cluster.list().await.map_err(not_begun)?;
        let other = jobs.iter().find(|job| {
            job.name == step.job_name && !job.status.is_terminal() && !known.contains(&job.id)
        });
        if let Some(other) = other {
            let (name, id, status) = (&other.name, other.id, other.status);
            return Err(stale(format!(
                "job {id} has the name {name} and is {status}"
            )));
        }
    }
    Ok(())
}

/// Reads again whether the cluster may be trusted with what stops or starts a job.
async fn trust(step: &Step, watch: &ClusterWatch) -> Result<(), Outcome> {
    match &step.action {
        Action::Submit(_)
        | Action::Suspend { .. }
        | Action::Resume { .. }
        | Action::Restart { .. }
        | Action::Cancel { .. } => {}
        Action::Claim { .. } | Action::UpdateConfig { .. } | Action::Release { .. } => {
            return Ok(());
        }
    }
    let health = watch.guard().await.map_err(|error| match error {
        WatchError::Call(error) => not_begun(error),
        WatchError::Down | WatchError::Stopped => Outcome::Failed {
            reason: Reason::ClusterUnreachable,
            message: error.to_string(),
        },
    })?;
    if health.state != ClusterState::Active {
        return Err(stale(format!(
            "the cluster's state is {:?} now",
            health.state
        )));
    }
    if !health.partitions_safe {
        return Err(stale("not all partitions have their backups now"));
    }
    Ok(())
}

/// Compares the master last, when all answers are in: one that is new has to settle first.
fn same_master(step: &Step, cluster: &dyn Cluster) -> Result<(), Outcome> {
    let master = cluster.connection().borrow().members.first().copied();
    if step.expects.master.is_some() && master != step.expects.master {
        return Err(stale("another member coordinates jobs now"));
    }
    Ok(())
}

/// The one call. `false` means that the entry to be replaced was another one.
async fn call(step: &Step, cluster: &dyn Cluster) -> Result<bool, CallError> {
    let name = &step.job_name;
    match &step.action {
        Action::Claim {
            entry, replaces, ..
        } => {
            return cluster
                .write_ownership(name, replaces.as_ref(), Some(entry))
                .await;
        }
        Action::Release { entry } => {
            return cluster.write_ownership(name, Some(entry), None).await;
        }
        Action::Suspend { job } => cluster.suspend(*job).await?,
        Action::Resume { job } => cluster.resume(*job).await?,
        Action::Restart { job, .. } => cluster.restart(*job).await?,
        Action::Cancel { job, forceful } => cluster.cancel(*job, *forceful).await?,
        Action::UpdateConfig { job, settings } => cluster.update_config(*job, settings).await?,
        // An upload takes a path of its own and never comes here.
        Action::Submit(_) => {
            return Err(CallError::NotSent {
                message: "an upload is no simple call".to_owned(),
            });
        }
    }
    Ok(true)
}

/// The outcome of a step that nobody knows the end of.
pub(super) fn unknown(step: &Step, message: String) -> Outcome {
    match step.action {
        Action::Submit(_) => Outcome::Uploaded {
            outcome: UploadOutcome::Unknown,
            reason: None,
            message,
            member: None,
        },
        _ => Outcome::Unknown { message },
    }
}

fn stale(message: impl Into<String>) -> Outcome {
    Outcome::Stale {
        message: message.into(),
    }
}

fn outcome_of(error: CallError) -> Outcome {
    match error {
        CallError::NotSent { message } => Outcome::Failed {
            reason: Reason::ClusterUnreachable,
            message,
        },
        CallError::Refused {
            reason, message, ..
        } => Outcome::Failed { reason, message },
        CallError::Unknown { message, .. } => Outcome::Unknown { message },
    }
}

/// A look that failed: whatever became of it, the effect was not asked for.
fn not_begun(error: CallError) -> Outcome {
    match error {
        CallError::Unknown { message, .. } => Outcome::Failed {
            reason: Reason::ClusterUnreachable,
            message,
        },
        other => outcome_of(other),
    }
}

/// What the member said about an upload, without the values of secrets, should `main` repeat them.
fn uploaded(report: UploadReport, secrets: &[SecretString]) -> Outcome {
    let UploadReport {
        outcome,
        reason,
        message,
        member,
    } = report;
    Outcome::Uploaded {
        outcome,
        reason,
        message: redacted(&message, secrets),
        member,
    }
}

#[cfg(test)]
mod tests;
