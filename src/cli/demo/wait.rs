//! What the demo waits for.

use super::super::error::{CliError, Result};
use super::stage::Stage;

pub(super) async fn until_phase(stage: &Stage, job: &str, phase: &str) -> Result<()> {
    let what = format!("{job} is {phase}");
    stage
        .until_resource("jobs", job, &what, |job| job["status"]["phase"] == phase)
        .await
}

pub(super) async fn until_hold(stage: &Stage, job: &str, reason: &str) -> Result<()> {
    let what = format!("{job} is held: {reason}");
    stage
        .until_resource("jobs", job, &what, |job| {
            let holds = job["status"]["holds"].as_array();
            holds.is_some_and(|holds| holds.iter().any(|hold| hold["reason"] == reason))
        })
        .await
}

/// The id of a hold of a job, by which it is confirmed.
pub(super) async fn hold_of(stage: &Stage, job: &str, reason: &str) -> Result<String> {
    let told = stage.command(&["get", "jobs", job, "-o", "json"]).await?;
    let job: serde_json::Value = serde_json::from_str(&told).map_err(CliError::failed)?;
    let holds = job["status"]["holds"].as_array();
    let hold = holds.and_then(|holds| holds.iter().find(|hold| hold["reason"] == reason));
    let id = hold.and_then(|hold| hold["id"].as_str());
    id.map(str::to_owned)
        .ok_or_else(|| CliError::failed(format!("{reason} is held no longer")))
}

pub(super) async fn until_event(stage: &Stage, kind: &str) -> Result<()> {
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
pub(super) async fn first_customer(stage: &Stage) -> Result<String> {
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
pub(super) async fn newest_of(stage: &Stage, customer: &str, more_than: usize) -> Result<String> {
    let what = format!("the pipeline counted more orders of {customer}");
    stage
        .until(&what, async || stage.results(customer).len() > more_than)
        .await?;
    Ok(stage.results(customer).pop().unwrap_or_default())
}
