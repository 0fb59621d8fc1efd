//! `adopt`: a job that somebody else made is ours from now on.

use std::process::ExitCode;

use super::context::Context;
use super::error::{CliError, Result};
use super::locate::daemon;
use super::subject::Subject;
use crate::api::wire::AdoptBody;
use crate::resources::Kind;

/// Take over a job that somebody else made.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The resource that declares it
    #[arg(value_name = "NAME")]
    subject: Subject,
}

/// Adopts.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let Subject(resource) = args.subject;
    if resource.kind != Kind::JetJob {
        return Err(CliError::usage(format!("{resource} is no job")));
    }
    let client = daemon(context).await?;
    let told = format!("{resource} takes over the job of its name");
    client.post("/v1/adopt", &AdoptBody { resource }).await?;
    context.output.say(&told);
    Ok(ExitCode::SUCCESS)
}
