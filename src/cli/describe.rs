//! `describe`: everything about one job or cluster, for people.

use std::fmt::Write as _;
use std::process::ExitCode;

use jiff::Timestamp;

use super::context::Context;
use super::error::{CliError, Result};
use super::reader::Reader;
use super::rows::{message, release, subjects};
use super::snapshot::rows::size;
use super::subject::Subject;
use super::table::{Cell, Table};
use super::time;
use crate::engine::JobResource;
use crate::engine::published::{HazelcastResource, Metadata, SnapshotResource};
use crate::plan::hold::{Hold, Reason};
use crate::plan::record::Condition;
use crate::plan::status::LastSnapshot;
use crate::resources::{Kind, RemoteUrl, ResourceId, to_yaml};
use crate::store::EventEntry;

/// How many of the newest events are looked through for those of the resource.
const LOOKED_THROUGH: usize = 10_000;
/// How many of them are shown.
const SHOWN: usize = 10;

/// Tell everything about one job, snapshot or cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of a job, else of a cluster or a snapshot; or KIND/NAME: jobs/orders, snapshots/before, hazelcast/dev
    #[arg(value_name = "NAME")]
    subject: String,
    /// The name, where the first word is a kind: hazelcast dev
    #[arg(value_name = "NAME", hide = true)]
    name: Option<String>,
}

/// Describes.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let (first, second) = (args.subject, args.name);
    let only_name = second.is_none() && !first.contains('/');
    let subject = second.map_or(first.clone(), |name| format!("{first}/{name}"));
    let subject = subject.parse();
    let Subject(mut id) = subject.map_err(|error: String| CliError::usage(error))?;
    let reader = Reader::open(context).await?;
    // A cluster or a snapshot may be described by its name alone, where no job has it.
    if only_name {
        id = reader.named(&id.name).await;
    }
    let now = context.clock.now();
    let text = match id.kind {
        Kind::JetJob => {
            let job = reader.job(&id.name).await?;
            let events = reader.events(LOOKED_THROUGH).await?;
            job_text(&job, &newest_of(&id, events), now)?
        }
        Kind::Hazelcast => {
            let cluster = reader.hazelcast(&id.name).await?;
            let mut jobs = reader.jobs().await?;
            jobs.retain(|job| job.spec.hazelcast_resource_name == id.name);
            hazelcast_text(&cluster, &jobs, now)
        }
        Kind::JetJobSnapshot => {
            let snapshot = reader.snapshot(&id.name).await?;
            let events = reader.events(LOOKED_THROUGH).await?;
            snapshot_text(&snapshot, &newest_of(&id, events), now)
        }
    };
    context.output.text(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn newest_of(id: &ResourceId, mut events: Vec<EventEntry>) -> Vec<EventEntry> {
    events.retain(|entry| entry.event.resource.as_ref() == Some(id));
    events.split_off(events.len().saturating_sub(SHOWN))
}

fn job_text(job: &JobResource, events: &[EventEntry], now: Timestamp) -> Result<String> {
    let (spec, status) = (&job.spec, &job.status);
    let name = &job.metadata.name;
    let mut text = Text::default();
    text.field("Name", name);
    text.field("Kind", "JetJob");
    text.field("Declared", declared(&job.metadata));
    text.field("Generation", generation(job));
    if !job.is_unread() {
        let cluster = &spec.hazelcast_resource_name;
        text.field("Wanted", format!("{:?} on {cluster}", spec.state));
    }
    let phase = status.phase.to_string();
    text.field(
        "Phase",
        match status.job_id_text {
            Some(_) => phase,
            None => format!("{phase}: there is no job of it on the cluster"),
        },
    );
    text.field("Lifecycle", status.lifecycle_state.to_string());
    if let Some(id) = status.job_id_text {
        text.field("Job", format!("{id}, named {}", spec.job_name(name)));
    }
    text.moment("Submitted", status.submission_time, now);
    text.moment("Ended", status.completion_time, now);
    if let Some(LastSnapshot { name, time }) = &status.last_snapshot {
        let (at, ago) = (time::at(*time), time::ago(*time, now));
        text.field("Snapshot", format!("{name}, taken {at}, {ago} ago"));
    }
    match (&status.jar, &spec.jar_on_member) {
        (Some(jar), _) => {
            let file = spec
                .jar_name
                .as_deref()
                .or(spec.remote_url.as_ref().map(RemoteUrl::shown));
            let file = file.unwrap_or("jar");
            text.field("Jar", format!("{file}, sha256 {}", jar.sha256));
        }
        (None, Some(path)) if status.job_id_text.is_some() => {
            text.field("Jar", format!("{path} on the members"));
        }
        (None, None) if status.job_id_text.is_some() => {
            text.field("Jar", "unknown: this keeper did not submit the job");
        }
        _ => {}
    }
    let annotations = annotations(&job.metadata);
    if !annotations.is_empty() {
        text.field("Annotations", annotations.join(", "));
    }
    text.paragraph("Suspended because", status.suspension_cause.as_deref());
    text.paragraph("Failure", status.failure_text.as_deref());
    text.holds(&status.holds, now);
    text.conditions(&status.conditions, now);
    if !job.is_unread() {
        text.spec(&to_yaml(&id(job), spec).map_err(CliError::failed)?);
    }
    text.events(events, now);
    Ok(text.0)
}

fn snapshot_text(snapshot: &SnapshotResource, events: &[EventEntry], now: Timestamp) -> String {
    let (metadata, spec, status) = (&snapshot.metadata, &snapshot.spec, &snapshot.status);
    let mut text = Text::default();
    text.field("Name", &metadata.name);
    text.field("Kind", "JetJobSnapshot");
    text.field("Declared", declared(metadata));
    text.field("State", format!("{:?}", status.state));
    if !snapshot.is_unread() {
        text.field("Of", format!("JetJob/{}", spec.jet_job_resource_name));
    }
    if let Some(cluster) = &status.hazelcast_resource_name {
        let name = spec.snapshot_name(&metadata.name);
        text.field("Snapshot", format!("{name} on {cluster}"));
    }
    if let (Some(id), Some(name)) = (status.job_id_text, &status.job_name) {
        text.field("Job", format!("{id}, named {name}"));
    }
    text.moment("Taken", status.creation_time, now);
    if let (Some(bytes), Some(chunks)) = (status.num_bytes, status.num_chunks) {
        text.field("Size", format!("{} in {chunks} chunks", size(bytes)));
    }
    if let Some(fork) = status.fork {
        let told = if fork {
            "yes: the job went on; a job that starts from it beside that one could commit its \
             transactions"
        } else {
            "no: the job was suspended with it"
        };
        text.field("Fork", told);
    }
    text.paragraph(
        "Message",
        Some(status.message.as_str()).filter(|it| !it.is_empty()),
    );
    text.holds(&status.holds, now);
    text.conditions(&status.conditions, now);
    text.events(events, now);
    text.0
}

fn hazelcast_text(cluster: &HazelcastResource, jobs: &[JobResource], now: Timestamp) -> String {
    let (spec, status) = (&cluster.spec, &cluster.status);
    let mut text = Text::default();
    text.field("Name", &cluster.metadata.name);
    text.field("Kind", "Hazelcast");
    text.field("Declared", declared(&cluster.metadata));
    if !cluster.is_unread() {
        text.field("Cluster name", &spec.cluster_name);
        let addresses = match spec.addresses.as_slice() {
            [] => "those of the configuration".to_owned(),
            addresses => addresses.join(", "),
        };
        text.field("Addresses", addresses);
    }
    text.field("Phase", &status.phase);
    let unknown = || "unknown".to_owned();
    text.field("State", status.state.clone().unwrap_or_else(unknown));
    let needed = spec.min_members;
    text.field("Members", format!("{}, {needed} needed", status.members));
    text.field("Version", status.version.clone().unwrap_or_else(unknown));
    text.field("Id", status.cluster_id.clone().unwrap_or_else(unknown));
    text.field("Running jobs", status.jobs_running.to_string());
    text.paragraph("Message", status.message.as_deref());
    text.holds(&status.holds, now);
    text.jobs(jobs);
    text.0
}

fn id(job: &JobResource) -> ResourceId {
    ResourceId::jet_job(&*job.metadata.name)
}

/// The latest good generation, and which one was applied where that is another.
fn generation(job: &JobResource) -> String {
    if job.is_unread() {
        return "none: its document had faults from the start".to_owned();
    }
    let (observed, latest) = (job.status.observed_generation, job.metadata.generation);
    let applied = match observed {
        0 => format!("{latest}, not applied yet"),
        same if same == latest => latest.to_string(),
        older => format!("{latest}, not applied yet; {older} was last"),
    };
    let faulty = job.status.holds.iter();
    let faulty = faulty.filter(|hold| hold.reason == Reason::Faulty).count();
    if faulty == 0 {
        return applied;
    }
    format!("{applied}; of the last document without faults, which stays in force")
}

fn declared(metadata: &Metadata) -> String {
    match &metadata.place {
        Some(place) if place.line == 0 => format!("by `{place}`"),
        Some(place) => format!("{place} of the source {}", place.source),
        None => "by the configuration".to_owned(),
    }
}

fn annotations(metadata: &Metadata) -> Vec<&'static str> {
    let annotations = &metadata.annotations;
    [
        (annotations.reconcile_disabled, "reconcile: disabled"),
        (annotations.adopt, "adopt: true"),
        (annotations.prune_disabled, "prune: disabled"),
    ]
    .into_iter()
    .filter_map(|(set, text)| set.then_some(text))
    .collect()
}

/// Text that grows from top to bottom.
#[derive(Default)]
struct Text(String);

impl Text {
    fn field(&mut self, name: &str, value: impl AsRef<str>) {
        let name = format!("{name}:");
        self.line(&format!("{name:<14}{}", value.as_ref()));
    }

    fn moment(&mut self, name: &str, time: Option<Timestamp>, now: Timestamp) {
        if let Some(time) = time {
            let ago = time::ago(time, now);
            self.field(name, format!("{}, {ago} ago", time::at(time)));
        }
    }

    fn paragraph(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.block(name, text);
        }
    }

    fn block(&mut self, name: &str, text: &str) {
        self.line(&format!("\n{name}:"));
        for line in text.lines() {
            self.line(&format!("  {line}"));
        }
    }

    /// The document, from `spec` on.
    fn spec(&mut self, document: &str) {
        self.line("\nSpec:");
        let fields = document.lines().skip_while(|line| *line != "spec:");
        fields.skip(1).for_each(|line| self.line(line));
    }

    fn holds(&mut self, holds: &[Hold], now: Timestamp) {
        if holds.is_empty() {
            return;
        }
        self.line("\nHeld:");
        for hold in holds {
            let mut lines = hold.message.lines();
            let first = lines.next().unwrap_or_default();
            self.line(&format!("  {} ({:?}): {first}", hold.reason, hold.class));
            for line in lines {
                self.line(&format!("    {line}"));
            }
            if hold.subjects.len() > 1 {
                self.line(&format!("    concerns:   {}", subjects(hold)));
            }
            if let Some(deadline) = hold.deadline {
                let rest = time::short(deadline.duration_since(now));
                self.line(&format!("    ends:       in {rest}"));
            }
            if let Some(command) = release(hold) {
                self.line(&format!("    to release: {command}"));
            }
        }
    }

    fn jobs(&mut self, jobs: &[JobResource]) {
        let mut table = Table::new(["NAME", "PHASE", "MESSAGE"]);
        for job in jobs {
            let phase = job.status.phase.to_string();
            let cells: [Cell; 3] = [
                job.metadata.name.clone().into(),
                phase.into(),
                message(job).into(),
            ];
            table.row(cells);
        }
        if !jobs.is_empty() {
            self.block("Jobs", &table.render_indented(2));
        }
    }

    fn conditions(&mut self, conditions: &[Condition], now: Timestamp) {
        let mut table = Table::new(["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"]);
        for condition in conditions {
            let cells: [Cell; 5] = [
                format!("{:?}", condition.kind).into(),
                format!("{:?}", condition.status).into(),
                time::ago(condition.last_transition_time, now).into(),
                condition.reason.to_string().into(),
                condition.message.lines().next().unwrap_or_default().into(),
            ];
            table.row(cells);
        }
        if !conditions.is_empty() {
            self.block("Conditions", &table.render_indented(2));
        }
    }

    fn events(&mut self, events: &[EventEntry], now: Timestamp) {
        let mut table = Table::new(["AGE", "KIND", "MESSAGE"]);
        for entry in events {
            let cells: [Cell; 3] = [
                time::ago(entry.at, now).into(),
                format!("{:?}", entry.event.kind).into(),
                entry
                    .event
                    .message
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .into(),
            ];
            table.row(cells);
        }
        if !events.is_empty() {
            self.block("Events", &table.render_indented(2));
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a String can't fail.
        writeln!(self.0, "{}", line.trim_end()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::samples;
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_running_job_is_described() {
        let text = job_text(&samples::running(), &samples::events(), samples::now());
        insta::assert_snapshot!(plain(&text.unwrap()), @r"
        Name:         orders
        Kind:         JetJob
        Declared:     jobs/orders.yaml:1:1 of the source local
        Generation:   2
        Wanted:       Running on hazelcast
        Phase:        Running
        Lifecycle:    STABLE
        Job:          0adf-8fef-9a80-0001, named orders
        Submitted:    2026-11-24T11:47:00Z, 13m ago
        Snapshot:     orders.upgrade-1, taken 2026-11-24T11:46:00Z, 14m ago
        Jar:          orders.jar, sha256 0163f1eea7894350060624d315234d40c508ab251ba121714e234503045faadd

        Conditions:
          TYPE        STATUS  SINCE  REASON     MESSAGE
          Ready       True    12m    AsDesired  RUNNING
          Reconciled  True    12m    AsDesired

        Spec:
          hazelcastResourceName: hazelcast
          jarName: orders.jar
          parameters:
          - --topic
          - orders

        Events:
          AGE  KIND       MESSAGE
          13m  Submitted  submitted as job 0adf-8fef-9a80-0001
          12m  Running    RUNNING (job 0adf-8fef-9a80-0001)
        ");
    }

    #[test]
    fn a_held_job_says_what_releases_it() {
        let text = job_text(&samples::drifted(), &[], samples::now());
        insta::assert_snapshot!(plain(&text.unwrap()), @r"
        Name:         returns
        Kind:         JetJob
        Declared:     jobs/returns.yaml:1:1 of the source local
        Generation:   2, not applied yet; 1 was last
        Wanted:       Running on hazelcast
        Phase:        Suspended
        Lifecycle:    DEPLOYED
        Job:          0adf-8fef-9a80-0001, named returns
        Submitted:    2026-11-24T11:47:00Z, 13m ago
        Snapshot:     orders.upgrade-1, taken 2026-11-24T11:46:00Z, 14m ago
        Jar:          orders.jar, sha256 0163f1eea7894350060624d315234d40c508ab251ba121714e234503045faadd

        Suspended because:
          Requested by user

        Held:
          Drifted (Policy): the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed
            to release: jetkeeper confirm 99459e1e1ab7

        Conditions:
          TYPE   STATUS  SINCE  REASON   MESSAGE
          Ready  False   12m    Drifted  the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed

        Spec:
          hazelcastResourceName: hazelcast
          jarName: orders.jar
          parameters:
          - --topic
          - orders
        ");
    }

    #[test]
    fn generations_and_jars_are_told_as_far_as_they_are_known() {
        let mut job = samples::running();
        assert_eq!(generation(&job), "2");
        let name = vec![ResourceId::jet_job("orders")];
        Arc::make_mut(&mut job.status).holds = vec![Hold::new(
            Reason::Faulty,
            name,
            "generation 2 stays in force",
        )];
        assert_eq!(
            generation(&job),
            "2; of the last document without faults, which stays in force"
        );
        Arc::make_mut(&mut job.status).observed_generation = 1;
        assert_eq!(
            generation(&job),
            "2, not applied yet; 1 was last; of the last document without faults, which stays in force"
        );
        Arc::make_mut(&mut job.status).jar = None;
        let text = job_text(&job, &[], samples::now()).unwrap();
        assert!(text.contains("Jar:          unknown: this keeper did not submit the job"));
    }

    #[test]
    fn a_failed_job_shows_its_whole_failure() {
        let text = job_text(&samples::failed(), &[], samples::now());
        insta::assert_snapshot!(plain(&text.unwrap()), @r"
        Name:         word-count
        Kind:         JetJob
        Declared:     jobs/word-count.yaml:1:1 of the source local
        Generation:   2
        Wanted:       Running on hazelcast
        Phase:        ExecutionFailed
        Lifecycle:    FAILED
        Job:          0adf-8fef-9a80-0001, named word-count
        Submitted:    2026-11-24T11:47:00Z, 13m ago
        Ended:        2026-11-24T11:59:00Z, 60s ago
        Snapshot:     orders.upgrade-1, taken 2026-11-24T11:46:00Z, 14m ago
        Jar:          orders.jar, sha256 0163f1eea7894350060624d315234d40c508ab251ba121714e234503045faadd

        Failure:
          java.io.IOException: no such file
          	at A.b(A.java:7)

        Held:
          BackingOff (Waiting): restarted in 40 s (2 of 5)
            ends:       in 40s

        Conditions:
          TYPE        STATUS  SINCE  REASON     MESSAGE
          Ready       True    12m    AsDesired  RUNNING
          Reconciled  True    12m    AsDesired

        Spec:
          hazelcastResourceName: hazelcast
          jarName: orders.jar
          parameters:
          - --topic
          - orders
        ");
    }

    #[test]
    fn a_cluster_is_described() {
        let jobs = [samples::running(), samples::drifted()];
        let connected = hazelcast_text(&samples::cluster("Connected"), &jobs, samples::now());
        insta::assert_snapshot!(plain(&connected), @r"
        Name:         hazelcast
        Kind:         Hazelcast
        Declared:     jobs/hazelcast.yaml:1:1 of the source local
        Cluster name: dev
        Addresses:    10.0.0.1:5701, 10.0.0.2:5701
        Phase:        Connected
        State:        Active
        Members:      2, 1 needed
        Version:      5.7.0
        Id:           5f2b
        Running jobs: 3

        Jobs:
          NAME     PHASE      MESSAGE
          orders   Running
          returns  Suspended  the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed
        ");
        let away = hazelcast_text(&samples::cluster("Connecting"), &[], samples::now());
        insta::assert_snapshot!(plain(&away), @r"
        Name:         hazelcast
        Kind:         Hazelcast
        Declared:     jobs/hazelcast.yaml:1:1 of the source local
        Cluster name: dev
        Addresses:    10.0.0.1:5701, 10.0.0.2:5701
        Phase:        Connecting
        State:        unknown
        Members:      0, 1 needed
        Version:      unknown
        Id:           unknown
        Running jobs: 0

        Message:
          10.0.0.1:5701: connection refused
        ");
    }
}
