//! The sample repository: it is what a user starts from, so it must be without fault.

use std::fs;
use std::path::PathBuf;

use crate::support::program::Program;

fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-repo")
}

#[test]
fn the_samples_have_no_fault() {
    let ran = Program::run(["validate".into(), samples().into_os_string()]).code(0);
    assert!(ran.stderr.contains("ok: 5 resources in 5 files"), "{ran:?}");
}

#[test]
fn they_have_every_kind() {
    for (kind, file) in [
        ("Hazelcast", "hazelcast.yaml"),
        ("JetJob", "jobs/orders.yaml"),
        ("JetJobSnapshot", "jobs/orders-monday.yaml"),
    ] {
        let text = fs::read_to_string(samples().join(file)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&&*format!("kind: {kind}")), "{file}");
        assert!(lines[1].starts_with("# "), "{file} says what it is");
    }
}

#[test]
fn their_schema_is_the_one_the_program_prints() {
    let printed = Program::run(["schema"]).code(0).stdout;
    let kept = fs::read_to_string(samples().join(".schema/jetkeeper.json")).unwrap();
    assert_eq!(
        printed, kept,
        "run `jetkeeper schema > sample-repo/.schema/jetkeeper.json`"
    );
}

#[test]
fn every_sample_names_the_schema() {
    for name in [
        "hazelcast.yaml",
        "jobs/orders.yaml",
        "jobs/orders-monday.yaml",
        "jobs/returns.yaml",
        "jobs/word-count.yaml",
    ] {
        let path = samples().join(name);
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap();
        let schema = line
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap();
        let schema = path.parent().unwrap().join(schema);
        assert!(schema.is_file(), "{name} names {}", schema.display());
    }
}
