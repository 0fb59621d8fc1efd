//! The protocol client: against a scripted peer that speaks frames, also wrong ones, and against real
//! members.

mod cluster;
mod connection;
mod liveness;
mod member;
mod peer;
mod upload;
mod versions;
