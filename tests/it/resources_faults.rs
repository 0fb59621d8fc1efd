//! What people read when a spec is wrong, or doesn't go with another. These texts are a part of the
//! product.

use std::collections::BTreeSet;
use std::sync::Arc;

use jetkeeper::resources::{LoadCache, LoadOptions, load};

use super::resources_fixture::{faults, job, report, revision};

#[test]
#[expect(clippy::too_many_lines, reason = "the text is long")]
fn everything_wrong_with_a_job_is_told_at_once() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata:
  name: orders
spec:
  jarName: orders.jar
  mainClas: com.example.Orders
  state: running
  parameters: [--rate, 10]
  upgradePolicy:
    mode: Statefull
    timeout: 300
    rollback: yes
  snapshotInterval: 10s
  restartPolicy: OnFailure
"), @r#"
    error: `spec.hazelcastResourceName` is missing
     --> jobs.yaml:5:1
      |
    5 | spec:
      | ^^^^
      = help: it is the `Hazelcast` resource, or the cluster of the configuration, that runs the job

    error: unknown field `mainClas` in `spec`
     --> jobs.yaml:7:3
      |
    7 |   mainClas: com.example.Orders
      |   ^^^^^^^^
      = help: did you mean `mainClass`?

    error: `spec.state` can't be `running`
     --> jobs.yaml:8:10
      |
    8 |   state: running
      |          ^^^^^^^
      = help: did you mean `Running`? It is one of `Running`, `Suspended`, `Canceled` or `Restarted`

    error: `spec.parameters[1]` must be text, not the number `10`
     --> jobs.yaml:9:24
      |
    9 |   parameters: [--rate, 10]
      |                        ^^
      = help: put it in quotes: `"10"`

    error: `spec.upgradePolicy.mode` can't be `Statefull`
      --> jobs.yaml:11:11
       |
    11 |     mode: Statefull
       |           ^^^^^^^^^
       = help: did you mean `Stateful`? It is one of `Stateful`, `Stateless` or `Forbid`

    error: `spec.upgradePolicy.timeout` must be a duration, not the number `300`
      --> jobs.yaml:12:14
       |
    12 |     timeout: 300
       |              ^^^
       = help: write a unit: `300ms`, `300s` or `300m`

    error: `spec.upgradePolicy.rollback` must be `true` or `false`, not the text `yes`
      --> jobs.yaml:13:15
       |
    13 |     rollback: yes
       |               ^^^
       = help: write `true`

    error: unknown field `snapshotInterval` in `spec`
      --> jobs.yaml:14:3
       |
    14 |   snapshotInterval: 10s
       |   ^^^^^^^^^^^^^^^^
       = help: it belongs in `spec.jobConfig`

    error: `spec.restartPolicy` must be a mapping, not the text `OnFailure`
      --> jobs.yaml:15:18
       |
    15 |   restartPolicy: OnFailure
       |                  ^^^^^^^^^
       = help: its fields are `backoff`, `maxRestarts` and `type`
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the text is long")]
fn rules_point_at_the_field_they_are_about() {
    insta::assert_snapshot!(faults(&job("  name: \" orders\"
  jarName: lib/orders.jar
  mainClass: com/example/Orders.class
  jarSha256: abc
  parameters: [\"a\"]
  secretParameters:
    - {index: 1, secretName: DB, key: password}
    - {index: 1, secretName: db, key: ../password}
    - {index: 9, secretName: db, key: user}
  initialSnapshotName: a
  initialSnapshotResourceName: b
  restartPolicy: {type: OnFailure, maxRestarts: 0, backoff: 0s}
  timeouts: {submit: -2m, start: 99999h}
  jobConfig: {maxProcessorAccumulatedRecords: 0}
")), @r#"
    error: `spec.name` can't be a job's name: it starts or ends with a space
     --> jobs.yaml:7:9
      |
    7 |   name: " orders"
      |         ^^^^^^^^^

    error: `spec.jarName` is a file name, not a path: `lib/orders.jar`
     --> jobs.yaml:8:12
      |
    8 |   jarName: lib/orders.jar
      |            ^^^^^^^^^^^^^^
      = help: put the jar beside this file or in `jars/` at the top of the source

    error: `com/example/Orders.class` is no class name
     --> jobs.yaml:9:14
      |
    9 |   mainClass: com/example/Orders.class
      |              ^^^^^^^^^^^^^^^^^^^^^^^^
      = help: did you mean `com.example.Orders`?

    error: `spec.jarSha256` is no SHA-256
      --> jobs.yaml:10:14
       |
    10 |   jarSha256: abc
       |              ^^^
       = help: 64 hex digits, as `sha256sum` prints them

    error: `spec.secretParameters.0.secretName` can't be `DB`: only lower-case letters, digits, `-` and `.` are allowed
      --> jobs.yaml:13:30
       |
    13 |     - {index: 1, secretName: DB, key: password}
       |                              ^^

    error: two secret parameters have the index 1
      --> jobs.yaml:14:15
       |
    14 |     - {index: 1, secretName: db, key: ../password}
       |               ^

    error: `../password` is no key of a secret
      --> jobs.yaml:14:39
       |
    14 |     - {index: 1, secretName: db, key: ../password}
       |                                       ^^^^^^^^^^^
       = help: letters, digits, `-`, `_` and `.`

    error: the index 9 is beyond the last parameter: there are 4, counted from 0
      --> jobs.yaml:15:15
       |
    15 |     - {index: 9, secretName: db, key: user}
       |               ^

    error: the job can't start from two snapshots
      --> jobs.yaml:16:24
       |
    16 |   initialSnapshotName: a
       |                        ^
       = help: keep `initialSnapshotName` or `initialSnapshotResourceName`

    error: `OnFailure` with no restarts restarts nothing
      --> jobs.yaml:18:49
       |
    18 |   restartPolicy: {type: OnFailure, maxRestarts: 0, backoff: 0s}
       |                                                 ^
       = help: write `type: Never`, or at least 1

    error: `spec.restartPolicy.backoff` is out of range
      --> jobs.yaml:18:61
       |
    18 |   restartPolicy: {type: OnFailure, maxRestarts: 0, backoff: 0s}
       |                                                             ^^
       = help: from `1ms` to `8784h` (366 days)

    error: `spec.timeouts.submit` is out of range
      --> jobs.yaml:19:22
       |
    19 |   timeouts: {submit: -2m, start: 99999h}
       |                      ^^^
       = help: from `1ms` to `8784h` (366 days)

    error: `spec.timeouts.start` is out of range
      --> jobs.yaml:19:34
       |
    19 |   timeouts: {submit: -2m, start: 99999h}
       |                                  ^^^^^^
       = help: from `1ms` to `8784h` (366 days)

    error: `spec.jobConfig.maxProcessorAccumulatedRecords` is out of range
      --> jobs.yaml:20:47
       |
    20 |   jobConfig: {maxProcessorAccumulatedRecords: 0}
       |                                               ^
       = help: at least 1, or -1 for the member's own limit
    "#);
}

#[test]
fn a_jar_comes_from_one_place() {
    insta::assert_snapshot!(faults(&job("  jarName: orders.jar
  remoteURL: https://repo.example.com/orders.jar
  bucketConfig: {bucketURI: orders}
  jarOnMember: /opt/orders.jar
")), @r"
    error: `jarOnMember` and `bucketConfig` each say where the jar is
     --> jobs.yaml:9:17
      |
    9 |   bucketConfig: {bucketURI: orders}
      |                 ^^^^^^^^^^^^^^^^^^^
      = help: keep one of them

    error: `orders` is no bucket
     --> jobs.yaml:9:29
      |
    9 |   bucketConfig: {bucketURI: orders}
      |                             ^^^^^^
      = help: like `s3://bucket/path`, `gs://…`, `azblob://…` or `file:///…`

    error: `jarName` and `jarOnMember` name two jars
      --> jobs.yaml:10:16
       |
    10 |   jarOnMember: /opt/orders.jar
       |                ^^^^^^^^^^^^^^^
       = help: keep `jarOnMember` for a jar that the members have, else `jarName`
    ");
}

#[test]
fn a_job_needs_a_jar() {
    insta::assert_snapshot!(faults(&job("")), @r"
    error: `spec.jarName` is missing
     --> jobs.yaml:5:1
      |
    5 | spec:
      | ^^^^
      = help: name a jar beside this file or in `jars/`; only `jarOnMember` needs none
    ");
}

#[test]
fn a_jar_ends_in_jar() {
    insta::assert_snapshot!(faults(&job("  jarName: orders\n")), @r"
    error: `spec.jarName` must end in `.jar`
     --> jobs.yaml:7:12
      |
    7 |   jarName: orders
      |            ^^^^^^
      = help: did you mean `orders.jar`?
    ");
}

#[test]
fn a_url_is_a_url_and_has_no_password() {
    insta::assert_snapshot!(faults(&format!(
            "{}\n---\n{}",
            job("  jarName: orders.jar\n  remoteURL: ftp://repo/orders.jar\n"),
            job("  jarName: orders.jar\n  remoteURL: https://me:hunter2@repo/orders.jar\n")
                .replace("name: orders\n", "name: payments\n")
        )), @r"
    error: `spec.remoteURL` is no http or https URL
     --> jobs.yaml:8:14
      |
    8 |   remoteURL: ftp://repo/orders.jar
      |              ^^^^^^^^^^^^^^^^^^^^^
      = help: like `https://repo.example.com/jobs/orders.jar`

    error: `spec.remoteURL` holds a user name or password
     --> jobs.yaml:18:14
      = help: leave it out; whoever reads this source reads it too
    ");
}

#[test]
fn a_bucket_has_known_parameters_and_no_secret_is_shown() {
    insta::assert_snapshot!(faults(&job("  jarName: orders.jar
  bucketConfig: {bucketURI: \"s3://jobs?regoin=hush&disableSSL=maybe\", secretName: br}
")), @r"
    error: the parameter `disableSSL` of `bucketURI` can't have that value
     --> jobs.yaml:8:29
      = help: write `true` or `false`

    error: `bucketURI` has the unknown parameter `regoin`
     --> jobs.yaml:8:29
      = help: did you mean `region`?
    ");
    assert_eq!(
        faults(&job("  jarName: orders.jar
  bucketConfig: {bucketURI: \"gs://operator-user-code/jetJobs\", secret: br-secret-gcp}
"))
        .lines()
        .filter(|line| line.starts_with("error"))
        .count(),
        0
    );
}

#[test]
fn a_token_goes_to_a_server_that_nobody_overhears() {
    let spec = |url: &str| {
        let url = format!("  remoteURL: {url}\n");
        job(&format!(
            "  jarName: orders.jar\n{}  remoteSecretName: repo\n",
            if url.contains("http") { &url } else { "" }
        ))
    };
    for url in [
        "https://repo/orders.jar",
        "http://127.0.0.1:8080/orders.jar",
    ] {
        assert_eq!(faults(&spec(url)), "", "{url}");
    }
    insta::assert_snapshot!(faults(&format!(
            "{}\n---\n{}",
            spec("http://127.0.0.1.repo/orders.jar"),
            spec("none").replace("name: orders\n", "name: payments\n")
        )), @r"
    error: a token would be sent over http for all to read
     --> jobs.yaml:9:21
      |
    9 |   remoteSecretName: repo
      |                     ^^^^
      = help: write an https URL; http is taken from this machine alone

    error: `spec.remoteSecretName` is of use with `remoteURL` alone
      --> jobs.yaml:19:21
       |
    19 |   remoteSecretName: repo
       |                     ^^^^
       = help: add `remoteURL`, or leave it out; the secret of a bucket is in `bucketConfig`
    ");
}

#[test]
fn operator_fields_are_named_once() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata:
  name: hazelcast
spec:
  clusterSize: 3
  repository: docker.io/hazelcast/hazelcast-enterprise
  licenseKeySecretName: hazelcast-license-key
  jet: {enabled: true, resourceUploadEnabled: true}
"), @r"
    warning: `clusterSize`, `repository`, `licenseKeySecretName` and `jet` are for the Kubernetes operator and ignored
     --> jobs.yaml:6:3
      |
    6 |   clusterSize: 3
      |   ^^^^^^^^^^^
      = help: jetkeeper starts no members; the fields may stay
    ");
}

#[test]
fn a_cluster_is_checked() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata:
  name: hazelcast
spec:
  clusterSzie: 3
  clusterNmae: prod
  addresses: [10.0.0.1/, \"10.0.0.2:5701\", \"http://10.0.0.3:5701\"]
  minMembers: 0
  maxConcurrentUpgrades: -1
"), @r#"
    error: unknown field `clusterSzie` in `spec`
     --> jobs.yaml:6:3
      |
    6 |   clusterSzie: 3
      |   ^^^^^^^^^^^
      = help: did you mean `clusterSize`?

    error: unknown field `clusterNmae` in `spec`
     --> jobs.yaml:7:3
      |
    7 |   clusterNmae: prod
      |   ^^^^^^^^^^^
      = help: did you mean `clusterName`?

    error: `10.0.0.1/` is no address
     --> jobs.yaml:8:15
      |
    8 |   addresses: [10.0.0.1/, "10.0.0.2:5701", "http://10.0.0.3:5701"]
      |               ^^^^^^^^^
      = help: write host and port, like `10.0.0.1:5701`

    error: `http://10.0.0.3:5701` is no address
     --> jobs.yaml:8:43
      |
    8 |   addresses: [10.0.0.1/, "10.0.0.2:5701", "http://10.0.0.3:5701"]
      |                                           ^^^^^^^^^^^^^^^^^^^^^^
      = help: write host and port, like `10.0.0.3:5701`

    error: `spec.minMembers` must be a whole number from 1 to 10000, not the number `0`
     --> jobs.yaml:9:15
      |
    9 |   minMembers: 0
      |               ^

    error: `spec.maxConcurrentUpgrades` must be a whole number from 1 to 10000, not the number `-1`
      --> jobs.yaml:10:26
       |
    10 |   maxConcurrentUpgrades: -1
       |                          ^^
    "#);
}

#[test]
fn two_documents_of_one_name() {
    insta::assert_snapshot!(faults(&format!("{0}---\n{0}---\n{0}", job("  jarOnMember: /opt/orders.jar\n"))), @r"
    error: JetJob/orders is declared more than once: also at jobs.yaml:12:9
     --> jobs.yaml:4:9
      |
    4 |   name: orders
      |         ^^^^^^
      = help: keep one

    error: JetJob/orders is declared more than once: also at jobs.yaml:4:9
      --> jobs.yaml:12:9
       |
    12 |   name: orders
       |         ^^^^^^
       = help: keep one

    error: JetJob/orders is declared more than once: also at jobs.yaml:4:9
      --> jobs.yaml:20:9
       |
    20 |   name: orders
       |         ^^^^^^
       = help: keep one
    ");
}

#[test]
fn two_jobs_of_one_name() {
    insta::assert_snapshot!(faults(&format!(
            "{}---\n{}",
            job("  jarOnMember: /opt/orders.jar\n"),
            job("  name: orders\n  jarOnMember: /opt/orders.jar\n").replacen("orders", "payments", 1)
        )), @r"
    error: two jobs of this cluster are named `orders`
     --> jobs.yaml:4:9
      |
    4 |   name: orders
      |         ^^^^^^
      = help: give one of them another `spec.name`; the other is at jobs.yaml:12:9

    error: two jobs of this cluster are named `orders`
      --> jobs.yaml:15:9
       |
    15 |   name: orders
       |         ^^^^^^
       = help: give one of them another `spec.name`; the other is at jobs.yaml:4:9
    ");
}

#[test]
fn one_namespace() {
    insta::assert_snapshot!(faults(&{
            let named = |name: &str, namespace: &str| {
                job("  jarOnMember: /opt/a.jar\n").replace(
                    "name: orders",
                    &format!("name: {name}\n  namespace: {namespace}"),
                )
            };
            [named("a", "prod"), named("b", "test"), named("c", "prod")].join("---\n")
        }), @r"
    error: the namespace `test` is not that of the others
      --> jobs.yaml:14:14
       |
    14 |   namespace: test
       |              ^^^^
       = help: all documents must name the same, here `prod`
    ");
}

#[test]
fn a_jar_that_is_not_there_is_a_warning() {
    insta::assert_snapshot!(faults(&job("  jarName: orders.jar\n")), @r"
    warning: there is no jar at `orders.jar` or `jars/orders.jar`
     --> jobs.yaml:7:12
      |
    7 |   jarName: orders.jar
      |            ^^^^^^^^^^
      = help: the job waits for it
    ");
}

#[test]
fn unknown_clusters_are_errors_where_references_are_checked() {
    let text = job("  jarOnMember: /opt/orders.jar\n").replace("hazelcast\n", "hazelcats\n");
    let options = LoadOptions {
        clusters: BTreeSet::from(["hazelcast".to_owned()]),
        check_references: true,
    };
    let revisions = [Arc::new(revision(&[("jobs.yaml", text.as_bytes())]))];
    let near = load(&revisions, &options, &mut LoadCache::default());
    insta::assert_snapshot!(report(&near), @r"
    error: there is no Hazelcast resource `hazelcats`
     --> jobs.yaml:6:26
      |
    6 |   hazelcastResourceName: hazelcats
      |                          ^^^^^^^^^
      = help: did you mean `hazelcast`?
    ");
    let options = LoadOptions {
        clusters: BTreeSet::new(),
        ..options
    };
    let none = load(&revisions, &options, &mut LoadCache::default());
    insta::assert_snapshot!(report(&none), @r"
    error: there is no Hazelcast resource `hazelcats`
     --> jobs.yaml:6:26
      |
    6 |   hazelcastResourceName: hazelcats
      |                          ^^^^^^^^^
      = help: declare one, or give its addresses with `clusters` in the configuration or `--cluster NAME=CLUSTERNAME@HOST:PORT`
    ");
}

#[test]
fn rules_are_told_beside_what_is_missing_and_misspelt() {
    let text = job("  jarName: lib/orders.jar
  mainClas: Orders
  secretParameters: [{index: 0, secretName: db}]
  bucketConfig: {secretName: br}
  timeouts: {submit: 0s}
")
    .replace("  hazelcastResourceName: hazelcast\n", "");
    insta::assert_snapshot!(faults(&text), @r"
    error: `spec.hazelcastResourceName` is missing
     --> jobs.yaml:5:1
      |
    5 | spec:
      | ^^^^
      = help: it is the `Hazelcast` resource, or the cluster of the configuration, that runs the job

    error: `spec.jarName` is a file name, not a path: `lib/orders.jar`
     --> jobs.yaml:6:12
      |
    6 |   jarName: lib/orders.jar
      |            ^^^^^^^^^^^^^^
      = help: put the jar beside this file or in `jars/` at the top of the source

    error: unknown field `mainClas` in `spec`
     --> jobs.yaml:7:3
      |
    7 |   mainClas: Orders
      |   ^^^^^^^^
      = help: did you mean `mainClass`?

    error: `spec.secretParameters[0].key` is missing
     --> jobs.yaml:8:22
      |
    8 |   secretParameters: [{index: 0, secretName: db}]
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: it is the key in the secret

    error: `spec.bucketConfig.bucketURI` is missing
     --> jobs.yaml:9:3
      |
    9 |   bucketConfig: {secretName: br}
      |   ^^^^^^^^^^^^
      = help: it is `s3://…`, `gs://…`, `azblob://…` or `file://…`

    error: `spec.timeouts.submit` is out of range
      --> jobs.yaml:10:22
       |
    10 |   timeouts: {submit: 0s}
       |                      ^^
       = help: from `1ms` to `8784h` (366 days)
    ");
}
