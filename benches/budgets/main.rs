//! The budgets, measured side by side in one run and told as ratios: `make bench`.
//!
//! `make bench ONLY=load` measures one part. Nothing here fails on a slow machine: the table says
//! what was seen beside what is allowed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints its table"
)]

mod client;
mod copy;
mod daemon;
mod documents;
mod fleet;
mod git;
mod java;
mod jobs;
mod keeper;
mod load;
mod member;
mod ready;
#[path = "../../tests/it/git/remote.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod remote;
mod rest;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod support;
mod table;
mod trace;
mod upgrade;

use table::Row;

/// The program's, for what is measured in this process.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A part: its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

const PARTS: &[Part] = &[
    ("load", load::measure),
    ("plan", load::plans),
    ("ready", ready::measure),
    ("jobs", jobs::submits),
    ("status", jobs::statuses),
    ("upgrade", upgrade::pauses),
    ("git", git::looks),
    ("push", git::pushes),
    ("rest", rest::measure),
    ("client", client::map_gets),
];

/// Parts that need gigabytes and minutes, so that they run only where they are named.
const SOAK: &[Part] = &[("copy", copy::measure), ("repository", git::large)];

fn main() {
    let only = std::env::var("ONLY").ok();
    let named = |name: &str| only.as_deref() == Some(name);
    let mut rows = Vec::new();
    let soak = SOAK.iter().filter(|(name, _)| named(name));
    let parts = PARTS
        .iter()
        .filter(|(name, _)| only.is_none() || named(name));
    for (name, measure) in parts.chain(soak) {
        println!("measuring {name} …");
        rows.extend(measure());
    }
    println!("\n{}", table::render(&rows));
}
