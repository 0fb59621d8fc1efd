//! Snapshots on real members.

pub(crate) mod counts;
mod port;
