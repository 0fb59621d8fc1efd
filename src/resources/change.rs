//! What a changed spec means for the job: the class of every field that differs.

use std::collections::BTreeSet;

use super::jet_job::{JetJobSpec, JobConfigSpec, Nonce};

/// What a changed field means for the job. The jar's content is no field: where it changed is for
/// whoever knows its digest to say, and means `Upgrade`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeClass {
    /// Nothing; it counts from the next decision on.
    Policy,
    /// Another state is wanted.
    State,
    /// Suspend, change the settings, resume.
    InPlace,
    /// The job is replaced by a new version of itself.
    Upgrade,
    /// Nothing, until the job is submitted anew.
    FreshSubmitsOnly,
    /// The job is replaced, from its initial snapshot if it names one.
    Redeploy,
    /// The job is restarted.
    Restart,
    /// The job would be another one: not done.
    Immutable,
}

/// The classes of all fields that differ; none where the specs are equal.
pub fn classify(old: &JetJobSpec, new: &JetJobSpec) -> BTreeSet<ChangeClass> {
    // No `..`: a new field doesn't compile until it has a class.
    let JetJobSpec {
        name,
        hazelcast_resource_name,
        state,
        jar_name,
        main_class,
        parameters,
        secret_parameters,
        initial_snapshot_resource_name,
        initial_snapshot_name,
        bucket_config,
        remote_url,
        jar_sha256,
        jar_on_member,
        restart_nonce,
        redeploy_nonce,
        job_config,
        upgrade_policy,
        deletion_policy,
        drift_policy,
        restart_policy,
        on_state_loss,
        timeouts,
    } = new;
    let differs = [
        (ChangeClass::Immutable, *name != old.name),
        (
            ChangeClass::Immutable,
            *hazelcast_resource_name != old.hazelcast_resource_name,
        ),
        (ChangeClass::State, *state != old.state),
        // Where a jar comes from means nothing to the job; its content does.
        (ChangeClass::Policy, *jar_name != old.jar_name),
        (ChangeClass::Policy, *remote_url != old.remote_url),
        (ChangeClass::Policy, *bucket_config != old.bucket_config),
        (ChangeClass::Policy, *jar_sha256 != old.jar_sha256),
        // Except on the members, where nobody sees the content.
        (ChangeClass::Upgrade, *jar_on_member != old.jar_on_member),
        (ChangeClass::Upgrade, *main_class != old.main_class),
        (ChangeClass::Upgrade, *parameters != old.parameters),
        (
            ChangeClass::Upgrade,
            *secret_parameters != old.secret_parameters,
        ),
        (
            ChangeClass::FreshSubmitsOnly,
            *initial_snapshot_resource_name != old.initial_snapshot_resource_name,
        ),
        (
            ChangeClass::FreshSubmitsOnly,
            *initial_snapshot_name != old.initial_snapshot_name,
        ),
        nonce(
            ChangeClass::Restart,
            old.restart_nonce.as_ref(),
            restart_nonce.as_ref(),
        ),
        nonce(
            ChangeClass::Redeploy,
            old.redeploy_nonce.as_ref(),
            redeploy_nonce.as_ref(),
        ),
        settings(&old.job_config, job_config),
        (ChangeClass::Policy, *upgrade_policy != old.upgrade_policy),
        (ChangeClass::Policy, *deletion_policy != old.deletion_policy),
        (ChangeClass::Policy, *drift_policy != old.drift_policy),
        (ChangeClass::Policy, *restart_policy != old.restart_policy),
        (ChangeClass::Policy, *on_state_loss != old.on_state_loss),
        (ChangeClass::Policy, *timeouts != old.timeouts),
    ];
    differs
        .into_iter()
        .filter_map(|(class, differs)| differs.then_some(class))
        .collect()
}

/// A nonce asks for something when it becomes another value; taking it away asks for nothing.
fn nonce(class: ChangeClass, old: Option<&Nonce>, new: Option<&Nonce>) -> (ChangeClass, bool) {
    let class = if new.is_some() {
        class
    } else {
        ChangeClass::Policy
    };
    (class, old != new)
}

/// Settings that are taken away stay as the job has them, so only those that are there matter.
fn settings(old: &JobConfigSpec, new: &JobConfigSpec) -> (ChangeClass, bool) {
    let JobConfigSpec {
        snapshot_interval,
        suspend_on_failure,
        auto_scaling,
        split_brain_protection,
        metrics_enabled,
        store_metrics_after_job_completion,
        max_processor_accumulated_records,
        timeout,
    } = new;
    let asks = asks(&old.snapshot_interval, snapshot_interval)
        || asks(&old.suspend_on_failure, suspend_on_failure)
        || asks(&old.auto_scaling, auto_scaling)
        || asks(&old.split_brain_protection, split_brain_protection)
        || asks(&old.metrics_enabled, metrics_enabled)
        || asks(
            &old.store_metrics_after_job_completion,
            store_metrics_after_job_completion,
        )
        || asks(
            &old.max_processor_accumulated_records,
            max_processor_accumulated_records,
        )
        || asks(&old.timeout, timeout);
    let class = if asks {
        ChangeClass::InPlace
    } else {
        ChangeClass::Policy
    };
    (class, old != new)
}

fn asks<T: PartialEq>(old: &Option<T>, new: &Option<T>) -> bool {
    new.is_some() && old != new
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn spec(fields: &Json) -> JetJobSpec {
        let mut json = json!({"hazelcastResourceName": "hazelcast", "jarName": "a.jar"});
        for (name, value) in fields.as_object().unwrap() {
            json[name] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    fn change(old: &Json, new: &Json) -> Vec<ChangeClass> {
        classify(&spec(old), &spec(new)).into_iter().collect()
    }

    #[test]
    fn every_field_has_its_class() {
        use ChangeClass::{
            FreshSubmitsOnly, Immutable, InPlace, Policy, Redeploy, Restart, State, Upgrade,
        };
        let secret = json!([{"index": 0, "secretName": "s", "key": "k"}]);
        for (field, value, class) in [
            ("name", json!("b"), Immutable),
            ("hazelcastResourceName", json!("other"), Immutable),
            ("state", json!("Suspended"), State),
            ("jarName", json!("b.jar"), Policy),
            ("remoteURL", json!("https://a/b.jar"), Policy),
            ("bucketConfig", json!({"bucketURI": "s3://a"}), Policy),
            ("jarSha256", json!("00"), Policy),
            ("jarOnMember", json!("/b.jar"), Upgrade),
            ("mainClass", json!("B"), Upgrade),
            ("parameters", json!(["b"]), Upgrade),
            ("secretParameters", secret, Upgrade),
            ("initialSnapshotName", json!("b"), FreshSubmitsOnly),
            ("initialSnapshotResourceName", json!("b"), FreshSubmitsOnly),
            ("restartNonce", json!(1), Restart),
            ("redeployNonce", json!(1), Redeploy),
            ("jobConfig", json!({"suspendOnFailure": true}), InPlace),
            ("upgradePolicy", json!({"rollback": false}), Policy),
            ("deletionPolicy", json!("Cancel"), Policy),
            ("driftPolicy", json!("Correct"), Policy),
            ("restartPolicy", json!({"type": "OnFailure"}), Policy),
            ("onStateLoss", json!({"mode": "Hold"}), Policy),
            ("timeouts", json!({"submit": "1s"}), Policy),
        ] {
            assert_eq!(
                change(&json!({}), &json!({field: value})),
                [class],
                "{field}"
            );
        }
        assert_eq!(change(&json!({}), &json!({})), []);
    }

    #[test]
    fn what_is_taken_away_asks_for_nothing() {
        for field in ["restartNonce", "redeployNonce"] {
            let old = json!({field: "1"});
            assert_eq!(change(&old, &json!({})), [ChangeClass::Policy]);
            assert_eq!(
                change(&old, &json!({field: 1})),
                [],
                "text and number are alike"
            );
        }
        let old = json!({"jobConfig": {"timeout": "5m", "autoScaling": true}});
        let new = json!({"jobConfig": {"autoScaling": true}});
        assert_eq!(change(&old, &new), [ChangeClass::Policy]);
    }

    #[test]
    fn several_changes_are_all_named() {
        let new = json!({"state": "Suspended", "mainClass": "B", "jobConfig": {"timeout": "5m"}});
        assert_eq!(
            change(&json!({}), &new),
            [
                ChangeClass::State,
                ChangeClass::InPlace,
                ChangeClass::Upgrade
            ]
        );
    }
}
