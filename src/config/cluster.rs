//! `clusters` of the configuration file: where clusters are that no document has to declare.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ClusterConfig;
use crate::resources::address::address;
use crate::resources::reading::Reading;
use crate::resources::{CredentialsSpec, TlsSpec};

/// A cluster as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCluster {
    cluster_name: Option<String>,
    addresses: Option<Vec<String>>,
    credentials: Option<CredentialsSpec>,
    tls: Option<TlsSpec>,
}

/// Checks all of them; relative paths start at `base`.
pub(super) fn read<T>(
    written: &BTreeMap<String, RawCluster>,
    base: &Path,
    reading: &mut Reading<'_, T>,
) -> BTreeMap<String, ClusterConfig> {
    let clusters = written.iter().map(|(name, cluster)| {
        let usual = ClusterConfig::default().cluster_name;
        let config = ClusterConfig {
            cluster_name: cluster.cluster_name.clone().unwrap_or(usual),
            addresses: addresses(name, cluster, reading),
            credentials: credentials(name, cluster, reading),
            tls: tls(name, cluster, base, reading),
        };
        (name.clone(), config)
    });
    clusters.collect()
}

fn addresses<T>(name: &str, cluster: &RawCluster, reading: &mut Reading<'_, T>) -> Vec<String> {
    let mut addresses = Vec::new();
    let written = cluster.addresses.as_deref().unwrap_or_default();
    for (index, text) in written.iter().enumerate() {
        match address(text) {
            Ok(address) => addresses.push(address),
            Err(error) => {
                let at = ["clusters", name, "addresses", &index.to_string()];
                reading.refuse(&at, error.to_string(), "write \"host:5701\"");
            }
        }
    }
    if written.is_empty() && (cluster.addresses.is_some() || reading.complete) {
        let message = format!("the cluster `{name}` has no addresses");
        let help = "name one member at least: `addresses: [\"host:5701\"]`";
        reading.refuse(&["clusters", name], message, help);
    }
    addresses
}

fn credentials<T>(
    name: &str,
    cluster: &RawCluster,
    reading: &mut Reading<'_, T>,
) -> Option<CredentialsSpec> {
    let credentials = cluster.credentials.clone()?;
    if credentials.secret_name.trim().is_empty() {
        let at = ["clusters", name, "credentials", "secretName"];
        let message = format!("the credentials of `{name}` name no secret");
        let help = "name one with the keys `username` and `password`, or `token`";
        reading.refuse(&at, message, help);
    }
    Some(credentials)
}

fn tls<T>(
    name: &str,
    cluster: &RawCluster,
    base: &Path,
    reading: &mut Reading<'_, T>,
) -> Option<TlsSpec> {
    let mut tls = cluster.tls.clone()?;
    if tls.cert_file.is_some() != tls.key_file.is_some() {
        let message = format!("`certFile` and `keyFile` of `{name}` go together");
        reading.refuse(&["clusters", name, "tls"], message, "give both, or none");
    }
    for file in [&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file] {
        *file = file.take().map(|file| base.join(file));
    }
    Some(tls)
}
