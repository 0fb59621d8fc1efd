//! The cluster that a command looks at by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::context::Context;
use super::super::error::{CliError, Result};
use super::super::locate::{Located, locate};
use super::super::wiring::{self, Connector};
use crate::cluster::Cluster;
use crate::config::Config;
use crate::engine::published::HazelcastResource;
use crate::engine::{ClusterTarget, Clusters};
use crate::plan::observed::Link;
use crate::resources::HazelcastSpec;

/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(10);

/// A cluster, connected.
pub(super) struct Site {
    /// The name that jobs refer to it with.
    pub(super) name: String,
    pub(super) cluster: Arc<dyn Cluster>,
}

impl Site {
    /// Connects to the cluster of this name, or to the only one that is known.
    pub(super) async fn connect(context: &Context, name: Option<&str>) -> Result<Self> {
        let config = context.config()?;
        let connector = Connector::new(Arc::clone(&context.clock), &config);
        let known = known(context, &config).await?;
        let names = || known.keys().cloned().collect::<Vec<_>>().join(", ");
        let (name, target) = match name {
            Some(name) => known.get_key_value(name).ok_or_else(|| {
                CliError::failed(format!("no cluster is called {name}"))
                    .hint(format!("known are: {}", names()))
            })?,
            None => match known.iter().collect::<Vec<_>>().as_slice() {
                [only] => *only,
                [] => {
                    return Err(CliError::failed("no cluster is known")
                        .hint("give --cluster NAME=[CLUSTERNAME@]HOST:PORT"));
                }
                _ => {
                    return Err(CliError::usage("several clusters are known; say which")
                        .hint(format!("--on NAME, one of {}", names())));
                }
            },
        };
        let cluster = connector.connect(target);
        let mut connection = cluster.connection();
        let up = connection.wait_for(|connection| connection.link == Link::Up);
        if tokio::time::timeout(CONNECT, up).await.is_err() {
            let why = match &cluster.connection().borrow().link {
                Link::Down {
                    error: Some(error), ..
                } => error.clone(),
                _ => "no member answers".to_owned(),
            };
            return Err(CliError::failed(format!(
                "cluster {name} can't be reached: {why}"
            )));
        }
        let name = name.clone();
        Ok(Self { name, cluster })
    }
}

/// The clusters that the daemon, the state or the configuration know.
async fn known(context: &Context, config: &Config) -> Result<BTreeMap<String, ClusterTarget>> {
    let mut known = wiring::targets(config);
    match locate(context).await {
        Ok(Located::Daemon(client)) => {
            let declared = client.list::<HazelcastResource>("/v1/hazelcast").await?;
            for resource in declared {
                declare(&mut known, resource.metadata.name, &resource.spec);
            }
        }
        Ok(Located::State(state)) => {
            let store = wiring::open_store(context, &state).await?;
            for (name, record) in store.load().await?.clusters {
                if let Some(document) = &record.document {
                    declare(&mut known, name, &document.spec);
                }
            }
        }
        // Without either the configuration and --cluster have to do.
        Err(error) if known.is_empty() => return Err(error),
        Err(_) => {}
    }
    known.retain(|_, target| !target.addresses.is_empty());
    Ok(known)
}

/// Adds what a document says: all of it, or to a cluster of the configuration what only a document can.
fn declare(known: &mut BTreeMap<String, ClusterTarget>, name: String, spec: &HazelcastSpec) {
    let declared = ClusterTarget::of(spec);
    let target = known.entry(name).or_insert_with(|| declared.clone());
    target.credentials = declared.credentials.or(target.credentials.take());
    target.tls = declared.tls.or(target.tls.take());
}
