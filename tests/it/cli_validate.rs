//! `validate` with the real program.

use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;

const CLUSTER: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata: {name: hazelcast}
spec: {addresses: [\"127.0.0.1:5701\"]}
";

const JOB: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata: {name: orders}
spec:
  hazelcastResourceName: hazelcast
  jarOnMember: /opt/orders.jar
";

const BROKEN: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata: {name: returns}
spec:
  hazelcastResourceName: hazelcast
  jarOnMembr: /opt/returns.jar
";

fn validate(scratch: &Scratch, args: &[&str]) -> Output {
    let path = scratch.path().to_str().unwrap();
    let args: Vec<String> = args.iter().map(|arg| arg.replace("DIR", path)).collect();
    let mut output = Program::run([&["validate".to_owned()], &*args].concat());
    for stream in [&mut output.stdout, &mut output.stderr] {
        *stream = stream.replace(path, "DIR");
    }
    output
}

#[test]
fn what_is_right_is_0_and_says_how_much_it_was() {
    let scratch = Scratch::new();
    scratch.write("hazelcast.yaml", CLUSTER);
    scratch.write("jobs/orders.yml", JOB);
    let output = validate(&scratch, &["DIR"]).code(0);
    assert_eq!(output.stdout, "");
    assert_eq!(output.stderr, "ok: 2 resources in 2 files\n");
}

#[test]
fn faults_are_1_and_show_the_line() {
    let scratch = Scratch::new();
    scratch.write("all.yaml", format!("{CLUSTER}---\n{JOB}---\n{BROKEN}"));
    let output = validate(&scratch, &["DIR"]).code(1);
    insta::assert_snapshot!(output.stdout, @r"
    error: unknown field `jarOnMembr` in `spec`
      --> DIR/all.yaml:18:3
       |
    18 |   jarOnMembr: /opt/returns.jar
       |   ^^^^^^^^^^
       = help: did you mean `jarOnMember`?
    ");
    assert_eq!(output.stderr, "1 error and 0 warnings in 1 file\n");
}

#[test]
fn programs_get_json_and_github_annotations() {
    let scratch = Scratch::new();
    scratch.write("hazelcast.yaml", CLUSTER);
    scratch.write("returns.yaml", BROKEN);
    let output = validate(&scratch, &["DIR", "-o", "json"]).code(1);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["errors"], 1);
    assert_eq!(report["faults"][0]["place"]["line"], 6);
    assert_eq!(report["faults"][0]["place"]["path"], "DIR/returns.yaml");
    assert_eq!(output.stderr, "");

    let output = validate(&scratch, &["DIR", "-o", "github"]).code(1);
    insta::assert_snapshot!(output.stdout, @"::error file=DIR/returns.yaml,line=6,col=3,title=JetJob/returns::unknown field `jarOnMembr` in `spec`%0Ahelp: did you mean `jarOnMember`?");
}

#[test]
fn several_paths_are_checked_together_and_a_file_is_a_path() {
    let scratch = Scratch::new();
    scratch.write("clusters/hazelcast.yaml", CLUSTER);
    scratch.write("jobs/orders.yaml", JOB);
    let output = validate(&scratch, &["DIR/clusters", "DIR/jobs/orders.yaml"]).code(0);
    assert_eq!(output.stderr, "ok: 2 resources in 2 files\n");

    let alone = validate(&scratch, &["DIR/jobs/orders.yaml"]).code(1);
    assert!(
        alone.stdout.contains("--> DIR/jobs/orders.yaml:5:"),
        "{}",
        alone.stdout
    );
    let note = "note: of a file's directory only the file itself was checked: give the directory";
    assert!(alone.stderr.contains(note), "{}", alone.stderr);
    let together = validate(&scratch, &["DIR/jobs"]).code(1);
    assert!(!together.stderr.contains("note"), "{}", together.stderr);
    let cluster = "hazelcast=127.0.0.1:5701";
    validate(&scratch, &["DIR/jobs/orders.yaml", "--cluster", cluster]).code(0);
}

#[test]
fn where_no_document_is_nothing_was_checked() {
    let scratch = Scratch::new();
    let empty = validate(&scratch, &["DIR"]).code(0).stderr;
    let none = "ok: 0 resources in 0 files; no document was found, so that nothing was checked\n";
    assert_eq!(empty, none);
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    let scratch = Scratch::new();
    let output = validate(&scratch, &["DIR/nowhere"]).code(1);
    insta::assert_snapshot!(output.stderr, @r"
    error: there is no file or directory DIR/nowhere
      hint: give the directory with the YAML, or YAML files
    ");
}

#[test]
fn without_a_path_the_sources_of_the_configuration_are_checked() {
    let scratch = Scratch::new();
    scratch.write("jobs/returns.yaml", BROKEN);
    let config = "sources: [{name: jobs, directory: {path: jobs}}]\n";
    scratch.write("jetkeeper.yaml", config);
    let output = validate(&scratch, &["--config", "DIR/jetkeeper.yaml"]).code(1);
    assert!(output.stdout.contains("jarOnMembr"), "{}", output.stdout);
}
