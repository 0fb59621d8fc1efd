//! `adopt`: a job that somebody else made is ours from now on.

use std::process::ExitCode;

use super::ask::{Taker, require_recorded};
use super::context::Context;
use super::error::{CliError, Result};
use super::subject::Subject;
use crate::api::wire::AdoptBody;
use crate::resources::Kind;
use crate::store::Change;

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
    let told = format!("{resource} takes over the job of its name");
    let body = AdoptBody {
        resource: resource.clone(),
    };
    let taker = Taker::find(context).await?;
    let asked = taker.ask(context, "/v1/adopt", &body, |recorded| {
        require_recorded(&resource, recorded)?;
        Ok(Change {
            adoptions: [(resource.clone(), true)].into(),
            ..Change::default()
        })
    });
    asked.await?;
    context.output.say(&told);
    Ok(ExitCode::SUCCESS)
}
