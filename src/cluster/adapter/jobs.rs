//! Jobs as the client tells them, in the words of planning.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::hazelcast::{self, DeltaJobConfig, JobConfig, JobSummary, ProcessingGuarantee};
use crate::plan::job::{Guarantee, JobConfigView, JobId, JobSettings, JobStatus, JobView};
use crate::plan::observed::Seen;
use crate::plan::upload::nonce_of;

/// What members say of a job that a user suspended.
const SUSPENDED_BY_USER: &str = "Requested by user";
/// What members put before the failure that suspended a job.
const SUSPENDED_BY_FAILURE: &str = "Execution failure:";

/// One line of the list.
pub(super) fn view(summary: JobSummary) -> JobView {
    let suspension = summary.suspension_cause;
    let suspension = suspension.filter(|cause| cause.trim() != SUSPENDED_BY_USER);
    let status = status(summary.status);
    JobView {
        id: JobId(summary.job_id),
        name: summary.name_or_id,
        status,
        execution_id: summary.execution_id,
        submitted_at: time(summary.submission_time).unwrap_or_default(),
        completed_at: time(summary.completion_time).filter(|_| status.is_terminal()),
        user_cancelled: summary.user_cancelled,
        user_requested: None,
        restarted: None,
        failure: summary.failure_text.map(Arc::from),
        suspension_failure: suspension.map(|cause| failure_of(&cause).into()),
        config: None,
    }
}

/// The failure that suspended a job, without what members put before it.
fn failure_of(cause: &str) -> &str {
    let failure = cause.strip_prefix(SUSPENDED_BY_FAILURE).unwrap_or(cause);
    failure.trim_start()
}

/// A status. One that only later members know is waited through, as an end that is under way is.
pub(super) fn status(status: hazelcast::JobStatus) -> JobStatus {
    use hazelcast::JobStatus as Told;
    match status {
        Told::NotRunning => JobStatus::NotRunning,
        Told::Starting => JobStatus::Starting,
        Told::Running => JobStatus::Running,
        Told::Suspended => JobStatus::Suspended,
        Told::SuspendedExportingSnapshot => JobStatus::SuspendedExportingSnapshot,
        Told::Completing | Told::Unknown(_) => JobStatus::Completing,
        Told::Failed => JobStatus::Failed,
        Told::Completed => JobStatus::Completed,
    }
}

/// What a job was submitted with.
pub(super) fn config(config: JobConfig) -> JobConfigView {
    let nonce = config.resource_ids.iter().find_map(|id| nonce_of(id));
    // The fields behind an argument that can't be read are taken to be what members default to.
    let tail = config.tail.as_ref();
    let settings = JobSettings {
        snapshot_interval: SignedDuration::from_millis(config.snapshot_interval_millis),
        suspend_on_failure: config.suspend_on_failure,
        auto_scaling: config.auto_scaling,
        split_brain_protection: config.split_brain_protection,
        metrics_enabled: tail.is_none_or(|tail| tail.enable_metrics),
        store_metrics_after_job_completion: tail.is_some_and(|tail| tail.store_metrics),
        max_processor_accumulated_records: tail
            .map_or(-1, |tail| tail.max_processor_accumulated_records),
        timeout: SignedDuration::from_millis(tail.map_or(0, |tail| tail.timeout_millis)),
    };
    JobConfigView {
        nonce: nonce.map(str::to_owned),
        guarantee: match config.guarantee {
            ProcessingGuarantee::None => Guarantee::None,
            ProcessingGuarantee::AtLeastOnce => Guarantee::AtLeastOnce,
            // One that is not known here has state to lose.
            ProcessingGuarantee::ExactlyOnce | ProcessingGuarantee::Other(_) => {
                Guarantee::ExactlyOnce
            }
        },
        suspendable: config.suspendable,
        initial_snapshot: config.tail.map_or(Seen::Unknown, |tail| {
            Seen::Known(tail.initial_snapshot_name)
        }),
        settings,
        resource_ids: config.resource_ids,
    }
}

/// The change that makes a suspended job's settings these.
pub(super) fn delta(settings: &JobSettings) -> DeltaJobConfig {
    DeltaJobConfig {
        snapshot_interval_millis: Some(millis(settings.snapshot_interval)),
        auto_scaling: Some(settings.auto_scaling),
        suspend_on_failure: Some(settings.suspend_on_failure),
        split_brain_protection: Some(settings.split_brain_protection),
        enable_metrics: Some(settings.metrics_enabled),
        store_metrics: Some(settings.store_metrics_after_job_completion),
        max_processor_accumulated_records: Some(settings.max_processor_accumulated_records),
        timeout_millis: Some(millis(settings.timeout)),
    }
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A member's time; 0 is none.
fn time(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis)
        .ok()
        .filter(|_| millis > 0)
}
