//! What happens in the demo, told as it happens.

use super::super::error::{CliError, Result};
use super::super::output::Output;
use super::commits::{commit, refuse};
use super::show::{
    act, show, show_all_counts, show_before_and_after, show_counts, show_events, show_held,
    show_step, show_told,
};
use super::stage::Stage;
use super::wait::{first_customer, hold_of, newest_of, until_event, until_hold, until_phase};

/// The files that the story plays with.
const ORDERS: &str = "jobs/orders.yaml";
const WORDS: &str = "jobs/word-count.yaml";
const SNAPSHOT: &str = "jobs/orders-monday.yaml";

/// Tells the story.
pub(super) async fn tell(output: Output, stage: &mut Stage) -> Result<()> {
    act(
        output,
        "An open-source Hazelcast member starts, and jetkeeper runs on YAML in a directory and in Git.",
    )?;
    stage.start_member().await?;
    stage.start_daemon().await?;
    until_phase(stage, "orders", "Running").await?;
    until_phase(stage, "word-count", "Completed").await?;
    show(output, stage, &["get", "jobs"]).await?;

    commit(output, stage).await?;
    refuse(output, stage).await?;
    let customer = suspend_and_resume(output, stage).await?;
    export(output, stage).await?;
    upgrade(output, stage, &customer).await?;
    roll_back(output, stage, &customer).await?;
    break_a_file(output, stage).await?;
    delete_and_restore(output, stage, &customer).await
}

/// Gives the customer whose orders are told of from here on.
async fn suspend_and_resume(output: Output, stage: &Stage) -> Result<String> {
    let customer = first_customer(stage).await?;
    newest_of(stage, &customer, 0).await?;
    act(
        output,
        "The job counts orders. state: Suspended, then Running again: it goes on where it stopped.",
    )?;
    stage.edit(ORDERS, "  state: Running", "  state: Suspended")?;
    until_phase(stage, "orders", "Suspended").await?;
    let before = stage.results(&customer);
    stage.edit(ORDERS, "  state: Suspended", "  state: Running")?;
    until_phase(stage, "orders", "Running").await?;
    show_counts(output, stage, &customer, &before).await?;
    Ok(customer)
}

async fn export(output: Output, stage: &Stage) -> Result<()> {
    act(
        output,
        "A document of kind JetJobSnapshot: the state of the job is exported while it runs on.",
    )?;
    stage.sample(SNAPSHOT)?;
    let what = "orders-monday is Exported";
    stage
        .until_resource("snapshots", "orders-monday", what, |snapshot| {
            snapshot["status"]["state"] == "Exported"
        })
        .await?;
    show(output, stage, &["get", "snapshots"]).await
}

async fn upgrade(output: Output, stage: &Stage, customer: &str) -> Result<()> {
    act(
        output,
        "A new jar: the job's state is exported and read back, and version 2 starts from it.",
    )?;
    stage.put_version("orders-v2.jar", "orders.jar")?;
    until_event(stage, "UpgradeStarted").await?;
    let second = |line: &String| line.ends_with("(version 2)");
    stage
        .until("version 2 counts", async || {
            stage.results(customer).iter().any(second)
        })
        .await?;
    let results = stage.results(customer);
    let first = results.iter().filter(|line| !second(line)).count();
    show_step(output, &results, first)?;
    until_event(stage, "UpgradeStable").await
}

async fn roll_back(output: Output, stage: &Stage, customer: &str) -> Result<()> {
    act(
        output,
        "A jar that fails: version 2 is started again, from the state that it had.",
    )?;
    let before = stage.results(customer);
    stage.put_version("orders-broken.jar", "orders.jar")?;
    until_event(stage, "RolledBack").await?;
    let since = stage.results(customer).len();
    newest_of(stage, customer, since).await?;
    let results = stage.results(customer);
    let after = results.get(since).map_or("", String::as_str);
    show_before_and_after(output, before.last().map_or("", String::as_str), after)?;
    until_hold(stage, "orders", "RolledBack").await?;
    show_held(output, stage).await
}

async fn break_a_file(output: Output, stage: &Stage) -> Result<()> {
    act(output, "A broken file is reported, and stops nothing else.")?;
    stage.edit(WORDS, "jarName", "jarNam")?;
    until_hold(stage, "word-count", "Faulty").await?;
    let source = stage.source().display().to_string();
    let told = stage.command(&["validate", &source]).await?;
    let told = told.replace(&format!("{source}/"), "");
    show_told(output, "validate source", &told)
}

async fn delete_and_restore(output: Output, stage: &Stage, customer: &str) -> Result<()> {
    act(
        output,
        "All documents of the directory are gone: that may be a mistake, so it is held until somebody confirms it.",
    )?;
    let document = stage.take(ORDERS)?;
    stage.take(WORDS)?;
    until_hold(stage, "orders", "SourceMissing").await?;
    show_held(output, stage).await?;

    act(
        output,
        "Confirmed: the job is cancelled once its state is exported.",
    )?;
    let hold = hold_of(stage, "orders", "SourceMissing").await?;
    stage.command(&["confirm", &hold]).await?;
    until_event(stage, "Deleted").await?;
    show_events(output, stage, &["Canceled", "Deleted"]).await?;
    let told = stage.command(&["snapshot", "list", "-o", "name"]).await?;
    let last = told.lines().find(|name| name.starts_with("orders.delete-"));
    let last = last.ok_or_else(|| CliError::failed("the deletion left no snapshot"))?;

    act(
        output,
        &format!(
            "Another document says initialSnapshotName: {last}; its job counts on from there."
        ),
    )?;
    let before = stage.results(customer);
    let spec = format!("spec:\n  initialSnapshotName: {last}");
    let document = document
        .replace("name: orders\n", "name: orders-anew\n")
        .replace("orders.jar", "orders-v2.jar")
        .replace("spec:", &spec);
    stage.put_version("orders-v2.jar", "orders-v2.jar")?;
    stage.write("jobs/orders-anew.yaml", &document)?;
    until_phase(stage, "orders-anew", "Running").await?;
    show_counts(output, stage, customer, &before).await?;
    show_all_counts(output, stage, customer)
}
