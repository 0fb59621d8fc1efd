//! What the demo shows of it.

use super::super::error::{CliError, Result};
use super::super::output::Output;
use super::stage::Stage;
use super::wait::newest_of;

/// The title of what comes next.
pub(super) fn act(output: Output, text: &str) -> Result<()> {
    output.line(&format!("\n▸ {text}"))
}

/// The last result before something was done, and the first one after it.
pub(super) async fn show_counts(
    output: Output,
    stage: &Stage,
    customer: &str,
    before: &[String],
) -> Result<()> {
    newest_of(stage, customer, before.len()).await?;
    show_step(output, &stage.results(customer), before.len())
}

/// The result with this number, and the one before it.
pub(super) fn show_step(output: Output, results: &[String], number: usize) -> Result<()> {
    let [before, after] = [number.checked_sub(1), Some(number)].map(|at| {
        let line = at.and_then(|at| results.get(at));
        line.map_or("", String::as_str)
    });
    show_before_and_after(output, before, after)
}

/// Says how all counts of the customer follow one another; an error if one is missing or double.
pub(super) fn show_all_counts(output: Output, stage: &Stage, customer: &str) -> Result<()> {
    let results = stage.results(customer);
    let counts = results.iter().filter_map(|line| line.split(' ').nth(3));
    let expected = (1..=results.len()).map(|number| (number * 10).to_string());
    if !counts.map(str::to_owned).eq(expected) {
        let all = results.join("\n");
        return Err(CliError::failed(format!(
            "counts are missing or double:\n{all}"
        )));
    }
    output.line(&format!(
        "    In all {} lines, each ten orders on from the one before: none lost, none counted twice.",
        results.len()
    ))
}

pub(super) fn show_before_and_after(output: Output, before: &str, after: &str) -> Result<()> {
    output.line(&format!("    before: {before}\n    after:  {after}"))
}

/// What `describe` says is held, without the rest.
pub(super) async fn show_held(output: Output, stage: &Stage) -> Result<()> {
    let told = stage.command(&["describe", "orders"]).await?;
    let held = told.lines().skip_while(|line| !line.starts_with("Held"));
    let held: Vec<&str> = held.take_while(|line| !line.is_empty()).collect();
    show_told(output, "describe orders", &held.join("\n"))
}

/// The newest event of each of these kinds.
pub(super) async fn show_events(output: Output, stage: &Stage, kinds: &[&str]) -> Result<()> {
    let told = stage.command(&["events", "orders"]).await?;
    let newest = |kind: &&str| told.lines().rev().find(|line| line.contains(*kind));
    let shown = told.lines().next().into_iter();
    let shown: Vec<&str> = shown.chain(kinds.iter().filter_map(newest)).collect();
    show_told(output, "events orders", &shown.join("\n"))
}

pub(super) async fn show(output: Output, stage: &Stage, arguments: &[&str]) -> Result<()> {
    let told = stage.command(arguments).await?;
    show_told(output, &arguments.join(" "), &told)
}

/// A command of ours, and what it told.
pub(super) fn show_told(output: Output, command: &str, told: &str) -> Result<()> {
    type_line(output, &format!("jetkeeper {command}"))?;
    print(output, told)
}

/// A line as it is typed into a shell.
pub(super) fn type_line(output: Output, line: &str) -> Result<()> {
    output.line(&format!("  $ {line}"))
}

/// What a command told.
pub(super) fn print(output: Output, told: &str) -> Result<()> {
    for line in told.lines().filter(|line| !line.trim().is_empty()) {
        output.line(&format!("    {}", line.trim_end()))?;
    }
    Ok(())
}
