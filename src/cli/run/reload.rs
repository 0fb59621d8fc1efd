//! SIGHUP: the configuration is read again.
//!
//! It is in force as a whole or not at all. One that can't be used is refused with all its faults in
//! the log, and the one before stays in force. `sources`, `clusters` and `prune` change at once; the
//! other keys are fixed until the next start, which is said where one of them changed. Flags and
//! variables are those of the start, and still beat the file.

use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::log_fault;
use super::webhooks::Webhooks;
use crate::cli::args::{Keeping, Serving};
use crate::cli::context::Context;
use crate::cli::error::Result;
use crate::cli::sources::Sources;
use crate::cli::wiring;
use crate::config::Config;
use crate::engine::Handle;
use crate::source::Source;

/// The configuration in force, and what is needed to replace it.
pub(super) struct Reload<'a> {
    /// Comes when it is to be read again.
    pub(super) asked: Signal,
    pub(super) context: &'a Context,
    pub(super) keeping: Keeping,
    pub(super) serving: Serving,
    pub(super) config: Config,
    pub(super) sources: Vec<Arc<dyn Source>>,
    pub(super) start: Sources,
    pub(super) handle: Handle,
    pub(super) webhooks: Webhooks,
}

impl Reload<'_> {
    /// Reads the configuration again; tells in short what came of it, nothing where all went well.
    pub(super) async fn reload(&mut self) -> String {
        let renewed = self.renew().await;
        self.handle.meters.reloaded(renewed.is_err());
        match renewed {
            Ok(fixed) if fixed.is_empty() => {
                tracing::info!("the configuration was read again and is in force");
                String::new()
            }
            Ok(fixed) => {
                let keys = fixed.join(", ");
                tracing::warn!(
                    "the configuration was read again and is in force, but for what counts only from \
                     a start on: {keys}; restart jetkeeper for that"
                );
                format!("a restart is needed for {keys}")
            }
            Err(error) => {
                tracing::error!(
                    "the configuration was read again and is refused, the one before stays in force: {}",
                    error.words()
                );
                "the new configuration is refused, see the log".to_owned()
            }
        }
    }

    /// Replaces the configuration; tells which fixed keys stay as they were.
    async fn renew(&mut self) -> Result<Vec<&'static str>> {
        let config = self.context.serving(self.keeping.clone(), &self.serving);
        let config = config.inspect_err(|error| error.faults().iter().for_each(log_fault))?;
        let before = (&self.config, &*self.sources, &self.start);
        let next = wiring::reconfigured(self.context, before, &config).await?;
        self.sources.clone_from(&next.sources);
        self.handle.configure(next);
        self.webhooks.renew(&config, &self.sources);
        Ok(self.config.renew(config))
    }
}
