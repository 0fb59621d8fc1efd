//! What the engine is made of, and what can be set.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ports::{ClusterTarget, Clusters};
use crate::artifacts::Artifacts;
use crate::clock::{Clock, Entropy};
use crate::notifications::Rules;
use crate::plan;
use crate::secrets::Secrets;
use crate::source::Source;
use crate::store::Store;

/// Everything that the engine works with: each a port, so that a simulation can stand behind it.
pub struct EngineParts {
    /// Where desired state comes from.
    pub sources: Vec<Arc<dyn Source>>,
    /// Connects to clusters.
    pub clusters: Arc<dyn Clusters>,
    /// Gets jars.
    pub artifacts: Arc<dyn Artifacts>,
    /// Gives secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Keeps state.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives jitter.
    pub entropy: Arc<dyn Entropy>,
    /// What the configuration says.
    pub settings: Settings,
}

/// What the configuration says to the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it says about planning.
    pub plan: plan::Settings,
    /// The clusters of the configuration, by the name that jobs refer to them with. They also give
    /// addresses to `Hazelcast` resources that have none.
    pub clusters: BTreeMap<String, ClusterTarget>,
    /// How many steps may be in flight at one cluster.
    pub steps_per_cluster: usize,
    /// Whether anything is done, or only planned and shown.
    pub mode: Mode,
    /// Who is told what is wrong, and when.
    pub notifications: Rules,
}

/// What can change while the engine runs; the rest stays until it is started anew.
#[derive(Clone)]
pub struct Configuration {
    /// Where desired state comes from.
    pub sources: Vec<Arc<dyn Source>>,
    /// See [`Settings::clusters`].
    pub clusters: BTreeMap<String, ClusterTarget>,
    /// See [`Settings::plan`].
    pub plan: plan::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plan: plan::Settings::default(),
            clusters: BTreeMap::new(),
            steps_per_cluster: 8,
            mode: Mode::Keep,
            notifications: Rules::default(),
        }
    }
}

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Steps are carried out and everything is recorded.
    Keep,
    /// Steps are planned and shown; nothing is recorded, nothing is started.
    Look,
}
