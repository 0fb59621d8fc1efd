//! The protocol client against a scripted peer that speaks frames, also wrong ones.

mod cluster;
mod connection;
mod liveness;
mod peer;
mod upload;
