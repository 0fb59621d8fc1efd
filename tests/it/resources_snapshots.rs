//! What people read about documents of snapshots.

use std::collections::BTreeSet;
use std::sync::Arc;

use jetkeeper::resources::{LoadCache, LoadOptions, load};

use super::resources_fixture::{faults, jar, report, revision};

/// As the operator's page "Saving State of Data Pipelines" has them: the dash in the job's reference is
/// no hyphen, and `cancelName` is a slip.
#[test]
fn the_operators_own_samples_of_snapshots() {
    let page = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJobSnapshot
metadata:
  name: jetjobsnapshot-sample
spec:
  name: snapshot-sample
  jetJobResourceName: jet-job-sample
  cancelName: false
---
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata:
  name: jet-job-sample
spec:
  name: my-test-jet-job
  hazelcastResourceName: hazelcast
  state: Running
  jarName: jet-pipelines.jar
  initialSnapshotResourceName: jetjobsnapshot–sample
";
    insta::assert_snapshot!(checked(page), @r"
    warning: `cancelName` is called `cancelJob`
     --> jobs.yaml:8:3
      |
    8 |   cancelName: false
      |   ^^^^^^^^^^
      = help: write `cancelJob`

    warning: there is no JetJobSnapshot `jetjobsnapshot–sample`
      --> jobs.yaml:19:32
       |
    19 |   initialSnapshotResourceName: jetjobsnapshot–sample
       |                                ^^^^^^^^^^^^^^^^^^^^^
       = help: did you mean `jetjobsnapshot-sample`?
    ");
    // Where the dash is in the name itself.
    let named = page.replacen("jetjobsnapshot-sample", "jetjobsnapshot–sample", 1);
    let named = named.replace("cancelName", "cancelJob");
    let named = named.replace("Name: jetjobsnapshot–sample", "Name: jetjobsnapshot-sample");
    insta::assert_snapshot!(checked(&named), @r"
    error: `jetjobsnapshot–sample` can't be a resource's name: only lower-case letters, digits, `-` and `.` are allowed
     --> jobs.yaml:4:9
      |
    4 |   name: jetjobsnapshot–sample
      |         ^^^^^^^^^^^^^^^^^^^^^
      = help: did you mean `jetjobsnapshot-sample`?

    warning: there is no JetJobSnapshot `jetjobsnapshot-sample`
      --> jobs.yaml:19:32
       |
    19 |   initialSnapshotResourceName: jetjobsnapshot-sample
       |                                ^^^^^^^^^^^^^^^^^^^^^
       = help: it is waited for
    ");
    // With a hyphen both load.
    let mended = page.replace('–', "-").replace("cancelName", "cancelJob");
    assert_eq!(checked(&mended), "");
}

/// The faults of a file beside the jar of the operator's samples, references checked.
fn checked(text: &str) -> String {
    let mut revision = revision(&[("jobs.yaml", text.as_bytes())]);
    revision.jars.extend([jar("jars/jet-pipelines.jar")]);
    let options = LoadOptions {
        clusters: BTreeSet::from(["hazelcast".to_owned()]),
        check_references: true,
    };
    report(&load(
        &[Arc::new(revision)],
        &options,
        &mut LoadCache::default(),
    ))
}

#[test]
fn a_snapshot_with_an_old_field_and_a_misspelt_one() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: JetJobSnapshot
metadata:
  name: before-migration
spec:
  jetJobResourceName: orders
  cancelName: true
---
apiVersion: hazelcast.com/v1alpha1
kind: JetJobSnapshot
metadata:
  name: broken
spec:
  jobResourceName: orders
"), @r"
    warning: `cancelName` is called `cancelJob`
     --> jobs.yaml:7:3
      |
    7 |   cancelName: true
      |   ^^^^^^^^^^
      = help: write `cancelJob`

    error: unknown field `jobResourceName` in `spec`
      --> jobs.yaml:14:3
       |
    14 |   jobResourceName: orders
       |   ^^^^^^^^^^^^^^^
       = help: did you mean `jetJobResourceName`?
    ");
}
