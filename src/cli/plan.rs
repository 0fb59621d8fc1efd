//! `plan`: what `apply` would do. Nothing is written anywhere.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use jiff::SignedDuration;
use tokio::time::Instant;

use super::args::{Keeping, Logging};
use super::context::Context;
use super::error::{CliError, Result};
use super::format::{json, yaml};
use super::rows::{before_words, grouped, release};
use super::{time, wiring};
use crate::api::Client;
use crate::api::recorded::RecordedView;
use crate::api::wire::PlanView;
use crate::config::Config;
use crate::engine::published::PlannedStep;
use crate::engine::{Handle, Published};
use crate::plan::counted;
use crate::plan::hold::{Hold, HoldClass, Reason};
use crate::plan::record::{ConditionType, Recorded};
use crate::plan::status::Phase;
use crate::resources::render::render;
use crate::resources::{Fault, ResourceId, Severity};

/// Show what `apply` would do, and do nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    logging: Logging,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: PlanFormat,
    /// Exit with 2 where something would be done
    #[arg(long)]
    detailed_exitcode: bool,
    /// How long sources, clusters and jars may take
    #[arg(long, value_name = "DURATION", value_parser = time::parse, default_value = "30s")]
    timeout: SignedDuration,
}

/// What is printed of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
}

/// Plans.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    context.log(&args.logging, "off")?;
    let path = args.keeping.path.clone();
    let config = context.keeping(args.keeping)?;
    let recorded = recorded(context, &config).await?;
    if let Some(path) = path.filter(|path| recorded.is_none() && !path.exists()) {
        // Where jobs of it are recorded, what would be done about that is the answer.
        let message = format!("there is no file or directory {}", path.display());
        return Err(CliError::usage(message).hint("give the directory with the YAML"));
    }
    let until = Instant::now() + args.timeout.unsigned_abs();
    // Sources get what there is but for the time that a plan without them takes.
    let patience = args.timeout.unsigned_abs().mul_f64(0.9);
    let mut running = wiring::look(context, &config, recorded, patience).await?;
    let published = tokio::select! {
        published = looked(running.handle.clone(), until, args.timeout) => published?,
        error = running.task.ended() => return Err(error.into()),
    };
    let plan = PlanView::from(&*published);
    match args.output {
        PlanFormat::Text => context.output.text(&text(&plan, &outdated(&published)))?,
        PlanFormat::Json => context.output.data(&json(&plan)?)?,
        PlanFormat::Yaml => context.output.data(&yaml(&plan)?)?,
    }
    verdict(&plan, args.detailed_exitcode)
}

/// What was recorded: the daemon tells, else the state does; none where nothing was.
async fn recorded(context: &Context, config: &Config) -> Result<Option<Recorded>> {
    let state = config.state()?;
    if let Some(client) = Client::connect(state).await? {
        let view: RecordedView = client.get("/v1/recorded").await?;
        return Ok(Some(view.into()));
    }
    if !wiring::has_state(state) {
        return Ok(None);
    }
    let store = wiring::open_store(context, state).await?;
    Ok(Some(store.load().await?))
}

/// How long a first pass may take, whatever time is left.
const FIRST_PASS: Duration = Duration::from_secs(5);

/// The first pass that knows all it needs, else the last one before the time is up.
async fn looked(
    handle: Handle,
    until: Instant,
    patience: SignedDuration,
) -> Result<Arc<Published>> {
    let mut published = handle.published.clone();
    let complete = async {
        loop {
            let latest = Arc::clone(&published.borrow_and_update());
            if latest.pass > 0 && !latest.holds.iter().any(is_unseen) {
                return latest;
            }
            if published.changed().await.is_err() {
                // The engine ended, which is told elsewhere.
                std::future::pending::<()>().await;
            }
        }
    };
    if let Ok(complete) = tokio::time::timeout_at(until, complete).await {
        return Ok(complete);
    }
    // Sources may have taken all the time that there was. A first pass waits for nobody.
    let first = published.wait_for(|latest| latest.pass > 0);
    drop(tokio::time::timeout(FIRST_PASS, first).await);
    let latest = Arc::clone(&handle.published.borrow());
    if latest.pass == 0 {
        let message = format!("nothing was planned within {}", time::short(patience));
        return Err(CliError::failed(message));
    }
    Ok(latest)
}

/// Whether something that the plan needs was not seen yet.
fn is_unseen(hold: &Hold) -> bool {
    matches!(
        hold.reason,
        Reason::ClusterUnreachable
            | Reason::ClusterUnknown
            | Reason::JarFetching
            | Reason::LookingForJob
    )
}

/// Whether it keeps the plan from being complete. No time changes that where a cluster lets nobody in.
fn is_missing(hold: &Hold) -> bool {
    is_unseen(hold) || hold.reason == Reason::ClusterMismatch
}

/// More time helps only where nobody refused yet.
fn what_helps(unseen: &Hold) -> &'static str {
    let connecting = unseen.message.ends_with(": connecting");
    let refused = unseen.reason == Reason::ClusterMismatch;
    if refused || unseen.reason == Reason::ClusterUnreachable && !connecting {
        return "a plan needs every cluster that has jobs: start its members, or mend its addresses \
                and clusterName";
    }
    "--timeout gives it more time"
}

fn verdict(plan: &PlanView, detailed: bool) -> Result<ExitCode> {
    let errors = plan.faults.iter();
    let errors = errors.filter(|fault| fault.severity == Severity::Error);
    if let Some(unseen) = plan.holds.iter().find(|hold| is_missing(hold)) {
        let message = format!("the plan is not complete: {}", unseen.message);
        return Err(CliError::failed(message).hint(what_helps(unseen)));
    }
    let mut unread = unread(plan).peekable();
    if unread.peek().is_some() {
        return Err(CliError::failed(unread.collect::<Vec<_>>().join("; ")));
    }
    match errors.count() {
        0 if detailed && !plan.steps.is_empty() => Ok(ExitCode::from(2)),
        0 => Ok(ExitCode::SUCCESS),
        count => {
            let faults = counted(count, "error", "errors");
            Err(CliError::failed(format!("the documents have {faults}")))
        }
    }
}

/// The sources that have what can't be read or is not followed, a commit without signature, say. Planned is
/// with what is in force, where that is known.
fn unread(plan: &PlanView) -> impl Iterator<Item = String> {
    plan.sources.iter().filter_map(|(name, source)| {
        let why = source.trouble.as_ref()?;
        let planned = if source.present {
            "this is planned with what is in force"
        } else {
            "nothing of it is planned, for it is not known what is in force"
        };
        Some(format!("source {name} can't be read, and {planned}: {why}"))
    })
}

/// What is declared of jobs that completed before that, and is not done.
fn outdated(published: &Published) -> Vec<String> {
    let jobs = published.jobs.into_iter();
    let completed = jobs.filter(|(_, job)| job.status.phase == Phase::Completed);
    let told = completed.filter_map(|(name, job)| {
        let mut conditions = job.status.conditions.iter();
        let ready = conditions.find(|it| it.kind == ConditionType::Ready)?;
        let says = ready.reason == Reason::Ended && !ready.message.is_empty();
        says.then(|| format!("= {}: {}", ResourceId::jet_job(name), ready.message))
    });
    told.collect()
}

/// The plan for people; styled, who prints it strips.
fn text(plan: &PlanView, outdated: &[String]) -> String {
    let mut text = String::new();
    for fault in &plan.faults {
        push(&mut text, &format!("{}\n", render(fault, true)));
    }
    for step in &plan.steps {
        let (sign, style) = sign(step);
        let (resource, what) = (&step.resource, &step.message);
        push(
            &mut text,
            &format!("{style}{sign} {resource}{style:#}: {what}"),
        );
    }
    for hold in grouped(&plan.holds) {
        push(&mut text, &held(&hold));
    }
    for line in outdated {
        push(&mut text, line);
    }
    if !text.is_empty() {
        push(&mut text, "");
    }
    push(&mut text, &summary(plan));
    text
}

fn push(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    writeln!(text, "{line}").unwrap_or_default();
}

/// What a step does to the job: makes it, ends it, or changes it.
fn sign(step: &PlannedStep) -> (char, Style) {
    match step.verb.as_str() {
        "claim" | "submit" => ('+', AnsiColor::Green.on_default()),
        "cancel" | "release" => ('-', AnsiColor::Red.on_default()),
        _ => ('~', AnsiColor::Yellow.on_default()),
    }
}

fn held(hold: &Hold) -> String {
    const HELD: Style = AnsiColor::Yellow.on_default().bold();
    const BLOCKED: Style = AnsiColor::Red.on_default().bold();
    let style = match hold.class {
        HoldClass::Blocked => BLOCKED,
        HoldClass::Waiting | HoldClass::Policy => HELD,
    };
    let (subjects, reason, message) = (before_words(hold), hold.reason, &hold.message);
    let command = release(hold);
    let command = command.map_or(String::new(), |command| {
        format!("\n    to release: {command}")
    });
    format!("{style}! {subjects}{style:#}{reason}: {message}{command}")
}

fn summary(plan: &PlanView) -> String {
    let steps = match plan.steps.len() {
        0 if plan.holds.iter().any(is_missing) => "nothing known to do".to_owned(),
        0 => "nothing to do".to_owned(),
        steps => format!("{steps} to do"),
    };
    let held = match grouped(&plan.holds).len() {
        0 => String::new(),
        holds => format!(", {holds} held"),
    };
    let errors = |fault: &&Fault| fault.severity == Severity::Error;
    let faults = match plan.faults.iter().filter(errors).count() {
        0 => String::new(),
        errors => format!(", {}", counted(errors, "error", "errors")),
    };
    let unread = match unread(plan).count() {
        0 => String::new(),
        unread => format!(", {} can't be read", counted(unread, "source", "sources")),
    };
    format!("{steps}{held}{faults}{unread}")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_is_declared_of_a_completed_job_and_not_done_is_told() {
        let mut published = Published::default();
        for job in [samples::running(), samples::outdated()] {
            let name = job.metadata.name.clone();
            published.jobs.insert(name, Arc::new(job));
        }
        let plan = PlanView::from(&published);
        assert_eq!(
            text(&plan, &outdated(&published)),
            "= JetJob/words: another restartNonce runs it with them\n\nnothing to do\n"
        );
    }

    #[test]
    fn a_plan_that_is_not_complete_does_not_say_that_nothing_is_to_be_done() {
        let subjects = || vec![ResourceId::jet_job("a")];
        let unseen = Hold::new(Reason::ClusterUnreachable, subjects(), "no member answers");
        let held = Hold::new(Reason::RolledBack, subjects(), "it failed");
        for (hold, told) in [
            (unseen, "nothing known to do, 1 held"),
            (held, "nothing to do, 1 held"),
        ] {
            let mut plan = PlanView::from(&Published::default());
            plan.holds = vec![hold];
            assert_eq!(summary(&plan), told);
        }
    }

    #[test]
    fn more_time_is_advised_only_where_it_may_help() {
        let hold = |reason, message| Hold::new(reason, vec![ResourceId::jet_job("a")], message);
        let refused = "cluster dev can't be reached: connection refused";
        let connecting = "cluster dev can't be reached: connecting";
        for (unseen, time) in [
            (hold(Reason::ClusterUnreachable, refused), false),
            (hold(Reason::ClusterMismatch, "it isn't called dev"), false),
            (hold(Reason::ClusterUnreachable, connecting), true),
            (hold(Reason::JarFetching, "fetching the jar"), true),
        ] {
            assert_eq!(
                what_helps(&unseen).contains("--timeout"),
                time,
                "{unseen:?}"
            );
        }
    }
}
