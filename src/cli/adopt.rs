//! `adopt`: a job that somebody else made is ours from now on.

use std::process::ExitCode;

use super::ask::{Taker, require_recorded};
use super::context::Context;
use super::error::{CliError, Result};
use super::export::export;
use super::pause::user;
use super::subject::Subject;
use crate::api::peer::who;
use crate::api::wire::AdoptBody;
use crate::resources::Kind;
use crate::store::Change;

/// Take over a job that somebody else made.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The resource that declares it; with --export, the job's name on the cluster
    name: String,
    /// Print the YAML that would declare the job, and take nothing over
    #[arg(long)]
    export: bool,
    /// The cluster that has the job, where several are configured
    #[arg(long, value_name = "NAME", requires = "export")]
    on: Option<String>,
}

/// Adopts.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    if args.export {
        let yaml = export(context, &args.name, args.on.as_deref()).await?;
        context.output.data(&yaml)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Subject(resource) = args
        .name
        .parse()
        .map_err(|error: String| CliError::usage(error))?;
    if resource.kind != Kind::JetJob {
        return Err(CliError::usage(format!("{resource} is no job")));
    }
    let told = format!("{resource} takes over the job of its name");
    let body = AdoptBody {
        resource: resource.clone(),
        by: user(),
    };
    let by = who(&body.by, rustix::process::getuid().as_raw()).await;
    let now = context.clock.now();
    let taker = Taker::find(context).await?;
    let asked = taker.ask(context, "/v1/adopt", &body, |recorded| {
        require_recorded(&resource, recorded)?;
        let mut change = Change::default();
        change.adopt(resource.clone(), &by, now);
        Ok(change)
    });
    asked.await?;
    context.output.say(&told);
    Ok(ExitCode::SUCCESS)
}
