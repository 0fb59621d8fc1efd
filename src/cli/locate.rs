//! Finds the daemon to ask, or the state to read where no daemon has it.

use std::path::{Path, PathBuf};

use super::context::Context;
use super::error::{CliError, Result};
use super::wiring;
use crate::api::Client;
use crate::config::{Config, places_of_state};

/// Who answers for a state directory.
pub(super) enum Located {
    /// A daemon.
    Daemon(Client),
    /// Nobody; the state is here.
    State(PathBuf),
}

/// The state directory that the configuration names, else the only one of this user and machine that
/// a daemon keeps, else the only one that there is.
pub(super) async fn locate(context: &Context) -> Result<Located> {
    let config = context.config()?;
    match named(&config) {
        Some(state) => match Client::connect(&state).await? {
            Some(client) => Ok(Located::Daemon(client)),
            None if wiring::has_state(&state) => Ok(Located::State(state)),
            None => Err(nobody(&format!("no jetkeeper keeps {}", state.display()))),
        },
        None => search(context).await,
    }
}

/// The daemon, for what only a daemon can do.
pub(super) async fn daemon(context: &Context) -> Result<Client> {
    match locate(context).await? {
        Located::Daemon(client) => Ok(client),
        Located::State(state) => Err(nobody(&format!("no daemon keeps {} now", state.display()))),
    }
}

/// Refuses beside a daemon: two would do the same work twice.
pub(super) async fn refuse_beside_daemon(state: &Path, command: &str) -> Result<()> {
    if Client::connect(state).await?.is_none() {
        return Ok(());
    }
    let state = state.display();
    Err(
        CliError::failed(format!("a daemon keeps {state}; `{command}` must not"))
            .hint("`jetkeeper reconcile --wait` has the daemon do it"),
    )
}

fn named(config: &Config) -> Option<PathBuf> {
    config.state().ok().map(Path::to_owned)
}

async fn search(context: &Context) -> Result<Located> {
    let here = std::env::current_dir().map_err(CliError::failed)?;
    let mut daemons = Vec::new();
    let mut states = Vec::new();
    let mut closed = None;
    for place in places_of_state(&context.environment, &here) {
        match Client::connect(&place).await {
            Ok(Some(client)) => daemons.push((place, client)),
            Ok(None) if wiring::has_state(&place) => states.push(place),
            Ok(None) => {}
            Err(error) => closed = Some(error),
        }
    }
    match (daemons.len(), states.len(), closed) {
        (0, 0, Some(error)) => Err(error.into()),
        (0, 0, None) => Err(nobody("no jetkeeper runs here")),
        (0, 1, _) => Ok(Located::State(states.remove(0))),
        (1, _, _) => Ok(Located::Daemon(daemons.remove(0).1)),
        (0, _, _) => Err(several("state is kept in several places", states)),
        _ => {
            let places = daemons.into_iter().map(|(place, _)| place);
            Err(several("several jetkeepers run here", places))
        }
    }
}

fn nobody(message: &str) -> CliError {
    CliError::failed(message.to_owned())
        .hint("`jetkeeper run PATH` starts one; --state DIR or --config FILE names another's state")
}

fn several(message: &str, places: impl IntoIterator<Item = PathBuf>) -> CliError {
    let error = CliError::usage(format!("{message}; say which"));
    places.into_iter().fold(error, |error, place| {
        error.hint(format!("--state {}", place.display()))
    })
}
