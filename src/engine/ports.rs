//! The narrow port that only the engine needs: connections by target.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::resources::{CredentialsSpec, HazelcastSpec, TlsSpec};

/// Where a cluster is, and how to connect to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ClusterTarget {
    /// The members' `cluster-name`.
    pub cluster_name: String,
    /// Members to connect to first, `host:port`.
    pub addresses: Vec<String>,
    /// Where the credentials are, if the members want any.
    pub credentials: Option<CredentialsSpec>,
    /// How to connect with TLS, if the members want it.
    pub tls: Option<TlsSpec>,
}

impl ClusterTarget {
    /// The cluster as its document says.
    pub fn of(spec: &HazelcastSpec) -> Self {
        Self {
            cluster_name: spec.cluster_name.clone(),
            addresses: spec.addresses.clone(),
            credentials: spec.credentials.clone(),
            tls: spec.tls.clone(),
        }
    }

    /// The cluster as its document says. Where that names no addresses, the configuration gives them, and with
    /// them credentials and TLS that the document doesn't have. To addresses of a document go no credentials but
    /// those that it names.
    pub fn declared(spec: &HazelcastSpec, configured: Option<&Self>) -> Self {
        let declared = Self::of(spec);
        let configured = configured.filter(|_| declared.addresses.is_empty());
        let Some(configured) = configured.cloned() else {
            return declared;
        };
        Self {
            cluster_name: declared.cluster_name,
            addresses: configured.addresses,
            credentials: declared.credentials.or(configured.credentials),
            tls: declared.tls.or(configured.tls),
        }
    }
}

/// Makes connections to clusters.
pub trait Clusters: Send + Sync {
    /// Begins to connect. The connection is kept up until [`Cluster::close`].
    fn connect(&self, target: &ClusterTarget) -> Arc<dyn Cluster>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> CredentialsSpec {
        CredentialsSpec {
            secret_name: name.to_owned(),
        }
    }

    #[test]
    fn what_the_configuration_knows_goes_to_its_own_addresses_only() {
        let configured = ClusterTarget {
            cluster_name: "dev".to_owned(),
            addresses: vec!["here:5701".to_owned()],
            credentials: Some(secret("members")),
            tls: Some(serde_json::from_str("{}").unwrap()),
        };
        let declared = |spec: &HazelcastSpec| ClusterTarget::declared(spec, Some(&configured));
        let mut spec = HazelcastSpec {
            cluster_name: "prod".to_owned(),
            ..HazelcastSpec::default()
        };
        let expected = ClusterTarget {
            cluster_name: "prod".to_owned(),
            ..configured.clone()
        };
        assert_eq!(declared(&spec), expected);
        spec.credentials = Some(secret("others"));
        assert_eq!(declared(&spec).credentials, spec.credentials);
        assert_eq!(declared(&spec).tls, configured.tls);
        spec.credentials = None;
        spec.addresses = vec!["there:5701".to_owned()];
        assert_eq!(declared(&spec), ClusterTarget::of(&spec));
    }
}
