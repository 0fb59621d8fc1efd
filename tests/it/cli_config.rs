//! Where the configuration comes from, and what is said where it can't be used.

use crate::support::program::Program;
use crate::support::scratch::Scratch;

/// The state directory that the program looks into, as its error tells.
fn state_of(args: &[&str], variables: &[(&str, &str)]) -> String {
    let args = [args, &["get", "jobs"]].concat();
    let stderr = Program::run_with(args, variables).code(1).stderr;
    let first = stderr.lines().next().unwrap();
    let state = first.strip_prefix("error: no jetkeeper keeps ");
    state.unwrap_or_else(|| panic!("{stderr}")).to_owned()
}

#[test]
fn a_flag_beats_a_variable_a_variable_the_file_the_file_systemd() {
    let scratch = Scratch::new();
    let file = scratch.write("jetkeeper.yaml", "state: {directory: /srv/file}\n");
    let empty = scratch.write("empty.yaml", "");
    let (file, empty) = (file.to_str().unwrap(), empty.to_str().unwrap());
    let variable = ("JETKEEPER_STATE", "/srv/variable");
    let systemd = ("STATE_DIRECTORY", "/srv/systemd");
    let all = [variable, ("JETKEEPER_CONFIG", file), systemd];

    assert_eq!(state_of(&["--state", "/srv/flag"], &all), "/srv/flag");
    assert_eq!(state_of(&[], &all), "/srv/variable");
    assert_eq!(state_of(&[], &all[1..]), "/srv/file");
    assert_eq!(state_of(&["--config", empty], &all[1..]), "/srv/systemd");
}

#[test]
fn the_users_own_state_is_kept_apart_by_source() {
    let scratch = Scratch::new();
    let config = scratch.write(
        "jetkeeper.yaml",
        "sources: [{name: jobs, directory: {path: jobs}}]\n",
    );
    let home = ("XDG_STATE_HOME", "/srv/home");
    let state = state_of(&["--config", config.to_str().unwrap()], &[home]);
    assert!(state.starts_with("/srv/home/jetkeeper/jobs-"), "{state}");
}

#[test]
fn every_fault_of_the_file_is_shown_with_its_line() {
    let scratch = Scratch::new();
    let config = scratch.write(
        "jetkeeper.yaml",
        "ownr: keeper-1\nsources:\n  - {name: jobs, git: {url: ftp://x}}\nprune: {maxDeletions: some}\n",
    );
    let output = Program::run(["--config", config.to_str().unwrap(), "run"]).code(2);
    assert_eq!(output.stdout, "");
    let shown = output.stderr.replace(config.to_str().unwrap(), "FILE");
    insta::assert_snapshot!(shown, @r"
    error: unknown field `ownr` in `configuration`
     --> FILE:1:1
      |
    1 | ownr: keeper-1
      | ^^^^
      = help: did you mean `owner`?

    error: this URL can't be used: it is none of https://…, ssh://…, user@host:path, file:///…, /path
     --> FILE:3:29
      |
    3 |   - {name: jobs, git: {url: ftp://x}}
      |                             ^^^^^^^
      = help: write `url: https://host/repository.git` or `url: git@host:repository.git`

    error: `configuration.prune.maxDeletions` must be a whole number, not the text `some`
     --> FILE:4:23
      |
    4 | prune: {maxDeletions: some}
      |                       ^^^^

    error: the configuration FILE can't be used
    ");
}

#[test]
fn a_configuration_that_is_not_there_is_wrong_usage() {
    let output = Program::run(["--config", "/nowhere.yaml", "get", "jobs"]).code(2);
    insta::assert_snapshot!(output.stderr, @r"
    error: failed to read the configuration /nowhere.yaml
      cause: No such file or directory (os error 2)
    ");
}

#[test]
fn state_inside_a_source_is_refused() {
    let scratch = Scratch::new();
    scratch.write("jobs/a.yaml", "");
    let path = scratch.path().to_str().unwrap();
    let state = format!("{path}/state");
    for command in ["run", "apply", "plan"] {
        let output = Program::run([command, path, "--state", &state]).code(2);
        assert!(
            output.stderr.contains("is inside the source local"),
            "{}",
            output.stderr
        );
    }
    assert!(!scratch.path().join("state").exists());
}

#[test]
fn several_sources_without_an_owner_are_refused() {
    let scratch = Scratch::new();
    let text =
        "sources:\n  - {name: a, directory: {path: a}}\n  - {name: b, directory: {path: b}}\n";
    let config = scratch.write("jetkeeper.yaml", text);
    let output = Program::run(["--config", config.to_str().unwrap(), "run"]).code(2);
    assert!(output.stderr.contains("--owner"), "{}", output.stderr);
}

#[test]
fn a_log_filter_that_says_nothing_is_wrong_usage() {
    let scratch = Scratch::new();
    let path = scratch.path().to_str().unwrap();
    let output = Program::run_with(["run", path], &[("JETKEEPER_LOG", "a=b=c")]).code(2);
    assert!(
        output.stderr.contains("the log filter `a=b=c`"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_check_tells_all_faults_at_once_with_their_places_and_does_nothing() {
    let scratch = Scratch::new();
    let config = scratch.write(
        "jetkeeper.yaml",
        "ownr: keeper-1\nsources: [{name: jobs, directory: {path: jobs}}]\nhttp: {listen: \"0.0.0.0:80\"}\n",
    );
    let config = config.to_str().unwrap();
    let faulty = Program::run(["--config", config, "config", "check"]).code(1);
    let shown = faulty.stdout.replace(config, "FILE");
    assert!(shown.contains("error: unknown field `ownr`"), "{shown}");
    assert!(shown.contains(" --> FILE:3:16\n"), "{shown}");
    assert!(shown.contains("^^^^"), "{shown}");
    assert!(faulty.stderr.ends_with(": 2 errors\n"), "{}", faulty.stderr);

    scratch.write(
        "jetkeeper.yaml",
        "sources: [{name: jobs, directory: {path: jobs}}]\nstate: {directory: state}\n",
    );
    let fine = Program::run(["--config", config, "config", "check"]).code(0);
    assert!(
        fine.stderr.contains("warning: source jobs: "),
        "{}",
        fine.stderr
    );
    assert!(
        fine.stderr.ends_with(": no errors; 1 source, 0 clusters\n"),
        "{}",
        fine.stderr
    );
    assert!(!scratch.path().join("state").exists());

    scratch.write("jetkeeper.yaml", "owner: keeper-1\n");
    let nothing = Program::run(["--config", config, "config", "check"]).code(1);
    assert!(
        nothing.stderr.contains("there is nothing to keep"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn what_is_shown_is_what_file_variables_and_flags_say_together() {
    let scratch = Scratch::new();
    let config = scratch.write(
        "jetkeeper.yaml",
        "sources: [{name: jobs, directory: {path: /srv/jobs}}]\nowner: from-file\nstate: {directory: /srv/state}\n\
         clusters: {hazelcast: {addresses: [\"h:1\"], credentials: {secretName: members}}}\n",
    );
    let args = [
        "--config",
        config.to_str().unwrap(),
        "config",
        "show",
        "--max-deletions",
        "3",
    ];
    let variables = [
        ("JETKEEPER_OWNER", "from-variable"),
        ("JETKEEPER_RECHECK", "30m"),
    ];
    let shown = Program::run_with(args, &variables).code(0).stdout;
    insta::assert_snapshot!(shown, @r"
    sources:
    - name: jobs
      directory:
        path: /srv/jobs
    clusters:
      hazelcast:
        clusterName: dev
        addresses:
        - h:1
        credentials:
          secretName: members
    owner: from-variable
    state:
      directory: /srv/state
    http:
      allowRemote: false
    prune:
      maxDeletions: 3
      maxDeletionsPercent: 25
    artifacts:
      recheck: 30m
    notifications:
      settle: 1m
      receivers: []
    ");
}
