//! `apply`: brings the jobs to what is declared, once, and says how it goes.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::args::{Keeping, Logging};
use super::context::Context;
use super::error::{CliError, Result};
use super::follow::Follower;
use super::locate::refuse_beside_daemon;
use super::progress::{Progress, tell_holds};
use super::rows::{grouped, troubles};
use super::shutdown::{GRACE, Stop, left};
use super::time;
use super::wiring::{self, Running};
use crate::engine::Published;
use crate::engine::published::PlannedStep;
use crate::plan::counted;
use crate::plan::hold::HoldClass;
use crate::resources::Severity;
use crate::source::git::FirstFetch;

/// Bring the jobs to what is declared, once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    logging: Logging,
    /// How long it may take
    #[arg(long, value_name = "DURATION", value_parser = time::parse, default_value = "10m")]
    timeout: SignedDuration,
}

/// How it ended.
enum End {
    /// There is nothing left to do now.
    Settled(Arc<Published>),
    /// The time is up.
    Late(Arc<Published>),
    /// Somebody wants the end.
    Stopped(Arc<Published>),
}

/// Applies.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    context.log(&args.logging, "error")?;
    let config = context.keeping(args.keeping)?;
    refuse_beside_daemon(config.state()?, "apply").await?;
    let mut stop = Stop::listen()?;
    let patience = args.timeout.unsigned_abs();
    let began = Instant::now();
    let first = FirstFetch::Latest(patience);
    let running = tokio::select! {
        running = wiring::keep(context, &config, first) => running?,
        () = stop.wanted() => return Err(CliError::failed("stopped before anything was begun")),
    };
    let mut follower = Follower::new(&running.handle).await?;
    let latest = running.handle.published.clone();
    let Running { mut task, .. } = running;
    let mut progress = Progress::new(context.output);
    let end = tokio::select! {
        settled = settled(&mut follower, &mut progress) => End::Settled(settled?),
        () = tokio::time::sleep_until(began + patience) => {
            End::Late(Arc::clone(&latest.borrow()))
        }
        () = stop.wanted() => End::Stopped(Arc::clone(&latest.borrow())),
        error = task.ended() => return Err(error.into()),
    };
    progress.clear();
    let ended = tokio::select! {
        ended = task.stop(GRACE) => ended?,
        () = stop.wanted() => return Err(CliError::failed("broken off")),
    };
    if let Some(words) = left(&ended) {
        context.output.warn(&words);
    }
    verdict(context, &end, args.timeout)
}

async fn settled(follower: &mut Follower, progress: &mut Progress) -> Result<Arc<Published>> {
    while let Some(news) = follower.next().await? {
        progress.show(&news);
        if news.published.settled {
            return Ok(news.published);
        }
    }
    // The engine ended, which is told elsewhere.
    std::future::pending().await
}

/// What was left when somebody wanted the end, besides what was in flight.
fn not_begun(published: &Published) -> Vec<String> {
    let in_flight = |step: &PlannedStep| published.in_flight.contains(step);
    let steps = published.steps.iter().filter(|step| !in_flight(step));
    let mut words: Vec<String> = steps
        .map(|step| format!("not begun: {}: {}", step.resource, step.message))
        .collect();
    if published.pass == 0 {
        words.push("nothing was begun".to_owned());
    }
    words.push("`jetkeeper apply` again goes on from here".to_owned());
    words
}

fn verdict(context: &Context, end: &End, timeout: SignedDuration) -> Result<ExitCode> {
    let published = match end {
        End::Stopped(published) => {
            tell_holds(context.output, &published.holds);
            let error = CliError::failed("stopped before it was done");
            return Err(not_begun(published).into_iter().fold(error, CliError::hint));
        }
        End::Settled(published) | End::Late(published) => published,
    };
    tell_holds(context.output, &published.holds);
    let faults = published.faults.iter();
    let errors = faults.filter(|fault| fault.severity == Severity::Error);
    let errors = match errors.count() {
        0 => None,
        count => Some(counted(count, "error", "errors") + " in the documents"),
    };
    let holds = grouped(&published.holds);
    let stuck = holds.iter();
    let stuck = stuck.filter(|hold| hold.class != HoldClass::Policy).count();
    let late = match end {
        End::Late(_) if stuck == 0 => Some("steps are still in flight".to_owned()),
        _ => None,
    };
    let stuck = match stuck {
        0 => None,
        count => Some(format!("{count} held")),
    };
    let troubles = troubles(&published.sources);
    let wrong: Vec<String> = troubles
        .chain([errors, stuck, late].into_iter().flatten())
        .collect();
    if wrong.is_empty() {
        let jobs = counted(published.jobs.len(), "job", "jobs");
        context.output.say(&match holds.len() {
            0 => format!("done: {jobs} as declared"),
            held => format!("done: {jobs}, {held} held on purpose"),
        });
        return Ok(ExitCode::SUCCESS);
    }
    let wrong = wrong.join(", ");
    Err(CliError::failed(match end {
        End::Late(_) => format!("not done after {}: {wrong}", time::short(timeout)),
        _ => format!("not all is as declared: {wrong}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::ResourceId;

    #[test]
    fn what_was_not_begun_is_told() {
        let step = |name: &str| PlannedStep {
            resource: ResourceId::jet_job(name),
            verb: "submit".to_owned(),
            message: format!("submit {name}"),
        };
        let published = Published {
            pass: 3,
            steps: [step("orders"), step("returns")].into(),
            in_flight: [step("orders")].into(),
            ..Published::default()
        };
        assert_eq!(
            not_begun(&published),
            [
                "not begun: JetJob/returns: submit returns",
                "`jetkeeper apply` again goes on from here"
            ]
        );
    }
}
