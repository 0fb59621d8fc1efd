//! `unpause`: the end of a pause.

use std::process::ExitCode;

use super::context::Context;
use super::error::Result;
use super::locate::daemon;
use super::subject::Subject;
use crate::api::wire::UnpauseBody;

/// End a pause.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The job; the pause of everything if not given
    #[arg(value_name = "NAME")]
    subject: Option<Subject>,
}

/// Ends a pause.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let client = daemon(context).await?;
    let resource = args.subject.map(|Subject(id)| id);
    let what = resource.as_ref().map(ToString::to_string);
    client
        .post("/v1/unpause", &UnpauseBody { resource })
        .await?;
    let what = what.unwrap_or_else(|| "everything".to_owned());
    context.output.say(&format!("{what} is kept again"));
    Ok(ExitCode::SUCCESS)
}
