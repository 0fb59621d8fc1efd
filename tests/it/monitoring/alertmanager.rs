//! A real Alertmanager on loopback, alone, that tells one webhook what begins and what is over.

use serde_json::Value;

use super::server::Server;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, within};

/// Killed on drop.
pub(crate) struct Alertmanager {
    server: Server,
}

impl Alertmanager {
    /// Starts one that tells this URL of each alert by itself.
    pub(crate) fn telling(url: &str) -> Self {
        let scratch = Scratch::new();
        let config = scratch.write(
            "alertmanager.yaml",
            format!(
                "route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s}}\n\
                 receivers: [{{name: hook, webhook_configs: [{{url: {url:?}, send_resolved: true}}]}}]\n"
            ),
        );
        let data = scratch.path().join("data");
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.path={}", data.display()),
            "--cluster.listen-address=".to_owned(),
        ];
        let server = Server::start("alertmanager", scratch, &args);
        Self { server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The alerts that are not over.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        let answer = self.server.get("/api/v2/alerts");
        assert_eq!(answer.code, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Waits for a condition; shows what there is where that never comes.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        if !within(PATIENCE, || condition(self)) {
            let (alerts, log) = (self.alerts(), self.server.log());
            panic!("waited {PATIENCE:?} in vain: {what}\n{alerts:#?}\n{log}");
        }
    }
}
