//! Snapshots on real members.

mod counts;
mod port;
