//! A daemon with receivers, and a cluster that is away.

use std::path::PathBuf;

use crate::support::program::Program;
use crate::support::scratch::Scratch;

/// See the module.
pub(super) struct Scene {
    pub(super) scratch: Scratch,
    config: PathBuf,
}

impl Scene {
    /// Two jobs of a cluster that is away, and these receivers, which are told at once.
    pub(super) fn new(receivers: &str) -> Self {
        let scratch = Scratch::new();
        for name in ["orders", "payments"] {
            scratch.write(
                &format!("jobs/{name}.yaml"),
                format!(
                    "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {{name: {name}}}\n\
                     spec: {{hazelcastResourceName: far, jarOnMember: /opt/orders.jar}}\n"
                ),
            );
        }
        let config = scratch.write(
            "jetkeeper.yaml",
            format!(
                "sources: [{{name: jobs, directory: {{path: jobs}}}}]\nowner: keeper-1\n\
                 clusters: {{far: {{addresses: [\"127.0.0.1:1\"]}}}}\n\
                 state: {{directory: state}}\nsecrets: {{directory: secrets}}\n\
                 notifications:\n  settle: 1s\n  receivers:\n{receivers}"
            ),
        );
        Self { scratch, config }
    }

    pub(super) fn secret(&self, name: &str, key: &str, value: &str) {
        self.scratch.write(&format!("secrets/{name}/{key}"), value);
    }

    pub(super) fn start(&self) -> Program {
        Program::start(["--config", self.config.to_str().unwrap(), "run"])
    }
}
