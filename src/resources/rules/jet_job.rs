//! The rules of a `JetJob`.

use std::collections::BTreeSet;

use super::super::jet_job::{JetJobSpec, RestartKind};
use super::super::name;
use super::super::tree::quote;
use super::{Report, jar};

/// The most restarts in a row.
const MOST_RESTARTS: u32 = 1000;

/// The rules of a `JetJob`.
pub(in crate::resources) fn jet_job(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    report.not_empty("hazelcastResourceName", &spec.hazelcast_resource_name);
    if let Some(fault) = spec.name.as_deref().and_then(name::job_name_fault) {
        report.error(
            &["name"],
            format!("`spec.name` can't be a job's name: {fault}"),
            None,
        );
    }
    jar::origin(spec, report);
    jar::main_class(spec, report);
    secret_parameters(spec, report);
    if spec.initial_snapshot_name.is_some() && spec.initial_snapshot_resource_name.is_some() {
        report.error(
            &["initialSnapshotName"],
            "the job can't start from two snapshots",
            "keep `initialSnapshotName` or `initialSnapshotResourceName`".to_owned(),
        );
    }
    durations(spec, report);
    let restart = &spec.restart_policy;
    if restart.max_restarts > MOST_RESTARTS {
        let message = "`spec.restartPolicy.maxRestarts` is out of range";
        let help = format!("at most {MOST_RESTARTS}");
        report.error(&["restartPolicy", "maxRestarts"], message, help);
    }
    if restart.kind == RestartKind::OnFailure && restart.max_restarts == 0 {
        report.error(
            &["restartPolicy", "maxRestarts"],
            "`OnFailure` with no restarts restarts nothing",
            "write `type: Never`, or at least 1".to_owned(),
        );
    }
    if spec
        .job_config
        .max_processor_accumulated_records
        .is_some_and(|most| most < 1 && most != -1)
    {
        report.error(
            &["jobConfig", "maxProcessorAccumulatedRecords"],
            "`spec.jobConfig.maxProcessorAccumulatedRecords` is out of range",
            "at least 1, or -1 for the member's own limit".to_owned(),
        );
    }
}

fn durations(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    for (path, value) in [
        (["upgradePolicy", "timeout"], spec.upgrade_policy.timeout),
        (["restartPolicy", "backoff"], spec.restart_policy.backoff),
        (
            ["onStateLoss", "maxSnapshotAge"],
            spec.on_state_loss.max_snapshot_age,
        ),
        (["timeouts", "submit"], spec.timeouts.submit),
        (["timeouts", "start"], spec.timeouts.start),
        (["timeouts", "suspend"], spec.timeouts.suspend),
    ] {
        report.duration(&path, value);
    }
    if let Some(interval) = spec.job_config.snapshot_interval {
        report.duration(&["jobConfig", "snapshotInterval"], interval);
    }
    // A member takes no time at all for no limit.
    if let Some(timeout) = spec.job_config.timeout.filter(|timeout| !timeout.is_zero()) {
        report.duration(&["jobConfig", "timeout"], timeout);
    }
}

fn secret_parameters(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    let total = spec.parameters.len() + spec.secret_parameters.len();
    let mut taken = BTreeSet::new();
    for (position, parameter) in spec.secret_parameters.iter().enumerate() {
        let position = position.to_string();
        let at = |field: &'static str| ["secretParameters", position.as_str(), field];
        if !taken.insert(parameter.index) {
            let message = format!("two secret parameters have the index {}", parameter.index);
            report.error(&at("index"), message, None);
        } else if report.complete && usize::try_from(parameter.index).map_or(true, |i| i >= total) {
            let message = format!(
                "the index {} is beyond the last parameter: there are {total}, counted from 0",
                parameter.index
            );
            report.error(&at("index"), message, None);
        }
        report.resource_name(&at("secretName"), &parameter.secret_name);
        if !name::is_secret_key(&parameter.key) {
            let message = format!("{} is no key of a secret", quote(&parameter.key));
            let help = "letters, digits, `-`, `_` and `.`".to_owned();
            report.error(&at("key"), message, help);
        }
    }
}
