//! Carries out one step. Nothing is decided here: the step says everything.
//!
//! ```text
//! step ─▶ jar and secrets ─▶ still as it expects? ─▶ the one call ─▶ Outcome
//!          missing: Failed    no: Stale, or Failed     no answer: Unknown
//!                             where nobody answers
//! ```
//!
//! Guarantees: the call that has an effect is made once at most, and only after everything that the
//! step expects was read again, as [`expect`] says. `Failed` and `Stale` mean
//! that the effect did not happen; where that isn't sure, the outcome is `Unknown`. Secret values are in
//! no outcome.

use std::sync::Arc;
use std::time::Duration;

use super::hush::Hush;
use crate::artifacts::Artifacts;
use crate::cluster::watch::ClusterWatch;
use crate::cluster::{CallError, Cluster, Export, Progress, Upload, UploadReport};
use crate::plan::hold::Reason;
use crate::plan::record::UploadOutcome;
use crate::plan::step::{Action, ExportSnapshot, Outcome, Step, Submit};
use crate::plan::upload;
use crate::secrets::{self, SecretString, Secrets, redacted};

use super::expect::{RECENT, expect};
use super::progress::{ProgressBoard, Reporter};

/// How long a snapshot is waited for that a running job begins from now on.
const FRESH_SNAPSHOT: Duration = Duration::from_mins(10);
/// How much longer than an upload its answer is waited for, should the client lose count.
const UPLOAD_SLACK: Duration = Duration::from_secs(10);
/// How much longer than an export its end is waited for: its last calls are answered, and what it
/// wrote is cleared.
const EXPORT_SLACK: Duration = Duration::from_mins(5);

/// What steps need beside their cluster.
#[derive(Clone)]
pub(super) struct Executor {
    pub(super) artifacts: Arc<dyn Artifacts>,
    pub(super) secrets: Arc<dyn Secrets>,
    pub(super) progress: ProgressBoard,
    /// What uploads used, to be kept out of what members say later.
    pub(super) hush: Arc<Hush>,
}

impl Executor {
    /// Carries out a step and tells how it ended.
    pub(super) async fn carry_out(&self, step: &Step, watch: &ClusterWatch) -> Outcome {
        let cluster = &*watch.cluster();
        if let Action::Claim {
            attempt: Some(_), ..
        } = &step.action
        {
            // An upload follows, which has to know the jobs: they are read meanwhile.
            watch.prepare(RECENT / 2);
        }
        if let Action::Submit(submit) = &step.action {
            return self.submit(step, submit, cluster, watch).await;
        }
        if let Err(outcome) = expect(step, cluster, watch).await {
            return outcome;
        }
        if let Action::Export(export) = &step.action {
            let reporter = self.progress.of(step);
            return export_snapshot(step, export, cluster, &reporter).await;
        }
        match tokio::time::timeout(step.timeout, call(step, cluster)).await {
            Ok(Ok(true)) => Outcome::Done,
            Ok(Ok(false)) => Outcome::Stale {
                message: "another entry is in the map now".to_owned(),
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
        let prepared = match tokio::time::timeout(step.timeout, self.prepare(step, submit)).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(outcome)) => return outcome,
            Err(_) => return not_prepared(step),
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
        let (parameters, secrets) = self.parameters(step, submit).await?;
        let upload = Upload {
            file_name,
            jar,
            sha256: submit.jar.map(|digest| digest.to_string()),
            job_name: step.job_name.clone(),
            snapshot: step.expects.snapshot.as_ref().map(|it| it.name.clone()),
            main_class: submit.main_class.clone(),
            parameters,
            secrets: secrets.iter().map(|it| it.expose().to_owned()).collect(),
            timeout: step.timeout,
        };
        Ok(Prepared { upload, secrets })
    }

    /// The arguments of `main`, with the secret ones put in at their positions in the final list.
    async fn parameters(
        &self,
        step: &Step,
        submit: &Submit,
    ) -> Result<(Vec<String>, Vec<SecretString>), Outcome> {
        let mut wanted: Vec<_> = submit.secret_parameters.iter().collect();
        wanted.sort_by_key(|parameter| parameter.index);
        let mut parameters = submit.parameters.clone();
        let mut secrets = Vec::new();
        for parameter in wanted {
            let (name, key) = (&parameter.secret_name, &parameter.key);
            let value = secrets::in_time(&*self.secrets, name, key).await;
            let value = value.map_err(|error| Outcome::Failed {
                reason: Reason::SecretMissing,
                message: error.to_string(),
            })?;
            let job = (step.cluster.as_str(), step.job_name.as_str());
            self.hush.remember(job, parameter, &value);
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

/// Jar and secrets are read from disks, and one of them does not answer.
fn not_prepared(step: &Step) -> Outcome {
    Outcome::Failed {
        reason: Reason::JarNotFound,
        message: format!(
            "jar and secrets could not be read within {} s; see to the disks that they are on",
            step.timeout.as_secs()
        ),
    }
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
        Action::Anchor { entry, replaces } => {
            return cluster.write_anchor(replaces.as_deref(), entry).await;
        }
        Action::Suspend { job } => cluster.suspend(*job).await?,
        Action::Resume { job } => cluster.resume(*job).await?,
        Action::Restart { job, .. } => cluster.restart(*job).await?,
        Action::Cancel { job, forceful } => cluster.cancel(*job, *forceful).await?,
        Action::UpdateConfig { job, settings } => cluster.update_config(*job, settings).await?,
        Action::DeleteSnapshot { name, maker } => {
            if !cluster.snapshots().delete(name, maker.as_ref()).await? {
                return Err(CallError::Refused {
                    transient: false,
                    reason: Reason::Conflict,
                    message: format!("snapshot {name} is not signed by us: it stays"),
                });
            }
        }
        // These take paths of their own and never come here.
        Action::Submit(_) | Action::Export(_) => {
            return Err(CallError::NotSent {
                message: "this is no simple call".to_owned(),
            });
        }
    }
    Ok(true)
}

/// Exports a snapshot. It can be begun again: what an earlier try committed is found, the rest is
/// cleared.
async fn export_snapshot(
    step: &Step,
    export: &ExportSnapshot,
    cluster: &dyn Cluster,
    reporter: &Reporter,
) -> Outcome {
    let request = Export {
        name: export.name.clone(),
        job: export.job,
        which: export.which,
        strategy: export.strategy,
        mark: export.mark.clone(),
        patience: step.timeout.min(FRESH_SNAPSHOT),
        timeout: step.timeout,
    };
    let report = |progress: Progress| reporter.tell(progress);
    let exported = cluster.snapshots().export(&request, &report);
    // It keeps to its time by itself, and then ends its calls and clears what it wrote.
    let patience = step.timeout.saturating_add(EXPORT_SLACK);
    match tokio::time::timeout(patience, exported).await {
        Ok(Ok(facts)) => Outcome::Exported { facts },
        Ok(Err(error)) => outcome_of(error),
        Err(_) => unknown(
            step,
            format!("not exported within {} s", patience.as_secs()),
        ),
    }
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

pub(super) fn stale(message: impl Into<String>) -> Outcome {
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
pub(super) fn not_begun(error: CallError) -> Outcome {
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
