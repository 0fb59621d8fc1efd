//! Loading revisions: what is used, what stays in force, what costs a parse.

use std::collections::BTreeSet;
use std::sync::Arc;

use jetkeeper::resources::{
    Desired, JarOrigin, LoadCache, LoadOptions, ResourceId, Revision, Severity, SourceName, load,
    to_yaml,
};

use super::resources_fixture::{
    jar, load_files, load_revision, load_text, report, revision, source_file,
};

/// A job of this name that needs nothing else.
fn job(name: &str) -> String {
    job_with(name, "jarOnMember: /opt/jobs.jar")
}

fn job_with(name: &str, fields: &str) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {name}\nspec:\n  \
         hazelcastResourceName: hazelcast\n  {fields}\n"
    )
}

fn jobs(desired: &Desired) -> Vec<&str> {
    desired.jobs.keys().map(String::as_str).collect()
}

fn faulty(desired: &Desired) -> Vec<String> {
    desired.faulty.keys().map(ToString::to_string).collect()
}

fn is_identified(desired: &Desired) -> bool {
    desired.sources[&SourceName("jobs".to_owned())].identified
}

#[test]
fn manifests_of_the_operator_load_unchanged() {
    let desired = load_text(
        "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata:\n  name: hazelcast\n  \
         namespace: prod\n  labels: {app: orders}\n  uid: 1f\nspec:\n  clusterSize: 3\n  \
         licenseKeySecretName: license\n  jet:\n    enabled: true\n    bucketConfig: {bucketURI: \
         \"gs://jobs\", secretName: br}\nstatus: {phase: Running}\n---\n\
         apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: orders\n  namespace: \
         prod\nspec:\n  name: my-orders\n  hazelcastResourceName: hazelcast\n  state: Running\n  \
         jarName: orders-1.0.2.jar\n  mainClass: com.example.Orders\n  parameters: [\"a\"]\n  \
         initialSnapshotResourceName: before\n  bucketConfig:\n    bucketURI: \"gs://jobs/prod\"\n    \
         secret: br\n",
    );
    assert!(
        desired
            .faults
            .iter()
            .all(|fault| fault.severity == Severity::Warning),
        "{}",
        report(&desired)
    );
    assert_eq!(desired.hazelcasts["hazelcast"].spec.cluster_name, "dev");
    assert_eq!(desired.jobs["orders"].spec.job_name("orders"), "my-orders");
    assert_eq!(
        desired.jars["orders"],
        JarOrigin::Bucket {
            uri: "gs://jobs/prod".to_owned(),
            jar_name: "orders-1.0.2.jar".to_owned(),
            secret_name: Some("br".to_owned()),
        }
    );
}

#[test]
fn one_broken_document_stops_only_itself() {
    let broken = job("b").replace("kind:", "kind :[");
    let desired = load_text(&[job("a"), broken, job("c")].join("---\n"));
    assert_eq!(jobs(&desired), ["a", "c"]);
    assert!(!is_identified(&desired), "its kind can't be read");
}

#[test]
fn a_broken_document_whose_name_can_be_read_is_faulty() {
    let broken = job("b") + "  parameters: [\n";
    let desired = load_text(&[job("a"), broken].join("---\n"));
    assert_eq!(jobs(&desired), ["a"]);
    assert_eq!(faulty(&desired), ["JetJob/b"]);
    assert!(is_identified(&desired));
    let place = &desired.faulty[&ResourceId::jet_job("b")];
    assert_eq!((place.line, place.column), (12, 9));
}

#[test]
fn what_may_hide_another_resource_is_not_identified() {
    let merged = job("a") + &job("b");
    let merged_and_broken = merged.clone() + "  parameters: [\n";
    let two_names = job("a").replace("metadata:\n", "metadata:\n  name: b\n");
    for text in [merged, merged_and_broken, two_names] {
        assert!(!is_identified(&load_text(&text)), "{text}");
    }
}

#[test]
fn kinds_that_are_certainly_not_ours_hide_nothing() {
    let foreign = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    let desired = load_text(&[foreign, secret].join("---\n"));
    assert!(is_identified(&desired));
    assert_eq!(desired.faults.len(), 2);
    for text in [
        "apiVersion: hazelcast.com/v1alpha1\nkind: Jet\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: List\nitems: []\n",
        "replicas: 3\n",
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\n",
    ] {
        assert!(!is_identified(&load_text(text)), "{text}");
    }
}

#[test]
fn empty_documents_and_files_are_nothing() {
    let text = format!("# only a comment\n---\n---\n~\n---\n{}\n...\n", job("a"));
    let desired = load_files(&[("a.yaml", text.as_bytes()), ("b.yaml", b"")]);
    assert_eq!(jobs(&desired), ["a"]);
    assert_eq!(report(&desired), "");
    let empty = load_files(&[("b.yaml", b"# nothing\n")]);
    let view = &empty.sources[&SourceName("jobs".to_owned())];
    assert!(!view.present, "no document at all");
    assert!(view.identified);
}

#[test]
fn byte_order_marks_and_windows_line_breaks_are_fine() {
    let text = format!("\u{FEFF}{}---\n{}", job("a"), job("b")).replace('\n', "\r\n");
    let desired = load_text(&text);
    assert_eq!(report(&desired), "");
    assert_eq!(jobs(&desired), ["a", "b"]);
    assert_eq!(desired.jobs["b"].place.line, 12);
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let text = job_with(
        "a",
        "jarOnMember: &jar /opt/a.jar\n  parameters: [*jar]\n  \
         timeouts: &slow {submit: 1h, start: 2h}\n  upgradePolicy: {<<: &slow {timeout: 3h}, mode: \
         Forbid}",
    );
    let desired = load_text(&text);
    assert_eq!(report(&desired), "");
    let spec = &desired.jobs["a"].spec;
    assert_eq!(spec.parameters, ["/opt/a.jar"]);
    assert_eq!(spec.upgrade_policy.timeout.as_hours(), 3);
}

#[test]
fn the_same_wish_in_other_words_has_the_same_digest() {
    let digest = |text: &str| {
        let desired = load_text(text);
        assert_eq!(report(&desired), "");
        desired.jobs["a"].digest
    };
    let plain = job("a");
    for other in [
        format!("# a comment\n{plain}"),
        plain.replace(
            "spec:",
            "spec:\n  name: a\n  state: Running\n  mainClass: \"\"\n  jarSha256:",
        ),
        plain.replace(
            "spec:",
            "spec:\n  timeouts: {submit: 120s}\n  jobConfig: {}\n  parameters: []",
        ),
        plain.replace("spec:\n  hazelcastResourceName: hazelcast\n", "spec:\n")
            + "  hazelcastResourceName: hazelcast\n",
        plain.replace(
            "metadata:",
            "metadata:\n  labels: {a: b}\n  annotations: {a: b, jetkeeper.io/adopt: \"false\"}",
        ),
    ] {
        assert_eq!(digest(&plain), digest(&other), "{other}");
    }
    for other in [
        plain.replace("spec:", "spec:\n  state: Suspended"),
        plain.replace(
            "metadata:",
            "metadata:\n  annotations: {jetkeeper.io/prune: disabled}",
        ),
    ] {
        assert_ne!(digest(&plain), digest(&other), "{other}");
    }
}

#[test]
fn annotations_are_read() {
    let text = job("a").replace(
        "metadata:",
        "metadata:\n  annotations: {jetkeeper.io/adopt: \"true\", jetkeeper.io/reconcile: disabled}",
    );
    let desired = load_text(&text);
    let annotations = &desired.jobs["a"].annotations;
    assert!(annotations.adopt && annotations.reconcile_disabled && !annotations.prune_disabled);
}

#[test]
fn a_jar_is_beside_its_file_or_in_jars() {
    let mut revision = revision(&[
        ("team/a.yaml", job_with("a", "jarName: a.jar").as_bytes()),
        ("team/b.yaml", job_with("b", "jarName: b.jar").as_bytes()),
        ("jars/c.yaml", job_with("c", "jarName: c.jar").as_bytes()),
    ]);
    revision.jars = [jar("team/a.jar"), jar("jars/a.jar"), jar("jars/b.jar")].into();
    let desired = load_revision(revision);
    let found = |name: &str| match &desired.jars[name] {
        JarOrigin::Source { candidates, found } => (
            candidates.join(" "),
            found.as_ref().map(|jar| jar.location.display().to_string()),
        ),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        found("a"),
        (
            "team/a.jar jars/a.jar".to_owned(),
            Some("/source/team/a.jar".to_owned())
        )
    );
    assert_eq!(
        found("b"),
        (
            "team/b.jar jars/b.jar".to_owned(),
            Some("/source/jars/b.jar".to_owned())
        )
    );
    assert_eq!(found("c"), ("jars/c.jar".to_owned(), None));
    assert_eq!(desired.faults.len(), 1, "{}", report(&desired));
    assert!(desired.jobs.contains_key("c"), "it may still come");
}

#[test]
fn unreadable_jars_hide_no_document() {
    let mut revision = revision(&[("a.yaml", job("a").as_bytes())]);
    revision
        .unreadable
        .insert("a.jar".to_owned(), "too large".to_owned());
    assert!(is_identified(&load_revision(revision.clone())));
    revision
        .unreadable
        .insert("team".to_owned(), "permission denied".to_owned());
    assert!(!is_identified(&load_revision(revision)));
}

#[test]
fn snapshots_are_declared_and_faulty_clusters_are_known() {
    let desired = load(
        &[Arc::new(revision(&[(
            "a.yaml",
            format!(
                "{}---\napiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata: {{name: \
                 hazelcast}}\nspec: {{tls: 1}}\n---\napiVersion: hazelcast.com/v1alpha1\nkind: \
                 JetJobSnapshot\nmetadata: {{name: before}}\nspec: {{jetJobResourceName: a}}\n",
                job("a")
            )
            .as_bytes(),
        )]))],
        &LoadOptions {
            check_references: true,
            clusters: BTreeSet::new(),
        },
        &mut LoadCache::default(),
    );
    assert_eq!(jobs(&desired), ["a"]);
    assert_eq!(faulty(&desired), ["Hazelcast/hazelcast"]);
    let snapshot = &desired.snapshots["before"];
    assert_eq!(snapshot.spec.jet_job_resource_name, "a");
    assert_eq!(snapshot.spec.snapshot_name("before"), "before");
}

#[test]
fn resources_are_unique_across_sources() {
    let here = revision(&[("a.yaml", job("a").as_bytes())]);
    let there = Revision {
        source: SourceName("other".to_owned()),
        ..revision(&[("b.yaml", job("a").as_bytes())])
    };
    let desired = load(
        &[Arc::new(here), Arc::new(there)],
        &LoadOptions::default(),
        &mut LoadCache::default(),
    );
    assert_eq!(faulty(&desired), ["JetJob/a"]);
    insta::assert_snapshot!(report(&desired), @r"
    error: JetJob/a is declared more than once: also at b.yaml:4:9 of the source `other`
     --> a.yaml:4:9
      |
    4 |   name: a
      |         ^
      = help: keep one

    error: JetJob/a is declared more than once: also at a.yaml:4:9 of the source `jobs`
     --> b.yaml:4:9
      |
    4 |   name: a
      |         ^
      = help: keep one
    ");
}

#[test]
fn exported_manifests_load_as_they_were() {
    let text = job_with(
        "a",
        "jarName: a.jar\n  state: Suspended\n  parameters: ['yes', '1e3', '0x1', '']\n  restartNonce: 3\n  \
         jobConfig: {snapshotInterval: 1500ms}\n  onStateLoss: {maxSnapshotAge: 36h}",
    );
    let first = load_text(&text);
    let written = to_yaml(&ResourceId::jet_job("a"), &first.jobs["a"].spec).unwrap();
    let second = load_text(&written);
    assert_eq!(first.jobs["a"].spec, second.jobs["a"].spec, "{written}");
}

/// One file with many jobs, and many files with one.
fn many(count: usize) -> Revision {
    let mut together = String::new();
    let mut revision = revision(&[]);
    for number in 0..count {
        let text = job(&format!("job-{number}"));
        if number % 2 == 0 {
            together.extend(["---\n", &text]);
            if number % 1000 == 998 || number + 2 >= count {
                let path = format!("together-{number}.yaml");
                revision
                    .files
                    .insert(path, source_file(together.as_bytes()));
                together.clear();
            }
        } else {
            let path = format!("alone/{number}.yaml");
            revision.files.insert(path, source_file(text.as_bytes()));
        }
    }
    revision
}

#[test]
fn ten_thousand_documents_are_parsed_once_each_and_then_only_what_changed() {
    let mut cache = LoadCache::default();
    let mut revision = many(10_000);
    let mut parsed = 0;
    let mut pass = |revision: &Revision, expected: u64| {
        let desired = load(
            &[Arc::new(revision.clone())],
            &LoadOptions::default(),
            &mut cache,
        );
        assert_eq!(desired.jobs.len(), 10_000);
        assert_eq!(cache.documents_parsed() - parsed, expected);
        parsed = cache.documents_parsed();
    };
    pass(&revision, 10_000);
    pass(&revision, 0);
    let alone = job("job-1").replace("/opt/", "/new/");
    revision
        .files
        .insert("alone/1.yaml".to_owned(), source_file(alone.as_bytes()));
    pass(&revision, 1);
    let (path, file) = revision.files.last_key_value().unwrap();
    let text = String::from_utf8(file.bytes.to_vec()).unwrap();
    let text = format!("# a line more\n{}", text.replacen("/opt/", "/new/", 1));
    let path = path.clone();
    revision.files.insert(path, source_file(text.as_bytes()));
    pass(&revision, 1);
}

#[test]
fn a_moved_fault_is_shown_where_it_is_now() {
    let mut cache = LoadCache::default();
    let text = job("a").replace("spec:", "specs:");
    let mut lines = Vec::new();
    for text in [text.clone(), format!("# a line more\n{text}")] {
        let revision = Arc::new(revision(&[("a.yaml", text.as_bytes())]));
        let desired = load(&[revision], &LoadOptions::default(), &mut cache);
        lines.push(desired.faults[0].place.line);
        let snippet = desired.faults[0].snippet.clone().unwrap();
        assert!(
            snippet.contains(&format!("{} |", lines[lines.len() - 1])),
            "{snippet}"
        );
    }
    assert_eq!(lines[1], lines[0] + 1);
}

#[test]
fn a_file_that_went_is_forgotten() {
    let mut cache = LoadCache::default();
    let options = LoadOptions::default();
    let both = revision(&[
        ("a.yaml", job("a").as_bytes()),
        ("b.yaml", job("b").as_bytes()),
    ]);
    let one = revision(&[("b.yaml", job("b").as_bytes())]);
    for (revision, expected) in [(&both, 2), (&one, 1), (&both, 2)] {
        let desired = load(&[Arc::new(revision.clone())], &options, &mut cache);
        assert_eq!(desired.jobs.len(), expected);
    }
    assert_eq!(cache.documents_parsed(), 3);
}
