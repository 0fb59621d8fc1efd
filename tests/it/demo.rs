//! The demo: it shows what the README says it shows, and leaves nothing behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::support::fixture;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually};

/// The demo with these variables, on what `make fixtures` made.
fn start(variables: &[(&str, &str)]) -> Program {
    let jars = fixture("orders.jar").parent().unwrap().to_owned();
    let hazelcast = fixture("hazelcast-5.7.0.jar");
    let samples = format!("{}/sample-repo", env!("CARGO_MANIFEST_DIR"));
    let args = [
        "demo",
        "--hazelcast",
        hazelcast.to_str().unwrap(),
        "--samples",
        &samples,
        "--jars",
        jars.to_str().unwrap(),
    ];
    Program::start_with(args, variables)
}

/// The scratch directory of a demo.
fn place(demo: &Program) -> PathBuf {
    std::env::temp_dir().join(format!("jetkeeper-demo-{}", demo.id()))
}

/// Neither files nor processes; what runs has the place in its command line.
fn assert_nothing_is_left(place: &Path) {
    assert!(!place.exists(), "{} is left", place.display());
    let text = place.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    let left: Vec<String> = processes.filter(|line| line.contains(text)).collect();
    assert_eq!(left, [""; 0]);
}

/// A line without what differs from run to run: ids, times, counts, names of snapshots, which customer
/// came first.
fn lasting(line: &str) -> String {
    let mut words: Vec<&str> = line
        .split_whitespace()
        .map(|word| {
            let differs = word.contains(|character: char| character.is_ascii_digit())
                || word.starts_with("orders.delete-");
            if differs { "#" } else { word }
        })
        .collect();
    if let Some(at) = words.iter().position(|word| *word == "has") {
        words[at - 1] = "customer";
    }
    words.join(" ")
}

/// What a demo told between this and the next title.
fn act<'a>(told: &'a str, title: &str) -> &'a str {
    let begin = told.find(title).expect(title);
    told[begin..].split("\n▸").next().unwrap()
}

#[test]
fn the_demo_shows_what_the_readme_says() {
    // What a user's own Git has in store breaks each commit, and is not looked at.
    let user = Scratch::new();
    let own =
        "[commit]\n gpgSign = true\n[gpg]\n program = /bin/false\n[core]\n hooksPath = /nowhere\n";
    user.write(".gitconfig", own);
    let home = user.path().to_str().unwrap();
    let demo = start(&[("HOME", home), ("GIT_DIR", home), ("GIT_INDEX_FILE", home)]);
    let place = place(&demo);
    let told = demo.end_within(PATIENCE).code(0).stdout;
    assert_nothing_is_left(&place);
    let config = fs::read_to_string(user.path().join(".gitconfig"));
    assert_eq!(config.unwrap(), own);

    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let readme = readme.split("```text\n").nth(1).unwrap();
    let readme = readme.split("\n```").next().unwrap();
    let lasting = |text: &str| text.trim().lines().map(lasting).collect::<Vec<_>>();
    assert_eq!(lasting(&told), lasting(readme));

    let [signed, unsigned] = ["A signed git commit", "A commit that nobody signed"];
    let phases = |title| {
        let rows = act(&told, title).lines().map(str::trim);
        let rows = rows.filter(|line| line.starts_with("returns "));
        rows.map(|row| row.split_whitespace().nth(1).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(phases(signed), ["Running"]);
    // Refused, it goes on; signed, it is suspended.
    assert_eq!(phases(unsigned), ["Running", "Suspended"]);
    let refused = act(&told, unsigned);
    assert_eq!(refused.matches("is not signed").count(), 1, "{refused}");
}

#[test]
fn a_demo_that_is_broken_off_stops_all_that_it_started() {
    let demo = start(&[]);
    let place = place(&demo);
    eventually(PATIENCE, "the first commit is shown", || {
        demo.stdout().contains("git commit")
    });
    assert!(place.is_dir());
    demo.signal(Signal::INT);
    let ended = demo.end_within(PATIENCE).code(0);
    assert!(ended.stdout.contains("Broken off."), "{}", ended.stdout);
    assert_nothing_is_left(&place);
}

#[test]
fn a_demo_without_a_program_that_signs_commits_names_it() {
    let bin = Scratch::new();
    let path = bin.path().to_str().unwrap();
    let put = |name: &str| symlink(program(name), bin.path().join(name)).unwrap();
    // It starts the program itself, here.
    put("setpriv");
    for missing in ["ssh-keygen", "git"] {
        let demo = start(&[("PATH", path)]);
        let place = place(&demo);
        let ended = demo.end_within(PATIENCE).code(1);
        let told = format!("error: {missing} was not found");
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
        assert_nothing_is_left(&place);
        put(missing);
    }
}

/// Where a program is.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let places = std::env::split_paths(&path).map(|place| place.join(name));
    let mut there = places.filter(|place| place.is_file());
    there.next().expect("scripts/tools installs it")
}

#[test]
fn a_demo_without_hazelcast_says_how_to_get_it() {
    let ran = Program::run(["demo", "--hazelcast", "/nowhere/hazelcast.jar"]).code(1);
    assert!(
        ran.stderr.contains("/nowhere/hazelcast.jar is not there"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("`make demo`"), "{}", ran.stderr);
}
