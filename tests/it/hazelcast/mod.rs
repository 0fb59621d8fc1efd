//! The protocol client: against a scripted peer that speaks frames, also wrong ones, and against real
//! members.

mod cluster;
mod connection;
mod fuzz;
mod fuzz_targets;
mod hostile;
mod liveness;
mod member;
mod partitions;
pub(crate) mod peer;
mod rolling;
pub(crate) mod scripted;
mod security;
mod tls;
mod upload;
mod versions;
