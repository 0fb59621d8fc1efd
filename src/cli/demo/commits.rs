//! What Git plays in the demo: a commit that is signed, and one that is not.

use super::super::error::Result;
use super::super::output::Output;
use super::files::edit;
use super::show::{act, print, show, type_line};
use super::stage::{RETURNS, Stage};
use super::wait::until_phase;

/// What is asked after each commit, so that nobody waits for the next look.
const LOOK: [&str; 2] = ["reconcile", "--wait"];

/// A signed commit makes something happen.
pub(super) async fn commit(output: Output, stage: &Stage) -> Result<()> {
    act(
        output,
        "A signed git commit starts a job. The repository is asked every 15 s, and at once by reconcile.",
    )?;
    change(stage, "state: Suspended", "state: Running")?;
    let signed = ["commit", "-a", "-S", "-m", "Take returns"];
    git(output, stage, &signed).await?;
    until_phase(stage, "returns", "Running").await?;
    show(output, stage, &["get", "jobs", "returns"]).await
}

/// A commit that is not signed is refused, and followed once it is.
pub(super) async fn refuse(output: Output, stage: &Stage) -> Result<()> {
    act(
        output,
        "A commit that nobody signed is refused: the last good one stays in force. Signed, it is followed.",
    )?;
    change(stage, "state: Running", "state: Suspended")?;
    let unsigned = ["commit", "-a", "-m", "No returns today"];
    let told = git(output, stage, &unsigned).await?;
    // Not what it waited for before.
    let error: Vec<&str> = told
        .lines()
        .skip_while(|line| !line.starts_with("error"))
        .collect();
    print(output, &error.join("\n"))?;
    show(output, stage, &["get", "jobs", "returns"]).await?;
    git(output, stage, &["commit", "--amend", "--no-edit", "-S"]).await?;
    until_phase(stage, "returns", "Suspended").await?;
    show(output, stage, &["get", "jobs", "returns"]).await
}

fn change(stage: &Stage, from: &str, to: &str) -> Result<()> {
    edit(&stage.repository().tree().join(RETURNS), from, to)
}

/// `git` in the repository, and the daemon's look at it; gives what that told.
async fn git(output: Output, stage: &Stage, arguments: &[&str]) -> Result<String> {
    let words = arguments.iter().map(|word| {
        if word.contains(' ') {
            format!(" \"{word}\"")
        } else {
            format!(" {word}")
        }
    });
    let (words, look) = (words.collect::<String>(), LOOK.join(" "));
    type_line(output, &format!("git{words} && jetkeeper {look}"))?;
    stage.repository().git(arguments).await?;
    stage.command(&LOOK).await
}
