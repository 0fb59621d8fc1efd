//! Keeps Hazelcast Jet jobs as the YAML in a directory declares them.

pub mod api;
pub mod artifacts;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod engine;
pub mod hazelcast;
pub mod notifications;
pub mod plan;
pub mod resources;
pub mod secrets;
pub mod source;
pub mod store;
pub mod systemd;
pub mod telemetry;
