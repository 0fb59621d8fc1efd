//! What happens in the demo, told as it happens.

use serde_json::Value;

use super::super::error::{CliError, Result};
use super::super::output::Output;
use super::stage::Stage;

/// The files that the story plays with.
const ORDERS: &str = "jobs/orders.yaml";

/// Tells the story.
pub(super) async fn tell(output: Output, stage: &mut Stage) -> Result<()> {
    let act = |text: &str| output.line(&format!("\n▸ {text}"));
    act("An open-source Hazelcast member starts, and jetkeeper runs on a directory of YAML.")?;
    stage.start_member().await?;
    stage.start_daemon().await?;
    until_phase(stage, "orders", "Running").await?;
    until_phase(stage, "word-count", "Completed").await?;
    show(output, stage, &["get", "jobs"]).await?;

    act("Results come out of the pipeline (a file that the job writes on the member):")?;
    let customer = first_customer(stage).await?;
    output.line(&format!("    {}", newest_of(stage, &customer, 0).await?))?;

    act("An edit: snapshotInterval is set to 2s, and the running job is changed in place.")?;
    stage.edit(
        ORDERS,
        "  state: Running",
        "  state: Running\n  jobConfig: {snapshotInterval: 2s}",
    )?;
    until_event(stage, "Configured").await?;
    until_phase(stage, "orders", "Running").await?;
    show_events(output, stage, 3).await?;

    act("state: Suspended, then Running again: the counts go on where they stopped.")?;
    stage.edit(ORDERS, "  state: Running", "  state: Suspended")?;
    until_phase(stage, "orders", "Suspended").await?;
    let before = stage.results(&customer);
    stage.edit(ORDERS, "  state: Suspended", "  state: Running")?;
    until_phase(stage, "orders", "Running").await?;
    let resumed = newest_of(stage, &customer, before.len()).await?;
    let stopped = before.last().map_or("", String::as_str);
    output.line(&format!("    before: {stopped}\n    after:  {resumed}"))?;

    act("A broken file is reported, and stops nothing else.")?;
    stage.edit("jobs/returns.yaml", "jarName", "jarNam")?;
    until_hold(stage, "returns", "Faulty").await?;
    let source = stage.source().display().to_string();
    let told = stage.command(&["validate", &source]).await?;
    print(
        output,
        "validate source",
        &told.replace(&format!("{source}/"), ""),
    )?;

    act("A document is deleted. Its job has state, so it is held until a person says so.")?;
    stage.delete(ORDERS)?;
    let hold = until_hold(stage, "orders", "SnapshotRequired").await?;
    show_held(output, stage).await?;
    show(output, stage, &["confirm", &hold, "--discard-state"]).await?;
    until_event(stage, "Deleted").await?;
    show_events(output, stage, 3).await
}

async fn until_phase(stage: &Stage, job: &str, phase: &str) -> Result<()> {
    let what = format!("{job} is {phase}");
    stage
        .until_job(job, &what, |job| job["status"]["phase"] == phase)
        .await
}

/// Waits for a hold of a job; gives its id.
async fn until_hold(stage: &Stage, job: &str, reason: &str) -> Result<String> {
    let what = format!("{job} is held: {reason}");
    stage
        .until_job(job, &what, |job| hold_id(job, reason).is_some())
        .await?;
    let told = stage.command(&["get", "jobs", job, "-o", "json"]).await?;
    let job: Value = serde_json::from_str(&told).map_err(CliError::failed)?;
    hold_id(&job, reason).ok_or_else(|| CliError::failed(format!("{what} no longer")))
}

fn hold_id(job: &Value, reason: &str) -> Option<String> {
    let holds = job["status"]["holds"].as_array()?;
    let hold = holds.iter().find(|hold| hold["reason"] == reason)?;
    hold["id"].as_str().map(str::to_owned)
}

async fn until_event(stage: &Stage, kind: &str) -> Result<()> {
    stage
        .until(&format!("orders: {kind}"), async || {
            stage
                .command(&["events", "orders"])
                .await
                .is_ok_and(|told| told.contains(kind))
        })
        .await
}

/// The customer of the first result.
async fn first_customer(stage: &Stage) -> Result<String> {
    stage
        .until("the pipeline wrote results", async || {
            !stage.results("").is_empty()
        })
        .await?;
    let results = stage.results("");
    let first = results.first().and_then(|line| line.split(' ').next());
    Ok(first.unwrap_or_default().to_owned())
}

/// The newest result of a customer, once there are more than so many.
async fn newest_of(stage: &Stage, customer: &str, more_than: usize) -> Result<String> {
    let what = format!("the pipeline counted more orders of {customer}");
    stage
        .until(&what, async || stage.results(customer).len() > more_than)
        .await?;
    Ok(stage.results(customer).pop().unwrap_or_default())
}

/// What `describe` says is held, without the rest.
async fn show_held(output: Output, stage: &Stage) -> Result<()> {
    let told = stage.command(&["describe", "orders"]).await?;
    let held = told.lines().skip_while(|line| !line.starts_with("Held"));
    let held: Vec<&str> = held.take_while(|line| !line.is_empty()).collect();
    print(output, "describe orders", &held.join("\n"))
}

async fn show_events(output: Output, stage: &Stage, count: usize) -> Result<()> {
    let told = stage.command(&["events", "orders"]).await?;
    let lines: Vec<&str> = told.lines().collect();
    let newest = lines.len().saturating_sub(count).max(1);
    let shown = lines.first().into_iter().chain(lines.iter().skip(newest));
    let shown: Vec<&str> = shown.copied().collect();
    print(output, "events orders", &shown.join("\n"))
}

async fn show(output: Output, stage: &Stage, arguments: &[&str]) -> Result<()> {
    let told = stage.command(arguments).await?;
    print(output, &arguments.join(" "), &told)
}

fn print(output: Output, command: &str, told: &str) -> Result<()> {
    output.line(&format!("  $ jetkeeper {command}"))?;
    for line in told.lines().filter(|line| !line.trim().is_empty()) {
        output.line(&format!("    {}", line.trim_end()))?;
    }
    Ok(())
}
