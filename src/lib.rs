//! Keeps Hazelcast Jet jobs as the YAML in a directory declares them.
