//! Secrets reach `main`, and nothing else.

use std::fs;

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::unique;

/// Everything that users can read of a stage, in one text.
fn all_words(stage: &Stage, name: &str) -> String {
    let commands: [&[&str]; 7] = [
        &["get", "jobs", "-o", "yaml"],
        &["get", "holds", "-o", "json"],
        &["get", "hazelcast", "-o", "yaml"],
        &["describe", name],
        &["events", "-o", "json"],
        &["history", "-o", "json"],
        &["confirm"],
    ];
    let outputs = commands.map(|command| {
        let output = stage.cli(command).code(0);
        output.stdout + &output.stderr
    });
    outputs.concat() + &stage.log()
}

#[test]
fn a_secret_reaches_main_and_is_seen_nowhere() {
    let secrets = Scratch::new();
    let secret = unique("hunter2-hunter2");
    secrets.write("orders/password", &secret);
    let directory = secrets.path().display().to_string();
    let mut stage = Stage::shared();
    let name = stage.name("secretive");
    let parameters = format!("parameters: [{name}, \"1\", NONE]");
    let secretly = "secretParameters: [{index: 3, secretName: orders, key: password}]";
    stage.declare(&name, "Counter", &[&parameters, secretly]);
    stage.start_with(&["--secrets", &directory, "--log", "trace"]);
    stage.until_at_rest(&name, Phase::Running);
    // The last parameter names a file that the job writes on the member.
    let written = Member::shared().dir().join(&secret);
    stage.until("the job got the secret", || written.exists());

    let words = all_words(&stage, &name);
    assert!(words.contains(&name));
    assert!(!words.contains(&secret), "the secret is told");
    stage.terminate().code(0);
    assert!(!stage.log().contains(&secret), "the secret is logged");
    assert_eq!(
        stage.state_files_with(&secret),
        [""; 0].map(std::path::PathBuf::from)
    );
    assert!(
        !stage.state_files_with(&name).is_empty(),
        "the search finds what is there"
    );
}

#[test]
fn a_secret_that_main_complains_about_is_seen_nowhere() {
    let secrets = Scratch::new();
    let secret = unique("hunter2-hunter2");
    secrets.write("orders/keys", format!("{secret}\n"));
    let directory = secrets.path().display().to_string();
    let mut stage = Stage::shared();
    let name = stage.name("talkative");
    // It is to be a number: main throws, and quotes it.
    let secretly = "secretParameters: [{index: 1, secretName: orders, key: keys}]";
    stage.declare(
        &name,
        "Counter",
        &[&format!("parameters: [{name}]"), secretly],
    );
    stage.start_with(&["--secrets", &directory, "--log", "trace"]);
    stage.until_held(
        &name,
        Reason::SubmitRefused,
        &["NumberFormatException", "[redacted]"],
    );
    let words = all_words(&stage, &name);
    assert!(!words.contains(&secret), "the secret is told");
    stage.terminate().code(0);
    assert!(!stage.log().contains(&secret), "the secret is logged");
    assert!(stage.state_files_with(&secret).is_empty());
}

#[test]
fn a_secret_that_a_failed_job_repeats_is_not_told_by_what_is_made_anew() {
    let secrets = Scratch::new();
    // The job fails at the item of this number, and says which one it was.
    secrets.write("orders/item", "137");
    let directory = secrets.path().display().to_string();
    let flags = ["--secrets", &*directory];
    let mut stage = Stage::shared();
    let name = stage.name("telltale");
    let secretly = "secretParameters: [{index: 0, secretName: orders, key: item}]";
    stage.declare(&name, "Failing", &[secretly]);
    stage.start_with(&flags);
    let words = ["item [redacted] is not"];
    stage.until_held(&name, Reason::JobFailed, &words);
    stage.terminate().code(0);
    fs::remove_dir_all(stage.state()).unwrap();

    let planned = Program::run(stage.keeping(&["plan"], &flags)).code(0);
    assert!(planned.stdout.contains(words[0]), "{planned:?}");
    assert!(!planned.stdout.contains("item 137"), "{planned:?}");
    // Whoever can't read the secret can't take it out.
    let planned = Program::run(stage.keeping(&["plan"], &[])).code(0);
    assert!(planned.stdout.contains("withheld"), "{planned:?}");
    assert!(!planned.stdout.contains("item"), "{planned:?}");

    Program::run(stage.keeping(&["state", "rebuild"], &flags)).code(0);
    assert!(stage.state_files_with("item 137").is_empty());
    assert!(!stage.state_files_with(words[0]).is_empty());
    stage.start_with(&flags);
    stage.until_held(&name, Reason::JobFailed, &words);
}

#[test]
fn a_missing_secret_is_named_and_waited_for() {
    let secrets = Scratch::new();
    let directory = secrets.path().display().to_string();
    let mut stage = Stage::shared();
    let name = stage.name("forgetful");
    let secretly = "secretParameters: [{index: 1, secretName: orders, key: keys}]";
    stage.declare(
        &name,
        "Counter",
        &[&format!("parameters: [{name}]"), secretly],
    );
    stage.start_with(&["--secrets", &directory]);
    let path = secrets.path().join("orders/keys").display().to_string();
    stage.until_job(&name, "is told which secret is missing", |job| {
        let mut holds = job.status.holds.iter();
        holds.any(|hold| hold.message.contains(&path))
    });
    assert!(stage.person.jobs(&name).is_empty());

    fs::create_dir(secrets.path().join("orders")).unwrap();
    secrets.write("orders/keys", "5");
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
}

#[test]
fn whoever_puts_a_secret_in_place_and_asks_waits_for_no_pause() {
    let secrets = Scratch::new();
    let directory = secrets.path().display().to_string();
    let flags = ["--secrets", &*directory];
    for command in ["reconcile", "apply"] {
        let mut stage = Stage::shared();
        let name = stage.name("hurried");
        let key = unique("key");
        let secretly = format!("secretParameters: [{{index: 1, secretName: orders, key: {key}}}]");
        let plainly = format!("parameters: [{name}]");
        stage.declare(&name, "Counter", &[&plainly, &secretly]);
        stage.start_with(&flags);
        // The next try is seconds away by now.
        stage.until_held(&name, Reason::SecretMissing, &["failed 3 times"]);
        secrets.write(&format!("orders/{key}"), "5");
        if command == "reconcile" {
            stage.cli(&["reconcile", "--wait"]).code(0);
        } else {
            stage.terminate().code(0);
            Program::run(stage.keeping(&["apply"], &flags)).code(0);
        }
        stage.person.only_job(&name);
    }
}
