//! The demo: it shows what the README says it shows, and leaves nothing behind.

use std::fs;

use crate::support::fixture;
use crate::support::program::Program;

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

#[test]
fn the_demo_shows_what_the_readme_says() {
    let jars = fixture("orders.jar").parent().unwrap().to_owned();
    let hazelcast = fixture("hazelcast-5.7.0.jar");
    let samples = format!("{}/sample-repo", env!("CARGO_MANIFEST_DIR"));
    let ran = Program::run([
        "demo",
        "--hazelcast",
        hazelcast.to_str().unwrap(),
        "--samples",
        &samples,
        "--jars",
        jars.to_str().unwrap(),
    ]);
    let ran = ran.code(0);
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let told = readme.split("```text\n").nth(1).unwrap();
    let told = told.split("\n```").next().unwrap();
    let lasting = |text: &str| text.trim().lines().map(lasting).collect::<Vec<_>>();
    assert_eq!(lasting(&ran.stdout), lasting(told));
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
