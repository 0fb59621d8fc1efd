//! `validate`: is the YAML as it should be? Needs no cluster.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;

use super::context::Context;
use super::error::{CliError, Result};
use super::format::json;
use super::sources::git;
use super::wiring;
use crate::config::SourceConfig;
use crate::plan::counted;
use crate::resources::render::render;
use crate::resources::{
    Desired, Fault, LoadCache, LoadOptions, Revision, Severity, SourceName, load,
};
use crate::source::git::GitOptions;
use crate::source::{DirectoryOptions, DirectorySource, Source};

/// Check the YAML, without any cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and YAML files, checked together; the configuration's sources if not given
    paths: Vec<PathBuf>,
    /// How faults are printed
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: FaultFormat,
}

/// How faults are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FaultFormat {
    /// For people, with the line and a caret
    Text,
    /// For programs
    Json,
    /// As annotations of GitHub Actions
    Github,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    errors: usize,
    warnings: usize,
    faults: &'a [Fault],
}

/// Checks.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let config = context.config()?;
    let mut repositories = config.clone();
    let directories = if args.paths.is_empty() {
        repositories.sources.retain(|it| git(it).is_some());
        let sources = config.sources()?.iter();
        let directories = sources.filter_map(SourceConfig::directory);
        directories.map(Path::to_owned).collect()
    } else {
        repositories.sources.clear();
        args.paths
    };
    let mut revisions = revisions(context, &directories).await?;
    if !repositories.sources.is_empty() {
        // As they are at their remotes now: what the daemon fetched is the daemon's.
        revisions.extend(wiring::show(context, &repositories).await?.revisions());
    }
    let options = LoadOptions {
        clusters: config.clusters.keys().cloned().collect::<BTreeSet<_>>(),
        check_references: true,
    };
    let desired = load(&revisions, &options, &mut LoadCache::default());
    let faults = desired.faults.iter().cloned();
    let faults = faults.map(|fault| {
        let mut sources = repositories.sources.iter();
        let source = sources.find(|it| it.name == fault.place.source);
        match source.and_then(git) {
            Some(repository) => seen_in(repository, fault),
            None => seen_from_here(fault),
        }
    });
    let faults: Vec<Fault> = faults.collect();
    let count = |severity| {
        let same = faults.iter().filter(|fault| fault.severity == severity);
        same.count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let output = context.output;
    match args.output {
        FaultFormat::Text => {
            for fault in &faults {
                output.text(&format!("{}\n\n", render(fault, true)))?;
            }
            output.say(&summary(&revisions, &desired, errors, warnings));
            if let Some(note) = checked_alone(&directories, &faults) {
                output.note(note);
            }
        }
        FaultFormat::Json => output.data(&json(&Report {
            errors,
            warnings,
            faults: &faults,
        })?)?,
        FaultFormat::Github => {
            for fault in &faults {
                output.line(&annotation(fault))?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(errors > 0)))
}

/// What may be missing only because a file was checked without those beside it.
fn checked_alone(paths: &[PathBuf], faults: &[Fault]) -> Option<&'static str> {
    let names_others = |fault: &Fault| fault.message.starts_with("there is no ");
    let alone = paths.iter().any(|path| path.is_file()) && faults.iter().any(names_others);
    alone.then_some(
        "of a file's directory only the file itself was checked: give the directory, or all files whose \
         documents belong together",
    )
}

/// The fault with its file's path as it is in the repository.
fn seen_in(repository: &GitOptions, fault: Fault) -> Fault {
    let (below, path) = (&*repository.path, &*fault.place.path);
    let is_the_file = below.rsplit('/').next() == Some(path);
    let path = match path {
        _ if below.is_empty() => path.to_owned(),
        "." => below.to_owned(),
        _ if is_the_file => below.to_owned(),
        path => format!("{below}/{path}"),
    };
    placed(fault, path)
}

/// Each path is a source of its own, named as it was given.
async fn revisions(context: &Context, paths: &[PathBuf]) -> Result<Vec<Arc<Revision>>> {
    let mut revisions = Vec::new();
    for path in paths {
        let named = path.display().to_string();
        if !path.exists() {
            return Err(
                CliError::failed(format!("there is no file or directory {named}"))
                    .hint("give the directory with the YAML, or YAML files"),
            );
        }
        let options = DirectoryOptions {
            events: false,
            ..DirectoryOptions::default()
        };
        let name = SourceName(named);
        let source = DirectorySource::start(name, path, options, Arc::clone(&context.clock));
        let source = source.await.map_err(CliError::failed)?;
        revisions.push(Arc::clone(&source.revisions().borrow()));
    }
    Ok(revisions)
}

/// The fault with its file's path as it can be opened from here.
fn seen_from_here(fault: Fault) -> Fault {
    let given = Path::new(&fault.place.source.0);
    let path = if given.is_file() {
        given.to_owned()
    } else if given == Path::new(".") {
        PathBuf::from(&fault.place.path)
    } else {
        given.join(&fault.place.path)
    };
    let path = path.display().to_string();
    placed(fault, path)
}

fn placed(mut fault: Fault, path: String) -> Fault {
    if let Some(snippet) = &mut fault.snippet {
        let (short, long) = (&fault.place.path, &path);
        *snippet = snippet.replacen(&format!("--> {short}"), &format!("--> {long}"), 1);
    }
    fault.place.path = path;
    fault
}

fn summary(
    revisions: &[Arc<Revision>],
    desired: &Desired,
    errors: usize,
    warnings: usize,
) -> String {
    let files = revisions.iter().map(|revision| revision.files.len()).sum();
    let files = counted(files, "file", "files");
    if errors == 0 {
        let count = desired.hazelcasts.len() + desired.jobs.len() + desired.snapshots.len();
        let resources = counted(count, "resource", "resources");
        let warned = match warnings {
            0 => String::new(),
            _ => format!(", {}", counted(warnings, "warning", "warnings")),
        };
        let none = match count {
            0 => "; no document was found, so that nothing was checked",
            _ => "",
        };
        return format!("ok: {resources} in {files}{warned}{none}");
    }
    let errors = counted(errors, "error", "errors");
    let warnings = counted(warnings, "warning", "warnings");
    format!("{errors} and {warnings} in {files}")
}

/// One line of a workflow command.
fn annotation(fault: &Fault) -> String {
    let command = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = &fault.place;
    let mut properties = vec![format!("file={}", property(&place.path))];
    if place.line > 0 {
        properties.push(format!("line={}", place.line));
    }
    if place.column > 0 {
        properties.push(format!("col={}", place.column));
    }
    if let Some(resource) = &fault.resource {
        properties.push(format!("title={}", property(&resource.to_string())));
    }
    let mut message = fault.message.clone();
    if let Some(help) = &fault.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let properties = properties.join(",");
    format!("::{command} {properties}::{}", escape(&message))
}

/// Line ends would end the command, and `%` begins an escape.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// In a property, `:` and `,` mean something too.
fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{Place, ResourceId};

    #[test]
    fn an_annotation_is_one_line_whatever_is_in_it() {
        let fault = Fault {
            severity: Severity::Error,
            place: Place {
                source: SourceName("jobs".to_owned()),
                path: "a,b:c.yaml".to_owned(),
                line: 3,
                column: 5,
            },
            resource: Some(ResourceId::jet_job("orders")),
            message: "100% wrong".to_owned(),
            help: Some("write\r\nit again".to_owned()),
            snippet: None,
        };
        assert_eq!(
            annotation(&fault),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=JetJob/orders::\
             100%25 wrong%0Ahelp: write%0D%0Ait again"
        );
    }
}
