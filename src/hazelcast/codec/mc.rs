//! Messages of Management Center. A member answers them about itself, without forwarding.

pub mod get_cluster_metadata;
pub mod get_map_config;
pub mod get_member_config;
pub mod get_timed_member_state;
pub mod read_metrics;
