//! `snapshot inspect` and `snapshot verify`.

use std::process::ExitCode;

use super::super::context::Context;
use super::super::error::{CliError, Result};
use super::super::format::json;
use super::super::table::Table;
use super::super::time;
use super::rows::size;
use super::site::Site;
use crate::cluster::Inspection;

/// What is in a snapshot.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The snapshot's name on the cluster
    name: String,
    /// The cluster, where several are known
    #[arg(long, value_name = "NAME")]
    on: Option<String>,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Printed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Printed {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Shows what is in a snapshot.
pub(super) async fn inspect(context: &Context, args: Args) -> Result<ExitCode> {
    let (site, inspection) = read(context, &args).await?;
    match args.output {
        Printed::Json => context.output.data(&json(&inspection)?)?,
        Printed::Table => {
            let told = told(context, &site, &args.name, &inspection);
            context.output.text(&told)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that a snapshot is whole.
pub(super) async fn verify(context: &Context, args: Args) -> Result<ExitCode> {
    let (_, inspection) = read(context, &args).await?;
    if args.output == Printed::Json {
        context.output.data(&json(&inspection)?)?;
    }
    if inspection.faults.is_empty() {
        let (chunks, bytes) = (inspection.facts.chunks, inspection.facts.bytes);
        context.output.say(&format!(
            "snapshot {} is whole: {chunks} chunks, {}",
            args.name,
            size(bytes)
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let message = format!(
        "snapshot {} is damaged: {}",
        args.name,
        inspection.faults.join("; ")
    );
    Err(CliError::failed(message).hint("a job can't start from it; export another one"))
}

async fn read(context: &Context, args: &Args) -> Result<(Site, Inspection)> {
    let site = Site::connect(context, args.on.as_deref()).await?;
    let inspected = site.cluster.snapshots().inspect(&args.name).await;
    let inspected = inspected.map_err(CliError::failed)?;
    let inspection = inspected.ok_or_else(|| {
        let message = format!("cluster {} has no snapshot {}", site.name, args.name);
        CliError::failed(message).hint("`jetkeeper snapshot list` shows the names")
    })?;
    Ok((site, inspection))
}

fn told(context: &Context, site: &Site, name: &str, inspection: &Inspection) -> String {
    let facts = &inspection.facts;
    let version = site.cluster.connection().borrow().version.clone();
    let age = time::ago(facts.created_at, context.clock.now());
    let lines = [
        ("Snapshot", format!("{name} on cluster {}", site.name)),
        ("Of job", format!("{} ({})", facts.job_name, facts.job)),
        (
            "Taken",
            format!(
                "{} ({age} ago), number {}",
                facts.created_at, facts.snapshot_id
            ),
        ),
        (
            "Size",
            format!("{} in {} chunks", size(facts.bytes), facts.chunks),
        ),
        ("Partitions", spread(inspection)),
        ("Members", version.unwrap_or_else(|| "-".to_owned())),
    ];
    let lines = lines.map(|(label, value)| format!("{label:<11} {value}\n"));
    let mut text = lines.concat();
    let mut table = Table::new(["VERTEX", "CHUNKS", "SIZE", "KEYS"]);
    for (vertex, share) in &inspection.vertices {
        let keys = share.keys.map_or("-".to_owned(), |keys| keys.to_string());
        table.row([
            vertex.clone().into(),
            share.chunks.to_string().into(),
            size(i64::try_from(share.bytes).unwrap_or(i64::MAX)).into(),
            keys.into(),
        ]);
    }
    text.push('\n');
    text.push_str(&table.render());
    let faults = inspection.faults.iter();
    let faults: String = faults
        .map(|fault| "\ndamaged: ".to_owned() + fault + "\n")
        .collect();
    text + &faults
}

/// How evenly the chunks lie over the partitions.
fn spread(inspection: &Inspection) -> String {
    let counts = inspection.partitions.values();
    let most = counts.max().copied().unwrap_or_default();
    let used = inspection.partitions.len();
    format!("{used} have chunks, at most {most} each")
}
