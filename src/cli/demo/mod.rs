//! `demo`: the product at work on a real member, on one screen.
//!
//! ```text
//! stage        a scratch directory, a Hazelcast member, the daemon: started, asked, stopped
//! files        what is written and copied there
//! repository   a Git repository there, and a key that signs
//! story        what is done there, told as it happens
//! commits      the part of it that Git plays
//! wait         what it waits for
//! show         what it shows of it
//! ```
//!
//! The daemon and every command shown are this same program, run as a user runs it.

mod commits;
mod files;
mod repository;
mod show;
mod stage;
mod story;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use super::context::Context;
use super::error::Result;
use super::output::Output;
use super::shutdown::Stop;
use stage::Stage;

/// Show jetkeeper at work: a member on loopback, sample jobs, signed commits, upgrades, a rollback, snapshots.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Hazelcast's jar
    #[arg(
        long,
        value_name = "JAR",
        default_value = "target/fixtures/hazelcast-5.7.0.jar"
    )]
    hazelcast: PathBuf,
    /// The sample repository
    #[arg(long, value_name = "DIR", default_value = "sample-repo")]
    samples: PathBuf,
    /// The jars of the samples
    #[arg(long, value_name = "DIR", default_value = "target/fixtures")]
    jars: PathBuf,
    /// Leave the member and the daemon running at the end
    #[arg(long)]
    keep: bool,
}

/// How the story ended.
enum End {
    Told,
    /// Somebody wanted the end.
    BrokenOff,
}

/// Tells the story, and stops all that was started, whatever happened.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let begun = Instant::now();
    let output = context.output;
    let mut stop = Stop::listen()?;
    let mut stage = Stage::set(&args.hazelcast, &args.samples, &args.jars).await?;
    let told = tokio::select! {
        told = story::tell(output, &mut stage) => told.map(|()| End::Told),
        () = stop.wanted() => Ok(End::BrokenOff),
    };
    if told.is_err() {
        output.say(&stage.logs());
    }
    if args.keep && matches!(told, Ok(End::Told)) {
        return look_around(output, stage);
    }
    let left = stage.strike().await;
    let end = told?;
    left?;
    output.line(&match end {
        End::Told => format!(
            "\nEverything that was started is stopped. That took {} s; docs/git.md, docs/jobs.md and \
             docs/snapshots.md go on from here.",
            begun.elapsed().as_secs()
        ),
        End::BrokenOff => "\nBroken off. Everything that was started is stopped.".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn look_around(output: Output, stage: Stage) -> Result<ExitCode> {
    let left = stage.leave()?;
    output.line(&format!(
        "\nThe member and the daemon go on. Edit the YAML in {source}, or commit to\n\
         {repository} (`git commit -S`; looked at every 15 s), and watch:\n\
         \x20 {program} get jobs -w --state {state}\n\
         \x20 {program} describe orders --state {state}\n\
         \x20 tail -f {log}\n\
         Stop them with: kill {daemon} && kill {member} && rm -r {scratch}",
        program = left.program,
        source = left.source,
        repository = left.repository,
        state = left.state,
        log = left.log,
        daemon = left.daemon,
        member = left.member,
        scratch = left.scratch,
    ))?;
    Ok(ExitCode::SUCCESS)
}
