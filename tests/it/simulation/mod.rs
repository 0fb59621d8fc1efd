//! The real engine, planner, executor, store rules and cluster watch in a simulated world.
//!
//! ```text
//! seed ─▶ World ── edits ──▶ SimulatedSource ─┐
//!           │                                  ├─▶ engine ─▶ MemoryDisk (crashes at commits)
//!           ├── people, failures ─▶ Hazelcast ◀┘      │
//!           └── lost calls, links, masters ◀──────────┘ port Cluster
//!                      │
//!                   Watchdog: every effect that arrives, against the invariants
//! ```
//!
//! A seed replays exactly, call by call. Two things of tokio's are random by design and have no place in
//! what is simulated: a `select!` without `biased`, and two waits on one `sync::watch`, which are woken
//! in any order.
//!
//! A failing seed prints itself; `JETKEEPER_SEED=n cargo test --test it model` replays it, and
//! `SEEDS=n` tries more of them.

mod boundaries;
mod client;
mod clock;
mod compared;
mod engine;
mod hazelcast;
mod jars;
mod jobs;
mod lifecycle;
mod model;
mod notifications;
mod pipeline;
mod refusal;
mod snapshots;
mod source;
mod trace;
mod trouble;
mod verdict;
mod watchdog;
mod world;
