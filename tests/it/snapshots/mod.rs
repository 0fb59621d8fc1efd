//! Snapshots on real members.

pub(crate) mod counts;
pub(crate) mod port;
