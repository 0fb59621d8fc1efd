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
mod daemon;
mod documents;
mod fleet;
mod java;
mod jobs;
mod keeper;
mod load;
mod member;
mod ready;
mod rest;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod support;
mod table;

use table::Row;

/// A part: its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

const PARTS: &[Part] = &[
    ("load", load::measure),
    ("plan", load::plans),
    ("ready", ready::measure),
    ("jobs", jobs::submits),
    ("status", jobs::statuses),
    ("rest", rest::measure),
    ("client", client::map_gets),
];

fn main() {
    let only = std::env::var("ONLY").ok();
    let mut rows = Vec::new();
    for (name, measure) in PARTS {
        if only.as_deref().is_none_or(|only| only == *name) {
            println!("measuring {name} …");
            rows.extend(measure());
        }
    }
    println!("\n{}", table::render(&rows));
}
