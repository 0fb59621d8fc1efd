//! The rows of the tables: which words of a resource come first.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::format::Row;
use super::table::{Cell, Mood};
use super::time;
use crate::engine::JobResource;
use crate::engine::published::{HazelcastResource, SourceReport};
use crate::plan::hold::{Hold, HoldClass, Reason, Release};
use crate::plan::record::{Condition, ConditionStatus, ConditionType};
use crate::plan::status::Phase;
use crate::resources::{ResourceId, SourceName};

impl Row for JobResource {
    fn header(wide: bool) -> Vec<&'static str> {
        let mut header = vec![
            "NAME", "PHASE", "READY", "SINCE", "SNAPSHOT", "CLUSTER", "JOB-ID",
        ];
        if wide {
            header.extend(["WANTED", "GENERATION", "REASON", "JAR", "DECLARED"]);
        }
        header.push("MESSAGE");
        header
    }

    fn expendable() -> &'static [&'static str] {
        &["JOB-ID", "CLUSTER", "SNAPSHOT", "SINCE", "READY"]
    }

    fn cells(&self, wide: bool, now: Timestamp) -> Vec<Cell> {
        let (metadata, spec, status) = (&self.metadata, &self.spec, &self.status);
        let ready = ready(self);
        let since = ready.map_or("-".to_owned(), |ready| {
            time::ago(ready.last_transition_time, now)
        });
        let mut cells = vec![
            metadata.name.clone().into(),
            Cell::of(status.phase.to_string(), mood_of_phase(status.phase)),
            ready_cell(ready),
            since.into(),
            or_dash(
                status
                    .last_snapshot
                    .as_ref()
                    .map(|last| time::ago(last.time, now)),
            ),
            named(&spec.hazelcast_resource_name),
            or_dash(status.job_id_text.map(|id| id.to_string())),
        ];
        if wide {
            cells.extend([
                or_dash((!self.is_unread()).then(|| format!("{:?}", spec.state))),
                or_dash((!self.is_unread()).then(|| generations(self))),
                or_dash(reason(self)),
                or_dash(status.jar.as_ref().map(|jar| jar.sha256.short())),
                or_dash(metadata.place.as_ref().map(ToString::to_string)),
            ]);
        }
        cells.push(message(self).into());
        cells
    }

    fn id(&self) -> String {
        ResourceId::jet_job(&*self.metadata.name).to_string()
    }
}

/// The condition that says whether the job does what the YAML says.
fn ready(job: &JobResource) -> Option<&Condition> {
    condition(job, ConditionType::Ready)
}

fn condition(job: &JobResource, kind: ConditionType) -> Option<&Condition> {
    let mut conditions = job.status.conditions.iter();
    conditions.find(|condition| condition.kind == kind)
}

/// `2`, or `1 of 2` where the latest is not in force yet.
fn generations(job: &JobResource) -> String {
    let (observed, latest) = (job.status.observed_generation, job.metadata.generation);
    if observed == latest {
        latest.to_string()
    } else {
        format!("{observed} of {latest}")
    }
}

/// The hold that a person has to know of first.
fn foremost(holds: &[Hold]) -> Option<&Hold> {
    let first = |class| holds.iter().find(move |hold| hold.class == class);
    first(HoldClass::Blocked)
        .or_else(|| first(HoldClass::Policy))
        .or_else(|| first(HoldClass::Waiting))
}

fn reason(job: &JobResource) -> Option<String> {
    let held = foremost(&job.status.holds).map(|hold| hold.reason);
    let reason = held.or_else(|| Some(ready(job)?.reason));
    reason.map(|reason| reason.to_string())
}

/// What a person has to know of the job; nothing where all is well.
pub(super) fn message(job: &JobResource) -> String {
    let status = &job.status;
    let held = foremost(&status.holds).map(|hold| hold.message.as_str());
    let failed = status.failure_text.as_deref();
    // What has ended is as it should be, and may have ended before what is declared now.
    let unready = ready(job)
        .filter(|ready| ready.status != ConditionStatus::True || ready.reason == Reason::Ended)
        .map(|ready| ready.message.as_str());
    first_line(held.or(failed).or(unready).unwrap_or_default()).to_owned()
}

/// Failures come with stack traces, which are for `describe`.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn mood_of_phase(phase: Phase) -> Mood {
    match phase {
        Phase::Running | Phase::Completed => Mood::Good,
        Phase::NotRunning
        | Phase::Starting
        | Phase::Suspended
        | Phase::SuspendedExportingSnapshot
        | Phase::Completing
        | Phase::Canceled => Mood::Calm,
        Phase::Failed | Phase::ExecutionFailed => Mood::Bad,
    }
}

fn ready_cell(ready: Option<&Condition>) -> Cell {
    match ready.map(|ready| ready.status) {
        Some(ConditionStatus::True) => Cell::of("True", Mood::Good),
        Some(ConditionStatus::False) => Cell::of("False", Mood::Bad),
        Some(ConditionStatus::Unknown) => Cell::of("Unknown", Mood::Calm),
        None => "-".into(),
    }
}

/// A name, where it is known.
pub(super) fn named(name: &str) -> Cell {
    or_dash(Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn or_dash(text: Option<String>) -> Cell {
    text.unwrap_or_else(|| "-".to_owned()).into()
}

impl Row for HazelcastResource {
    fn header(wide: bool) -> Vec<&'static str> {
        let mut header = vec!["NAME", "PHASE", "STATE", "MEMBERS", "RUNNING", "VERSION"];
        if wide {
            header.extend(["CLUSTER-NAME", "CLUSTER-ID", "ADDRESSES", "DECLARED"]);
        }
        header.push("MESSAGE");
        header
    }

    fn expendable() -> &'static [&'static str] {
        &["VERSION", "STATE", "RUNNING", "MEMBERS"]
    }

    fn cells(&self, wide: bool, _: Timestamp) -> Vec<Cell> {
        let (metadata, spec, status) = (&self.metadata, &self.spec, &self.status);
        let mood = match status.phase.as_str() {
            "Connected" => Mood::Good,
            "Connecting" => Mood::Calm,
            _ => Mood::Bad,
        };
        let mut cells = vec![
            metadata.name.clone().into(),
            Cell::of(status.phase.clone(), mood),
            or_dash(status.state.clone()),
            status.members.to_string().into(),
            status.jobs_running.to_string().into(),
            or_dash(status.version.clone()),
        ];
        if wide {
            let declared = metadata.place.as_ref().map(ToString::to_string);
            cells.extend([
                named(&spec.cluster_name),
                or_dash(status.cluster_id.clone()),
                or_dash(Some(spec.addresses.join(",")).filter(|text| !text.is_empty())),
                declared
                    .unwrap_or_else(|| "configuration".to_owned())
                    .into(),
            ]);
        }
        let held = foremost(&status.holds).map(|hold| hold.message.as_str());
        let message = held.or(status.message.as_deref()).unwrap_or_default();
        cells.push(first_line(message).into());
        cells
    }

    fn id(&self) -> String {
        ResourceId::hazelcast(&*self.metadata.name).to_string()
    }
}

impl Row for Hold {
    fn header(wide: bool) -> Vec<&'static str> {
        let mut header = vec!["ID", "CLASS", "REASON", "RESOURCES"];
        if wide {
            header.extend(["ENDS", "RELEASE"]);
        }
        header.push("MESSAGE");
        header
    }

    fn expendable() -> &'static [&'static str] {
        &["CLASS"]
    }

    fn cells(&self, wide: bool, now: Timestamp) -> Vec<Cell> {
        let mood = match self.class {
            HoldClass::Waiting => Mood::Plain,
            HoldClass::Policy => Mood::Calm,
            HoldClass::Blocked => Mood::Bad,
        };
        let mut cells = vec![
            self.id.to_string().into(),
            Cell::of(format!("{:?}", self.class), mood),
            self.reason.to_string().into(),
            subjects(self).into(),
        ];
        if wide {
            let ends = self
                .deadline
                .map(|deadline| format!("in {}", time::short(deadline.duration_since(now))));
            cells.push(or_dash(ends));
            cells.push(or_dash(release(self)));
        }
        cells.push(first_line(&self.message).into());
        cells
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// Holds that say the same of several resources, as one: a cluster that is away holds all its jobs.
pub(super) fn grouped(holds: &[Hold]) -> Vec<Hold> {
    let mut groups: Vec<(Hold, Vec<ResourceId>)> = Vec::new();
    for hold in holds {
        let same = groups.iter_mut().find(|(group, _)| {
            // What a person releases has an id of its own; a pause of everything is one.
            matches!(group.release, Release::None | Release::UnpauseAll)
                && (group.reason, &group.message) == (hold.reason, &hold.message)
        });
        match same {
            Some((_, subjects)) => subjects.extend_from_slice(&hold.subjects),
            None => groups.push((hold.clone(), hold.subjects.to_vec())),
        }
    }
    let groups = groups.into_iter().map(|(hold, subjects)| Hold {
        subjects: subjects.into(),
        ..hold
    });
    groups.collect()
}

/// Most holds concern one resource; of many, the first two say enough.
pub(super) fn subjects(hold: &Hold) -> String {
    const SHOWN: usize = 2;
    let names = hold.subjects.iter().take(SHOWN).map(ToString::to_string);
    let names = names.collect::<Vec<_>>().join(", ");
    match hold.subjects.len().saturating_sub(SHOWN) {
        // It is of a source, and its words say of which.
        _ if names.is_empty() => "-".to_owned(),
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// The same before a colon and what is said of it; nothing where it is of a source.
pub(super) fn before_words(hold: &Hold) -> String {
    match &*subjects(hold) {
        "-" => String::new(),
        subjects => format!("{subjects}: "),
    }
}

/// The command with which a person releases it.
pub(super) fn release(hold: &Hold) -> Option<String> {
    let id = &hold.id;
    match hold.release {
        Release::None => None,
        Release::Confirm => Some(format!("jetkeeper confirm {id}")),
        Release::DiscardState => Some(format!("jetkeeper confirm {id} --discard-state")),
        Release::Adopt => {
            let name = hold.subjects.first()?;
            Some(format!("jetkeeper adopt {name}"))
        }
        Release::Unpause => {
            let name = hold.subjects.first()?;
            Some(format!("jetkeeper unpause {name}"))
        }
        Release::UnpauseAll => Some("jetkeeper unpause".to_owned()),
    }
}

/// What sources have that is not followed, a commit that is refused, say: its documents were not even seen.
pub(super) fn troubles(
    sources: &BTreeMap<SourceName, SourceReport>,
) -> impl Iterator<Item = String> {
    sources.iter().filter_map(|(name, source)| {
        let why = source.trouble.as_ref()?;
        Some(format!(
            "source {name} can't be read, what it declared stays in force: {why}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::super::format::Format;
    use super::super::samples;
    use super::*;

    fn table<R: Row>(format: Format, items: &[R], width: u16) -> String {
        let mut table = format.table::<R>();
        for item in items {
            table.row(item.cells(format == Format::Wide, samples::now()));
        }
        table.plain(width)
    }

    #[test]
    fn a_job_that_is_well_has_no_message() {
        let jobs = [
            samples::running(),
            samples::drifted(),
            samples::failed(),
            samples::new(),
        ];
        insta::assert_snapshot!(table(Format::Table, &jobs, 200), @r"
        NAME        PHASE            READY  SINCE  SNAPSHOT  CLUSTER    JOB-ID               MESSAGE
        orders      Running          True   12m    14m       hazelcast  0adf-8fef-9a80-0001
        returns     Suspended        False  12m    14m       hazelcast  0adf-8fef-9a80-0001  the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed
        word-count  ExecutionFailed  True   12m    14m       hazelcast  0adf-8fef-9a80-0001  restarted in 40 s (2 of 5)
        new         NotRunning       -      -      -         hazelcast  -
        ");
        insta::assert_snapshot!(table(Format::Table, &jobs, 100), @r"
        NAME        PHASE            READY  SINCE  SNAPSHOT  CLUSTER    MESSAGE
        orders      Running          True   12m    14m       hazelcast
        returns     Suspended        False  12m    14m       hazelcast  the job was suspended by hand; resu…
        word-count  ExecutionFailed  True   12m    14m       hazelcast  restarted in 40 s (2 of 5)
        new         NotRunning       -      -      -         hazelcast
        ");
        insta::assert_snapshot!(table(Format::Table, &jobs, 80), @r"
        NAME        PHASE            READY  SINCE  MESSAGE
        orders      Running          True   12m
        returns     Suspended        False  12m    the job was suspended by hand; resum…
        word-count  ExecutionFailed  True   12m    restarted in 40 s (2 of 5)
        new         NotRunning       -      -
        ");
        insta::assert_snapshot!(table(Format::Table, &jobs, 50), @r"
        NAME        PHASE            MESSAGE
        orders      Running
        returns     Suspended        the job was suspende…
        word-count  ExecutionFailed  restarted in 40 s (2…
        new         NotRunning
        ");
        insta::assert_snapshot!(table(Format::Wide, &jobs, 250), @r"
        NAME        PHASE            READY  SINCE  SNAPSHOT  CLUSTER    JOB-ID               WANTED   GENERATION  REASON      JAR           DECLARED                  MESSAGE
        orders      Running          True   12m    14m       hazelcast  0adf-8fef-9a80-0001  Running  2           AsDesired   0163f1eea789  jobs/orders.yaml:1:1
        returns     Suspended        False  12m    14m       hazelcast  0adf-8fef-9a80-0001  Running  1 of 2      Drifted     0163f1eea789  jobs/returns.yaml:1:1     the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed
        word-count  ExecutionFailed  True   12m    14m       hazelcast  0adf-8fef-9a80-0001  Running  2           BackingOff  0163f1eea789  jobs/word-count.yaml:1:1  restarted in 40 s (2 of 5)
        new         NotRunning       -      -      -         hazelcast  -                    Running  0 of 2      -           -             jobs/new.yaml:1:1
        ");
    }

    #[test]
    fn a_cluster_that_is_away_says_why() {
        let clusters = [
            samples::cluster("Connected"),
            samples::cluster("Connecting"),
        ];
        insta::assert_snapshot!(table(Format::Table, &clusters, 200), @r"
        NAME       PHASE       STATE   MEMBERS  RUNNING  VERSION  MESSAGE
        hazelcast  Connected   Active  2        3        5.7.0
        hazelcast  Connecting  -       0        0        -        10.0.0.1:5701: connection refused
        ");
        insta::assert_snapshot!(table(Format::Wide, &clusters, 200), @r"
        NAME       PHASE       STATE   MEMBERS  RUNNING  VERSION  CLUSTER-NAME  CLUSTER-ID  ADDRESSES                    DECLARED                 MESSAGE
        hazelcast  Connected   Active  2        3        5.7.0    dev           5f2b        10.0.0.1:5701,10.0.0.2:5701  jobs/hazelcast.yaml:1:1
        hazelcast  Connecting  -       0        0        -        dev           -           10.0.0.1:5701,10.0.0.2:5701  jobs/hazelcast.yaml:1:1  10.0.0.1:5701: connection refused
        ");
    }

    #[test]
    fn a_hold_says_how_it_ends() {
        let mut holds = samples::drifted().status.holds.clone();
        holds.extend_from_slice(&samples::failed().status.holds);
        insta::assert_snapshot!(table(Format::Table, &holds, 200), @r"
        ID            CLASS    REASON      RESOURCES          MESSAGE
        99459e1e1ab7  Policy   Drifted     JetJob/returns     the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed
        ccd5ebb49012  Waiting  BackingOff  JetJob/word-count  restarted in 40 s (2 of 5)
        ");
        insta::assert_snapshot!(table(Format::Wide, &holds, 250), @r"
        ID            CLASS    REASON      RESOURCES          ENDS    RELEASE                         MESSAGE
        99459e1e1ab7  Policy   Drifted     JetJob/returns     -       jetkeeper confirm 99459e1e1ab7  the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed
        ccd5ebb49012  Waiting  BackingOff  JetJob/word-count  in 40s  -                               restarted in 40 s (2 of 5)
        ");
    }

    #[test]
    fn a_job_that_completed_before_what_is_declared_now_says_so() {
        let says = "another restartNonce runs it with them";
        assert_eq!(message(&samples::outdated()), says);
        assert_eq!(message(&samples::running()), "");
    }

    #[test]
    fn what_is_held_of_a_source_has_no_empty_place() {
        let of_source = Hold::new(Reason::HistoryRewritten, Vec::new(), "why");
        assert_eq!(before_words(&of_source), "");
        let of_job = Hold::new(Reason::Paused, vec![ResourceId::jet_job("a")], "why");
        assert_eq!(before_words(&of_job), "JetJob/a: ");
    }

    #[test]
    fn what_is_said_of_many_is_said_once() {
        let away = |name| {
            Hold::new(
                Reason::ClusterUnreachable,
                vec![ResourceId::jet_job(name)],
                "away",
            )
        };
        let drifted = samples::drifted().status.holds.clone();
        let holds = [&[away("a"), away("b")], &*drifted, &drifted].concat();
        let groups: Vec<String> = grouped(&holds).iter().map(subjects).collect();
        assert_eq!(
            groups,
            ["JetJob/a, JetJob/b", "JetJob/returns", "JetJob/returns"]
        );
    }

    #[test]
    fn a_pause_is_ended_by_the_name_of_its_job_or_by_none() {
        let paused = Hold::new(Reason::Paused, vec![ResourceId::jet_job("orders")], "");
        let command = |release_by| release(&paused.clone().released_by(release_by));
        let one = command(Release::Unpause);
        assert_eq!(one.as_deref(), Some("jetkeeper unpause JetJob/orders"));
        let all = command(Release::UnpauseAll);
        assert_eq!(all.as_deref(), Some("jetkeeper unpause"));
    }

    #[test]
    fn of_many_subjects_the_first_are_named() {
        let jobs = ["a", "b", "c", "d"].map(ResourceId::jet_job);
        let hold = Hold::new(Reason::MassDeletion, jobs.into(), "no");
        assert_eq!(subjects(&hold), "JetJob/a, JetJob/b and 2 more");
    }
}
