//! The JSON Schema accepts what loads and refuses what doesn't.

use jetkeeper::resources::Severity;
use jetkeeper::resources::schema::schema;
use serde_json::Value as Json;

use super::resources_fixture::{load_text, report};

const FULL_JOB: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata:
  name: orders
  namespace: prod
  labels: {team: payments}
  annotations: {jetkeeper.io/prune: disabled, team: payments}
spec:
  name: Orders
  hazelcastResourceName: hazelcast
  state: Suspended
  jarName: orders.jar
  mainClass: com.example.Orders
  parameters: ['--rate', '10']
  secretParameters: [{index: 2, secretName: db, key: password}]
  remoteURL: https://repo.example.com/orders.jar
  remoteSecretName: repo
  jarSha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  initialSnapshotName: before
  restartNonce: 1
  redeployNonce: again
  jobConfig: {snapshotInterval: 10s, suspendOnFailure: true, maxProcessorAccumulatedRecords: -1}
  upgradePolicy: {mode: Forbid, timeout: 1h30m, rollback: false, onStateMismatch: Accept}
  deletionPolicy: Orphan
  driftPolicy: Correct
  restartPolicy: {type: OnFailure, maxRestarts: 3, backoff: 500ms}
  onStateLoss: {mode: StartFresh, maxSnapshotAge: PT24H}
  timeouts: {submit: 2m, start: 5 minutes, suspend: 1m 30s}
";

const CLUSTER: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata: {name: hazelcast}
spec:
  clusterName: prod
  addresses: ['10.0.0.1:5701']
  minMembers: 3
  maxConcurrentUpgrades: 2
  clusterSize: 3
  jet: {enabled: true}
";

const SNAPSHOT: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJobSnapshot
metadata: {name: before}
spec: {jetJobResourceName: orders, cancelName: true, strategy: Copy, timeout: 10m}
";

fn accepts(text: &str) -> bool {
    let document: Result<Json, _> = serde_yaml::from_str(text);
    document.is_ok_and(|document| jsonschema::draft202012::is_valid(&schema(), &document))
}

fn loads(text: &str) -> bool {
    let faults = load_text(text).faults;
    !faults.iter().any(|fault| fault.severity == Severity::Error)
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::draft202012::meta::is_valid(&schema()));
}

#[test]
fn samples_are_accepted_by_both() {
    for text in [FULL_JOB, CLUSTER, SNAPSHOT] {
        assert!(accepts(text), "{text}");
        assert!(loads(text), "{}", report(&load_text(text)));
    }
}

#[test]
fn both_refuse_the_same() {
    for (text, from, to) in [
        (FULL_JOB, "mainClass:", "mainClas:"),
        (FULL_JOB, "mode: Forbid", "mode: forbid"),
        (FULL_JOB, "state: Suspended", "state: Paused"),
        (FULL_JOB, "  hazelcastResourceName: hazelcast\n", ""),
        (FULL_JOB, "'10'", "10"),
        (FULL_JOB, "maxRestarts: 3", "maxRestarts: 1001"),
        (FULL_JOB, "maxRestarts: 3", "maxRestarts: -1"),
        (FULL_JOB, "backoff: 500ms", "backoff: 500"),
        (FULL_JOB, "rollback: false", "rollback: 'no'"),
        (FULL_JOB, "9f86", "9f8"),
        (FULL_JOB, "snapshotInterval", "snapshotIntervall"),
        (FULL_JOB, "namespace", "nmaespace"),
        (FULL_JOB, "prune: disabled", "prune: never"),
        (FULL_JOB, "name: orders", "name: Orders"),
        (FULL_JOB, "hazelcast.com/v1alpha1", "hazelcast.com/v1"),
        (FULL_JOB, "kind: JetJob", "kind: Job"),
        (FULL_JOB, "spec:", "specs:"),
        (CLUSTER, "minMembers: 3", "minMembers: 0"),
        (CLUSTER, "clusterSize", "clusterSzie"),
        (CLUSTER, "clusterSize: 3", "tls: {enabled: perhaps}"),
        (SNAPSHOT, "jetJobResourceName", "jobResourceName"),
        (SNAPSHOT, "Copy", "Clone"),
    ] {
        assert!(text.contains(from), "{from}");
        let broken = text.replacen(from, to, 1);
        assert!(!accepts(&broken), "the schema accepts {to}");
        assert!(!loads(&broken), "the loader accepts {to}");
    }
}

#[test]
fn editors_find_a_description_of_every_field() {
    let schema = schema();
    for document in schema["oneOf"].as_array().unwrap() {
        let fields = document["properties"]["spec"]["properties"]
            .as_object()
            .unwrap();
        for (name, field) in fields {
            let description = field["description"].as_str().unwrap_or_default();
            assert!(
                !description.is_empty() && !description.contains('\n'),
                "{name}: {field}"
            );
        }
    }
}
