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

/// Whether any of these fields of the new spec isn't as in the old one.
macro_rules! any_differs {
    ($old:ident, $($field:ident)+) => {
        $(*$field != $old.$field)||+
    };
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
        remote_secret_name,
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
    let classes = [
        (
            ChangeClass::Immutable,
            any_differs!(old, name hazelcast_resource_name),
        ),
        (ChangeClass::State, any_differs!(old, state)),
        // Where the jar comes from means nothing to the job, its content does.
        (
            ChangeClass::Policy,
            any_differs!(old, jar_name remote_url remote_secret_name bucket_config jar_sha256 upgrade_policy
                deletion_policy drift_policy restart_policy on_state_loss timeouts),
        ),
        // Only on the members nobody sees the content.
        (
            ChangeClass::Upgrade,
            any_differs!(old, jar_on_member main_class parameters secret_parameters),
        ),
        (
            ChangeClass::FreshSubmitsOnly,
            any_differs!(old, initial_snapshot_resource_name initial_snapshot_name),
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
    ];
    let differing = classes.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(class, _)| class).collect()
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
    let asks = asks(*snapshot_interval, old.snapshot_interval)
        || asks(*suspend_on_failure, old.suspend_on_failure)
        || asks(*auto_scaling, old.auto_scaling)
        || asks(*split_brain_protection, old.split_brain_protection)
        || asks(*metrics_enabled, old.metrics_enabled)
        || asks(
            *store_metrics_after_job_completion,
            old.store_metrics_after_job_completion,
        )
        || asks(
            *max_processor_accumulated_records,
            old.max_processor_accumulated_records,
        )
        || asks(*timeout, old.timeout);
    let class = if asks {
        ChangeClass::InPlace
    } else {
        ChangeClass::Policy
    };
    (class, old != new)
}

fn asks<T: PartialEq + Copy>(new: Option<T>, old: Option<T>) -> bool {
    new.is_some() && new != old
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
            ("remoteSecretName", json!("repo"), Policy),
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
