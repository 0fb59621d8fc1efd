//! What every command has at hand.

use std::sync::Arc;

use super::args::{Global, Keeping, Logging, Serving};
use super::error::Result;
use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, Environment};
use crate::telemetry::{self, LogOptions};

/// What every command has at hand.
pub(super) struct Context {
    pub(super) output: Output,
    pub(super) environment: Environment,
    pub(super) clock: Arc<dyn Clock>,
    global: Global,
}

impl Context {
    pub(super) fn new(global: Global, output: Output) -> Self {
        Self {
            output,
            environment: Environment::of_process(),
            clock: Arc::new(SystemClock),
            global,
        }
    }

    /// The configuration of a command that reads or asks.
    pub(super) fn config(&self) -> Result<Config> {
        Ok(Config::load(&self.global.overrides(), &self.environment)?)
    }

    /// The configuration of a command that works on sources and clusters.
    pub(super) fn keeping(&self, keeping: Keeping) -> Result<Config> {
        self.serving(keeping, &Serving::default())
    }

    /// The configuration of the daemon.
    pub(super) fn serving(&self, keeping: Keeping, serving: &Serving) -> Result<Config> {
        let config = self.configured(keeping, serving)?;
        config.sources()?;
        config.owner()?;
        Ok(config)
    }

    /// The same, whether or not it says all that the daemon needs.
    pub(super) fn configured(
        &self,
        keeping: Keeping,
        serving: &Serving,
    ) -> Result<Config, ConfigError> {
        let overrides = serving.overrides(keeping.overrides(&self.global));
        Config::load(&overrides, &self.environment)
    }

    /// Logs from now on, at this level where no other is asked for.
    pub(super) fn log(&self, logging: &Logging, usual: &str) -> Result<()> {
        let filter = logging.log.clone();
        telemetry::init(&LogOptions {
            format: logging.log_format.into(),
            filter: filter.unwrap_or_else(|| usual.to_owned()),
            colour: self.output.colours_log(),
        })?;
        Ok(())
    }
}
