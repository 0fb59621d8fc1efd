//! The pages on migration: their YAML is taken, with warnings at most. That their commands exist is a unit
//! test of the command line.

use std::fs;

use crate::support::program::Program;
use crate::support::scratch::Scratch;

/// The YAML in a page's blocks, without what a list indents them by.
fn blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(indent) = line.strip_suffix("```yaml") {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            let block =
                block.map(|line| line.strip_prefix(indent).unwrap_or(line).to_owned() + "\n");
            blocks.push(block.collect());
        }
    }
    blocks
}

#[test]
fn the_yaml_of_the_pages_on_migration_is_taken() {
    for page in [
        "docs/migration-from-the-operator.md",
        "docs/migration-from-hz-cli.md",
    ] {
        let source = Scratch::new();
        let blocks = blocks(page);
        assert!(!blocks.is_empty(), "{page}");
        for (number, block) in blocks.iter().enumerate() {
            source.write(&format!("{number}.yaml"), block);
        }
        let output = Program::run(["validate", source.path().to_str().unwrap()]);
        assert_eq!(
            output.code,
            Some(0),
            "{page}: {}{}",
            output.stdout,
            output.stderr
        );
    }
}

#[test]
fn what_kubernetes_gives_of_a_document_is_taken_as_it_is() {
    let source = Scratch::new();
    source.write(
        "exported.yaml",
        r#"---
{"apiVersion": "hazelcast.com/v1alpha1", "kind": "Hazelcast",
 "metadata": {"name": "hazelcast", "uid": "1", "generation": 2, "managedFields": [], "namespace": "default"},
 "spec": {"clusterSize": 3, "repository": "docker.io/hazelcast/hazelcast-enterprise", "licenseKeySecretName": "key",
  "jet": {"enabled": true}, "clusterName": "dev"}, "status": {"phase": "Running"}}
---
{"apiVersion": "hazelcast.com/v1alpha1", "kind": "JetJob",
 "metadata": {"name": "orders", "finalizers": ["hazelcast.com/finalizer"], "resourceVersion": "7"},
 "spec": {"name": "orders", "hazelcastResourceName": "hazelcast", "state": "Running", "jarName": "orders.jar",
  "mainClass": "com.example.Orders"}, "status": {"phase": "Running", "id": 1}}
---
{"apiVersion": "hazelcast.com/v1alpha1", "kind": "JetJobSnapshot", "metadata": {"name": "orders-monday"},
 "spec": {"name": "orders-monday", "jetJobResourceName": "orders", "cancelJob": false}}
"#,
    );
    let output = Program::run(["validate", source.path().to_str().unwrap()]).code(0);
    let told = output.stdout + &output.stderr;
    assert!(
        told.contains("`clusterSize`") || told.contains("clusterSize"),
        "{told}"
    );
}
