//! Integration tests: one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, in their helpers too"
)]

mod api;
mod artifacts;
mod buckets;
mod cli_config;
mod cli_daemon;
mod cli_real;
mod cli_usage;
mod cli_validate;
mod cluster_real;
mod demo;
mod directory_source;
mod fixtures;
mod git;
mod hazelcast;
mod http;
mod layering;
mod migration;
mod monitoring;
mod notifications;
mod plan;
mod plan_safety;
mod protocol_golden;
mod reasons;
mod reference;
mod resources_clusters;
mod resources_document_faults;
mod resources_faults;
mod resources_fixture;
mod resources_load;
mod resources_properties;
mod resources_schema;
mod resources_snapshots;
mod sample_repo;
mod simulation;
mod snapshots;
mod store_crash;
mod support;
mod systemd;
mod weather;

use std::path::{Path, PathBuf};

use support::sources::{read, rust_files};

#[test]
fn every_file_of_tests_is_mounted() {
    let forgotten: Vec<PathBuf> = rust_files("tests/it")
        .into_iter()
        .filter(|path| path != Path::new("tests/it/main.rs"))
        .filter(|path| {
            let is_folder = path.ends_with("mod.rs");
            let module = if is_folder {
                path.parent().unwrap()
            } else {
                path.as_path()
            };
            let parent = module.parent().unwrap();
            let beside = parent.with_extension("rs");
            let root = if parent == Path::new("tests/it") {
                parent.join("main.rs")
            } else if beside.is_file() {
                beside
            } else {
                parent.join("mod.rs")
            };
            let declaration = format!("mod {};", module.file_stem().unwrap().display());
            !read(&root).lines().any(|line| line.ends_with(&declaration))
        })
        .collect();

    assert!(
        forgotten.is_empty(),
        "no `mod` line runs these: {forgotten:?}"
    );
}
