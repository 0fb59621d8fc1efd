//! The command line as such: usage, exit codes, streams, colours.

use std::process::{Command, Stdio};

use crate::support::program::Program;
use crate::support::scratch::Scratch;

#[test]
fn wrong_usage_is_2_and_goes_to_stderr() {
    for args in [
        &[][..],
        &["fly"],
        &["get"],
        &["get", "pods"],
        &["get", "jobs/"],
        &["get", "jobs/orders", "orders"],
        &["get", "jobs", "--timeout", "5s"],
        &["run", "--max-deletions-percent", "101", "."],
        &["run", "--cluster", "dev", "."],
        &["pause", "orders"],
        &["pause", "orders", "--reason", "r", "--for", "soon"],
        &["confirm", "--discard-state"],
        &["plan", "--output", "table", "."],
    ] {
        let output = Program::run(args).code(2);
        assert_eq!(output.stdout, "", "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_usage_shows_no_flag_only_because_its_variable_is_set() {
    let variables = [("JETKEEPER_STATE", "/nowhere"), ("JETKEEPER_CONFIG", "x")];
    let output = Program::run_with(["pause", "orders"], &variables).code(2);
    let usage = "\nUsage: jetkeeper pause [OPTIONS] --reason <REASON> [NAME]\n";
    assert!(output.stderr.contains(usage), "{}", output.stderr);
}

#[test]
fn help_and_version_are_data() {
    let version = Program::run(["--version"]).code(0);
    let expected = concat!("jetkeeper ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(version.stdout, expected);
    let help = Program::run(["--help"]).code(0);
    for command in [
        "run", "apply", "plan", "validate", "get", "confirm", "state",
    ] {
        let listed = help
            .stdout
            .lines()
            .any(|line| line.trim_start().starts_with(command));
        assert!(listed, "{command} is missing:\n{}", help.stdout);
    }
    assert_eq!(help.stderr, "");
}

#[test]
fn nothing_to_keep_is_wrong_usage_and_says_what_to_give() {
    for command in ["run", "apply", "plan", "validate"] {
        let output = Program::run([command]).code(2);
        assert!(
            output.stderr.contains("the PATH of a directory"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn without_a_daemon_the_hint_says_how_to_start_one() {
    for args in [
        &["get", "jobs"][..],
        &["get", "snapshots"],
        &["snapshot", "export", "orders"],
        &["describe", "orders"],
        &["events"],
        &["history"],
        &["reconcile"],
        &["unpause"],
        &["confirm"],
        &["adopt", "orders"],
    ] {
        let output = Program::run(args).code(1);
        assert_eq!(
            output.stderr,
            "error: no jetkeeper runs here\n  hint: `jetkeeper run PATH` starts one; --state DIR \
             or --config FILE names another's state\n",
            "{args:?}"
        );
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn the_schema_is_one_json_document() {
    let output = Program::run(["schema"]).code(0);
    let schema: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Program::run(["completions", shell]).code(0);
        assert!(output.stdout.contains("validate"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jetkeeper"))
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let scratch = Scratch::new();
    scratch.write("broken.yaml", "kind: JetJob\n");
    let path = scratch.path().to_str().unwrap();
    let force = ("CLICOLOR_FORCE", "1");
    let coloured = |args: &[&str], variables: &[(&str, &str)]| {
        let output = Program::run_with(args, variables).code(1);
        output.stdout.contains('\u{1b}')
    };

    assert!(coloured(&["validate", path], &[force]), "asked for");
    assert!(!coloured(&["validate", path], &[]), "no terminal");
    assert!(!coloured(&["validate", path], &[force, ("NO_COLOR", "1")]));
    assert!(!coloured(&["validate", path, "--no-color"], &[force]));
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let scratch = Scratch::new();
    let directory = scratch.path().to_str().unwrap();
    Program::run(["man", directory]).code(0);
    let page = |name: &str| {
        let path = scratch.path().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert!(page("jetkeeper.1").contains(".TH jetkeeper 1"));
    assert!(page("jetkeeper-run.1").contains("JETKEEPER_HTTP_LISTEN"));
    assert!(page("jetkeeper-config-check.1").contains(".SH NAME"));
}

#[test]
fn a_plan_of_a_directory_that_is_not_there_says_so() {
    let scratch = Scratch::new();
    let (path, state) = (scratch.path().join("nowhere"), scratch.path().join("state"));
    let (path, state) = (path.display().to_string(), state.display().to_string());
    let plan = Program::run(["plan", &*path, "--state", &*state]).code(2);
    assert_eq!(plan.stdout, "");
    assert_eq!(
        plan.stderr,
        format!(
            "error: there is no file or directory {path}\n  hint: give the directory with the YAML\n"
        )
    );
}
