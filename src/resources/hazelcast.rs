//! The `Hazelcast` resource: a cluster and how to reach it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `spec` of a `Hazelcast`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HazelcastSpec {
    /// The members' `cluster-name`.
    #[serde(default = "default_cluster_name")]
    pub cluster_name: String,
    /// Members to connect to first, `host:port`; the port is 5701 if not given. Where absent, `clusters.<name>` of the
    /// configuration or `--cluster` gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// How many members the cluster must have before a job is stopped or started.
    #[serde(default = "default_one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min_members: u32,
    /// How many jobs of the cluster may be upgraded at the same time.
    #[serde(default = "default_one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_concurrent_upgrades: u32,
}

impl Default for HazelcastSpec {
    fn default() -> Self {
        Self {
            cluster_name: default_cluster_name(),
            addresses: Vec::new(),
            min_members: 1,
            max_concurrent_upgrades: 1,
        }
    }
}

fn default_cluster_name() -> String {
    "dev".to_owned()
}

fn default_one() -> u32 {
    1
}
