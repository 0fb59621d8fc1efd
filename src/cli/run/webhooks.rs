//! Takes webhooks while the daemon runs, where the configuration says so.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::api::{Hook, Hooks, WebhookSocket, serve_webhooks};
use crate::cli::error::{CliError, Result};
use crate::cli::wiring::Running;
use crate::config::Config;
use crate::source::Source;
use crate::telemetry::Meters;

/// The webhooks in force. Dropping it takes no more calls.
pub(super) struct Webhooks {
    hooks: watch::Sender<Arc<Hooks>>,
    meters: Meters,
    serving: Option<AbortOnDropHandle<std::io::Result<()>>>,
}

impl Webhooks {
    /// Takes calls from now on, if an address is configured.
    pub(super) async fn begin(
        config: &Config,
        running: &Running,
        end: &CancellationToken,
    ) -> Result<Self> {
        let (hooks, received) = watch::channel(Arc::default());
        let mut webhooks = Self {
            hooks,
            meters: running.handle.meters.clone(),
            serving: None,
        };
        if let Some(address) = config.webhooks {
            let socket = WebhookSocket::bind(address).await;
            let socket = socket.map_err(CliError::failed)?;
            tracing::info!("webhooks are taken on http://{}", socket.address());
            let (secrets, meters) = (Arc::clone(&running.secrets), webhooks.meters.clone());
            let serving = serve_webhooks(socket, received, secrets, meters, end.clone());
            webhooks.serving = Some(AbortOnDropHandle::new(tokio::spawn(serving)));
        }
        webhooks.renew(config, &running.sources);
        Ok(webhooks)
    }

    /// Goes on with the webhooks of a configuration, which wake these sources.
    pub(super) fn renew(&self, config: &Config, sources: &[Arc<dyn Source>]) {
        let hooks: Hooks = config
            .sources
            .iter()
            .filter_map(|source| {
                let webhook = source.webhook.as_ref()?;
                let found = sources.iter().find(|it| *it.name() == source.name)?;
                let name = source.name.0.clone();
                if self.serving.is_none() {
                    tracing::warn!(
                        source = %name,
                        "it has a webhook that nobody can call: `webhooks.listen` is not set"
                    );
                }
                self.meters.may_be_called(&name, Hook::answers());
                let secret = webhook.secret_name.clone();
                let hook = Hook::new(Arc::clone(found), webhook.host, secret);
                Some((name, Arc::new(hook)))
            })
            .collect();
        self.hooks.send_replace(Arc::new(hooks));
    }
}
