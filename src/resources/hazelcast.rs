//! The `Hazelcast` resource: a cluster and how to reach it.

use std::path::PathBuf;

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
    /// Who we are to members with security (Enterprise). Others refuse credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsSpec>,
    /// How to connect with TLS; without where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// How many members the cluster must have before a job is stopped or started.
    #[serde(default = "default_one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min_members: u32,
    /// How many jobs of the cluster may be upgraded at the same time.
    #[serde(default = "default_one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_concurrent_upgrades: u32,
}

/// Where the credentials for the members are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialsSpec {
    /// The secret: its keys are `username` and `password`, or `token`.
    pub secret_name: String,
}

/// How to connect to the members with TLS. Files are on this machine, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsSpec {
    /// Whether to connect with TLS at all.
    #[serde(default = "default_true")]
    pub enabled: bool,
    /// The certificates that may have signed the members'; the system's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Our certificate, for members that want one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// The key of our certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// The name that the members' certificates have; the host of the address where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

impl Default for HazelcastSpec {
    fn default() -> Self {
        Self {
            cluster_name: default_cluster_name(),
            addresses: Vec::new(),
            credentials: None,
            tls: None,
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

fn default_true() -> bool {
    true
}
