//! `reconcile`: the daemon looks at everything now.

use std::process::ExitCode;

use jiff::SignedDuration;

use super::context::Context;
use super::error::{CliError, Result};
use super::locate::daemon;
use super::output::Output;
use super::progress::tell_holds;
use super::rows::{before_words, grouped, troubles};
use super::time;
use crate::api::wire::{PlanView, ReconcileBody};
use crate::api::{Client, client::Watch};
use crate::plan::counted;
use crate::plan::hold::{Hold, HoldClass};
use crate::resources::Severity;

/// Have the daemon look at everything now.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Wait until there is nothing left to do
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = time::parse,
        default_value = "10m",
        requires = "wait"
    )]
    timeout: SignedDuration,
}

/// Asks for a pass.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let client = daemon(context).await?;
    let accepted = client.post("/v1/reconcile", &ReconcileBody {}).await?;
    if !args.wait {
        context.output.say("sources and clusters were looked at");
        return Ok(ExitCode::SUCCESS);
    }
    let limit = args.timeout.unsigned_abs();
    let settled = settled(context.output, &client, accepted.pass);
    let settled = tokio::time::timeout(limit, settled).await;
    let Ok(plan) = settled else {
        let plan: PlanView = client.get("/v1/plan").await?;
        let limit = time::short(args.timeout);
        return Err(unsettled(
            context,
            &format!("not done after {limit}"),
            &plan,
        ));
    };
    let plan = plan?;
    let errors = plan.faults.iter();
    let errors = errors.filter(|fault| fault.severity == Severity::Error);
    let blocked = |hold: &Hold| hold.class != HoldClass::Policy;
    let unread = troubles(&plan.sources).next().is_some();
    if errors.count() > 0 || unread || plan.holds.iter().any(blocked) {
        return Err(unsettled(context, "not all is as declared", &plan));
    }
    tell_holds(context.output, &plan.holds);
    context.output.say("done: nothing is left to do");
    Ok(ExitCode::SUCCESS)
}

/// The first pass from this one on that leaves nothing to do; says meanwhile what is waited for.
async fn settled(output: Output, client: &Client, pass: u64) -> Result<PlanView> {
    let mut passes: Watch<PlanView> = client.watch("/v1/plan?watch=1").await?;
    let mut told = None;
    while let Some(plan) = passes.next().await? {
        if plan.settled && plan.pass >= pass {
            return Ok(plan);
        }
        let waits = waits_for(&plan);
        if waits.is_some() && waits != told {
            output.say(waits.as_deref().unwrap_or_default());
            told = waits;
        }
    }
    Err(CliError::failed("the daemon stopped"))
}

/// What the end of a pass is waited for, in one line: what is being done, else what has to pass.
fn waits_for(plan: &PlanView) -> Option<String> {
    let steps = plan.in_flight.iter();
    let mut waits: Vec<String> = steps
        .map(|step| format!("{}: {}", step.resource, step.message))
        .collect();
    if waits.is_empty() {
        let waiting = grouped(&plan.holds).into_iter();
        let waiting = waiting.filter(|hold| hold.class == HoldClass::Waiting);
        waits.extend(waiting.map(|hold| before_words(&hold) + &hold.message));
    }
    let more = match waits.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let first = waits.first()?.lines().next()?;
    Some(format!("waiting for {first}{more}"))
}

fn unsettled(context: &Context, what: &str, plan: &PlanView) -> CliError {
    tell_holds(context.output, &plan.holds);
    let errors = plan.faults.iter();
    let errors = errors.filter(|fault| fault.severity == Severity::Error);
    let errors = errors.count();
    let mut wrong: Vec<String> = troubles(&plan.sources).collect();
    if errors > 0 {
        wrong.push(counted(errors, "error", "errors") + " in the documents");
    }
    let mut error = CliError::failed(if wrong.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {}", wrong.join("; "))
    });
    if errors > 0 {
        error = error.hint("`jetkeeper validate PATH` shows them");
    }
    for step in &plan.in_flight {
        error = error.hint(format!("{}: {} is in flight", step.resource, step.message));
    }
    error
}
