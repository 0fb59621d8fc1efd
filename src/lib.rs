//! Keeps Hazelcast Jet jobs as the YAML in a directory declares them.

pub mod hazelcast;
