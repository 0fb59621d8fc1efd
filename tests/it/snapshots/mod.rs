//! Snapshots on real members.

pub(crate) mod counts;
mod native;
pub(crate) mod port;
