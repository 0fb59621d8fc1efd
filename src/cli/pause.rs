//! `pause`: a person wants something left alone.

use std::process::ExitCode;

use jiff::SignedDuration;

use super::ask::{Taker, require_recorded};
use super::context::Context;
use super::error::{CliError, Result};
use super::subject::Subject;
use super::time;
use crate::api::peer::who;
use crate::api::wire::PauseBody;
use crate::plan::record::Pause;
use crate::store::Change;

/// Leave a job, a snapshot, or everything, alone for a while.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The job, or snapshots/NAME; everything if not given
    #[arg(value_name = "NAME")]
    subject: Option<Subject>,
    /// Why, for others to read
    #[arg(long)]
    reason: String,
    /// For how long; until `unpause` if not given
    #[arg(long = "for", value_name = "DURATION", value_parser = time::parse)]
    duration: Option<SignedDuration>,
}

/// Pauses.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let resource = args.subject.map(|Subject(id)| id);
    let now = context.clock.now();
    let until = match args.duration {
        None => None,
        Some(duration) => {
            let until = now.checked_add(duration);
            let until = until.map_err(|_| CliError::usage("that is longer than time goes"))?;
            Some(until)
        }
    };
    let what = resource.as_ref().map(ToString::to_string);
    let name = resource.as_ref().map(|id| format!(" {id}"));
    let body = PauseBody {
        resource: resource.clone(),
        reason: args.reason,
        by: user(),
        until,
    };
    let by = who(&body.by, rustix::process::getuid().as_raw()).await;
    let taker = Taker::find(context).await?;
    let asked = taker.ask(context, "/v1/pause", &body, |recorded| {
        if let Some(id) = &resource {
            require_recorded(id, recorded)?;
        }
        let pause = Pause {
            reason: body.reason.clone(),
            by,
            since: now,
            until,
        };
        let mut change = Change::default();
        change.pause(resource.clone(), pause);
        Ok(change)
    });
    asked.await?;
    let end = match until {
        Some(until) => format!("until {}", time::at(until)),
        None => format!("until `jetkeeper unpause{}`", name.unwrap_or_default()),
    };
    let what = what.unwrap_or_else(|| "everything".to_owned());
    context.output.say(&format!("{what} is paused {end}"));
    Ok(ExitCode::SUCCESS)
}

/// Who asks: behind `sudo`, the person.
pub(super) fn user() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.trim().is_empty())
        .unwrap_or_default()
}
