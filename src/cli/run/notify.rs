//! Tells receivers of notifications what is wrong while the daemon runs.

use std::sync::Arc;

use crate::cli::context::Context;
use crate::cli::error::Result;
use crate::cli::wiring;
use crate::clock::Random;
use crate::config::Config;
use crate::engine::Handle;
use crate::notifications::{HttpPost, Senders, SendersParts};

/// Tells the receivers of the configuration from now on.
pub(super) fn begin(context: &Context, config: &Config, handle: &Handle) -> Result<Senders> {
    let parts = SendersParts {
        told: handle.told(),
        delivered: handle.delivered(),
        secrets: Arc::new(wiring::secrets(config)),
        clock: Arc::clone(&context.clock),
        entropy: Arc::new(Random::from_os()),
        meters: handle.meters.clone(),
        owner: config.owner()?.to_owned(),
    };
    let receivers = &config.notifications.receivers;
    Ok(Senders::start(receivers, &parts, || {
        Arc::new(HttpPost::default())
    }))
}
