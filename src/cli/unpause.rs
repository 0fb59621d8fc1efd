//! `unpause`: the end of a pause.

use std::process::ExitCode;

use super::ask::Taker;
use super::context::Context;
use super::error::{CliError, Result};
use super::pause::user;
use super::subject::Subject;
use crate::api::peer::who;
use crate::api::wire::UnpauseBody;
use crate::store::Change;

/// End a pause.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The job; the pause of everything if not given
    #[arg(value_name = "NAME")]
    subject: Option<Subject>,
}

/// Ends a pause.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let resource = args.subject.map(|Subject(id)| id);
    let what = resource.as_ref().map(ToString::to_string);
    let what = what.unwrap_or_else(|| "everything".to_owned());
    let body = UnpauseBody {
        resource: resource.clone(),
        by: user(),
    };
    let by = who(&body.by, rustix::process::getuid().as_raw()).await;
    let now = context.clock.now();
    let taker = Taker::find(context).await?;
    let asked = taker.ask(context, "/v1/unpause", &body, |recorded| {
        if !recorded.pauses.contains_key(&resource) {
            let error = CliError::failed(format!("{what} is not paused"));
            return Err(recorded.pauses.keys().fold(error, |error, paused| {
                let (what, name) = match paused {
                    Some(id) => (id.to_string(), format!(" {id}")),
                    None => ("everything".to_owned(), String::new()),
                };
                error.hint(format!("paused: {what} (`jetkeeper unpause{name}`)"))
            }));
        }
        let mut change = Change::default();
        change.unpause(resource.clone(), &format!("by {by}"), now);
        Ok(change)
    });
    asked.await?;
    context.output.say(&format!("{what} is no longer paused"));
    Ok(ExitCode::SUCCESS)
}
