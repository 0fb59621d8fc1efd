//! Where requests are received, judged by what readers were shown last, and answered after the pass
//! that saw them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::published::Published;
use super::request::{Answer, Envelope, Request, RequestError};
use crate::artifacts::{Artifacts, JarRequest};
use crate::cluster::watch::ClusterWatch;
use crate::plan::hold::{Hold, HoldId, Release};
use crate::plan::record::{Confirmation, Pause, Recorded, SnapshotRecord};
use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
use crate::resources::{Kind, ResourceId};
use crate::source::Source;
use crate::store::Change;

/// How long a reconcile waits for one cluster that is connected but doesn't answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests on their way.
pub(super) struct Desk {
    incoming: mpsc::Receiver<Envelope>,
    received: Vec<Envelope>,
    looks: JoinSet<oneshot::Sender<Answer>>,
}

/// Everything that a person may want looked at.
pub(super) struct Places {
    pub(super) sources: Vec<Arc<dyn Source>>,
    pub(super) watches: Vec<Arc<ClusterWatch>>,
    /// Jars that nobody tells changes of.
    pub(super) jars: Vec<JarRequest>,
    pub(super) artifacts: Arc<dyn Artifacts>,
}

/// Answers to be given once the pass is made.
#[derive(Default)]
pub(super) struct Answers(Vec<(oneshot::Sender<Answer>, Result<(), RequestError>)>);

impl Desk {
    pub(super) fn new(incoming: mpsc::Receiver<Envelope>) -> Self {
        Self {
            incoming,
            received: Vec::new(),
            looks: JoinSet::new(),
        }
    }

    /// Waits for something that the next pass has to see.
    pub(super) async fn next(&mut self, answers: &mut Answers) {
        // In this order, so that a seed replays what comes at one moment.
        tokio::select! {
            biased;
            Some(envelope) = self.incoming.recv() => self.received.push(envelope),
            Some(look) = self.looks.join_next() => answers.looked(look),
            else => std::future::pending().await,
        }
    }

    /// Everything that arrived.
    pub(super) fn received(&mut self, answers: &mut Answers) -> Vec<Envelope> {
        while let Ok(envelope) = self.incoming.try_recv() {
            self.received.push(envelope);
        }
        while let Some(look) = self.looks.try_join_next() {
            answers.looked(look);
        }
        std::mem::take(&mut self.received)
    }

    /// Scans the sources and waits until the clusters were looked at; the pass after that answers. Jars
    /// are looked at too, but a download may take too long to be waited for.
    pub(super) fn look(&mut self, answer: oneshot::Sender<Answer>, places: Places) {
        let Places {
            sources,
            watches,
            jars,
            artifacts,
        } = places;
        self.looks.spawn(async move {
            for jar in &jars {
                artifacts.refetch(jar).await;
            }
            let scans = sources.iter().map(|source| source.rescan());
            futures_util::future::join_all(scans).await;
            let looks = watches.iter().map(|watch| async move {
                // A cluster that can't be looked at is shown as it is; the pass goes on without it.
                drop(tokio::time::timeout(LOOK_TIMEOUT, watch.refreshed()).await);
            });
            futures_util::future::join_all(looks).await;
            answer
        });
    }

    /// Refuses everything from now on.
    pub(super) fn close(&mut self) {
        self.incoming.close();
        self.received.clear();
        while self.incoming.try_recv().is_ok() {}
        self.looks.abort_all();
    }
}

impl Answers {
    pub(super) fn add(&mut self, to: oneshot::Sender<Answer>, answer: Result<(), RequestError>) {
        self.0.push((to, answer));
    }

    fn looked(&mut self, look: Result<oneshot::Sender<Answer>, tokio::task::JoinError>) {
        if let Ok(to) = look {
            self.add(to, Ok(()));
        }
    }

    /// Answers all, with the number of the pass that saw them.
    pub(super) fn give(&mut self, pass: u64) {
        for (to, answer) in self.0.drain(..) {
            // Whoever asked may have gone away.
            drop(to.send(answer.map(|()| pass)));
        }
    }
}

/// Judges a request by what readers were shown last, and writes down what it asks for.
pub(super) fn judge(
    request: Request,
    published: &Published,
    recorded: &Recorded,
    now: Timestamp,
    change: &mut Change,
) -> Result<(), RequestError> {
    match request {
        Request::Reconcile => {}
        Request::Pause {
            resource,
            reason,
            by,
            until,
        } => {
            if let Some(id) = &resource {
                require_pausable(id, published)?;
            }
            if until.is_some_and(|until| until <= now) {
                return Err(invalid(
                    "the pause would end in the past",
                    "give a later time",
                ));
            }
            let since = now;
            let pause = Pause {
                reason,
                by,
                since,
                until,
            };
            change.pause(resource, pause);
        }
        Request::Unpause { resource, by } => {
            require_paused(resource.as_ref(), published)?;
            change.unpause(resource, &format!("by {by}"), now);
        }
        Request::Confirm {
            hold,
            discard_state,
            by,
        } => {
            let found = find(&hold, published)?;
            let confirmation = confirm(found, discard_state, now)?;
            change.confirm(hold, only(&found.subjects), confirmation, &by);
        }
        Request::Snapshot { name, spec } => {
            let record = snapshot(&name, spec, published)?;
            change.snapshots.insert(name, Some(Arc::new(record)));
        }
        Request::Withdraw { name } => {
            let record = withdrawn(&name, recorded)?;
            change.snapshots.insert(name, Some(Arc::new(record)));
        }
        Request::Adopt { resource, by } => {
            require_conflict(&resource, published)?;
            change.adopt(resource, &by, now);
        }
    }
    Ok(())
}

/// What a hold is about, where that is one resource.
fn only(subjects: &[ResourceId]) -> Option<ResourceId> {
    match subjects {
        [subject] => Some(subject.clone()),
        _ => None,
    }
}

fn require_conflict(id: &ResourceId, published: &Published) -> Result<(), RequestError> {
    require_declared(id, published)?;
    let asks = |hold: &Hold| hold.release == Release::Adopt && hold.subjects.contains(id);
    if published.holds.iter().any(asks) {
        return Ok(());
    }
    Err(invalid(
        format!("{id} needs no adoption"),
        "only a job in conflict with a job or owner of the same name is adopted",
    ))
}

/// The record of a snapshot that a person asks for.
fn snapshot(
    name: &str,
    spec: JetJobSnapshotSpec,
    published: &Published,
) -> Result<SnapshotRecord, RequestError> {
    if published.snapshots.contains_key(name) {
        return Err(invalid(
            format!("JetJobSnapshot/{name} is there already"),
            "a snapshot is made once; give another name",
        ));
    }
    let job = ResourceId::jet_job(&*spec.jet_job_resource_name);
    require_declared(&job, published)?;
    Ok(SnapshotRecord::commanded(spec))
}

/// The record of a snapshot that a person asked for and wants no more.
fn withdrawn(name: &str, recorded: &Recorded) -> Result<SnapshotRecord, RequestError> {
    let Some(record) = recorded.snapshots.get(name) else {
        return Err(not_found(
            format!("there is no JetJobSnapshot/{name}"),
            "`jetkeeper get snapshots` shows the names",
        ));
    };
    if !record.commanded {
        return Err(invalid(
            format!("JetJobSnapshot/{name} is declared at {}", record.place),
            "remove its document; with deletionPolicy: Delete the snapshot goes with it",
        ));
    }
    Ok(record.withdrawn())
}

/// A cluster has no plan of its own that could be held.
fn require_pausable(id: &ResourceId, published: &Published) -> Result<(), RequestError> {
    match id.kind {
        Kind::JetJobSnapshot if published.snapshots.contains_key(&id.name) => Ok(()),
        Kind::JetJob | Kind::JetJobSnapshot => require_declared(id, published),
        Kind::Hazelcast => Err(invalid(
            format!("{id} can't be paused"),
            "pause its jobs, or everything: `jetkeeper pause --reason …`",
        )),
    }
}

fn require_paused(what: Option<&ResourceId>, published: &Published) -> Result<(), RequestError> {
    let mut pauses = published.pauses.iter();
    if pauses.any(|(paused, _)| paused.as_ref() == what) {
        return Ok(());
    }
    Err(not_paused(what, published))
}

/// Nothing of that name is paused: what is?
fn not_paused(what: Option<&ResourceId>, published: &Published) -> RequestError {
    let told = what.map_or("everything".to_owned(), ToString::to_string);
    let pauses = published.pauses.iter().map(|(paused, _)| paused);
    let commands: Vec<String> = pauses
        .map(|paused| match paused {
            Some(id) => format!("{id} (`jetkeeper unpause {id}`)"),
            None => "everything (`jetkeeper unpause`)".to_owned(),
        })
        .collect();
    let hint = match commands.as_slice() {
        [] => "nothing is paused".to_owned(),
        commands => format!("paused: {}", commands.join(", ")),
    };
    not_found(format!("{told} is not paused"), hint)
}

fn confirm(hold: &Hold, discard_state: bool, now: Timestamp) -> Result<Confirmation, RequestError> {
    let id = &hold.id;
    match hold.release {
        Release::Confirm => {}
        Release::DiscardState if discard_state => {}
        Release::DiscardState => {
            return Err(invalid(
                format!("hold {id} protects state that would be gone"),
                format!("`jetkeeper confirm {id} --discard-state` if it may go"),
            ));
        }
        Release::Adopt => {
            return Err(invalid(
                format!("hold {id} is released by an adoption"),
                "`jetkeeper adopt NAME` if the job is to be taken over",
            ));
        }
        Release::Unpause | Release::UnpauseAll => {
            let name = match (hold.release, hold.subjects.first()) {
                (Release::Unpause, Some(name)) => format!(" {name}"),
                _ => String::new(),
            };
            return Err(invalid(
                format!("hold {id} is a pause"),
                format!("`jetkeeper unpause{name}` ends it"),
            ));
        }
        Release::None => {
            return Err(invalid(
                format!("hold {id} can't be confirmed away: {}", hold.message),
                "it ends by itself once its cause is gone",
            ));
        }
    }
    // A word that goes further than what was asked is not taken further.
    let discard_state = discard_state && hold.release == Release::DiscardState;
    Ok(Confirmation {
        at: now,
        discard_state,
    })
}

fn find<'a>(id: &HoldId, published: &'a Published) -> Result<&'a Hold, RequestError> {
    published
        .holds
        .iter()
        .find(|hold| hold.id == *id)
        .ok_or_else(|| {
            not_found(
                format!("there is no hold {id}"),
                "a hold's id is void once its document, its job or what it is about changed; look again",
            )
        })
}

fn require_declared(id: &ResourceId, published: &Published) -> Result<(), RequestError> {
    let known = match id.kind {
        Kind::JetJob => published.jobs.contains_key(&id.name),
        Kind::Hazelcast => published.hazelcasts.contains_key(&id.name),
        Kind::JetJobSnapshot => false,
    };
    if known {
        Ok(())
    } else {
        Err(not_found(
            format!("there is no {id}"),
            "`jetkeeper get jobs` shows the names",
        ))
    }
}

pub(super) fn unavailable(message: impl Into<String>) -> RequestError {
    RequestError {
        code: "Unavailable",
        message: message.into(),
        hint: None,
    }
}

fn invalid(message: impl Into<String>, hint: impl Into<String>) -> RequestError {
    RequestError {
        code: "Invalid",
        message: message.into(),
        hint: Some(hint.into()),
    }
}

fn not_found(message: impl Into<String>, hint: impl Into<String>) -> RequestError {
    RequestError {
        code: "NotFound",
        message: message.into(),
        hint: Some(hint.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::{FakeArtifacts, at};
    use crate::plan::event::EventKind;
    use crate::plan::hold::Reason;
    use crate::resources::JarOrigin;

    #[tokio::test]
    async fn a_reconcile_has_remote_jars_looked_at() {
        let (_requests, incoming) = mpsc::channel(1);
        let mut desk = Desk::new(incoming);
        let artifacts = FakeArtifacts::new(true);
        let jar = JarRequest {
            origin: JarOrigin::Bucket {
                uri: "s3://jars".to_owned(),
                jar_name: "orders.jar".to_owned(),
                secret_name: None,
            },
            main_class: None,
        };
        let (answer, mut answered) = oneshot::channel();
        let places = Places {
            sources: Vec::new(),
            watches: Vec::new(),
            jars: vec![jar.clone()],
            artifacts: artifacts.clone(),
        };
        desk.look(answer, places);
        let mut answers = Answers::default();
        desk.next(&mut answers).await;
        answers.give(3);
        assert_eq!(answered.try_recv().unwrap(), Ok(3));
        assert_eq!(*artifacts.refetched.lock().unwrap(), [jar]);
    }

    fn shown(release: Release) -> (Published, HoldId) {
        let resource = ResourceId::jet_job("orders");
        let hold = Hold::new(Reason::Drifted, vec![resource], "why").released_by(release);
        let id = hold.id.clone();
        let published = Published {
            holds: vec![hold].into(),
            ..Published::default()
        };
        (published, id)
    }

    fn confirmed(release: Release, discard_state: bool) -> Result<Confirmation, &'static str> {
        let (published, hold) = shown(release);
        let mut change = Change::default();
        let request = Request::Confirm {
            hold: hold.clone(),
            discard_state,
            by: "ann".to_owned(),
        };
        judge(
            request,
            &published,
            &Recorded::default(),
            at(1),
            &mut change,
        )
        .map_err(|error| error.code)?;
        let [(_, told)] = &*change.events else {
            panic!("{:?}", change.events);
        };
        assert_eq!(told.kind, EventKind::Confirmed);
        assert_eq!(told.resource, Some(ResourceId::jet_job("orders")));
        let confirmation = change.confirmations.remove(&hold).flatten().unwrap();
        let gone = if confirmation.discard_state {
            ", and that state may go"
        } else {
            ""
        };
        let words = format!("hold {hold} is confirmed by ann{gone}");
        assert_eq!(told.message, words);
        Ok(confirmation)
    }

    #[test]
    fn a_confirmation_goes_as_far_as_was_asked_and_no_further() {
        assert!(!confirmed(Release::Confirm, false).unwrap().discard_state);
        assert!(!confirmed(Release::Confirm, true).unwrap().discard_state);
        assert!(
            confirmed(Release::DiscardState, true)
                .unwrap()
                .discard_state
        );
        assert_eq!(confirmed(Release::DiscardState, false), Err("Invalid"));
        for release in [Release::None, Release::Adopt, Release::Unpause] {
            assert_eq!(confirmed(release, true), Err("Invalid"));
        }
    }

    #[test]
    fn what_is_not_there_is_not_found_with_a_hint() {
        let requests = [
            Request::Confirm {
                hold: HoldId("000000000000".to_owned()),
                discard_state: false,
                by: "me".to_owned(),
            },
            Request::Adopt {
                resource: ResourceId::jet_job("nobody"),
                by: "me".to_owned(),
            },
            Request::Unpause {
                resource: None,
                by: "me".to_owned(),
            },
            Request::Withdraw {
                name: "nothing".to_owned(),
            },
        ];
        for request in requests {
            let mut change = Change::default();
            let error = judge(
                request,
                &Published::default(),
                &Recorded::default(),
                at(1),
                &mut change,
            )
            .unwrap_err();
            assert_eq!(error.code, "NotFound");
            assert!(error.hint.is_some() && change.is_empty());
        }
    }

    #[test]
    fn a_pause_that_would_end_in_the_past_is_refused() {
        let pause = |until| Request::Pause {
            resource: None,
            reason: "a look".to_owned(),
            by: "me".to_owned(),
            until,
        };
        let mut change = Change::default();
        let (shown, recorded) = (Published::default(), Recorded::default());
        assert!(judge(pause(Some(at(1))), &shown, &recorded, at(1), &mut change).is_err());
        assert!(judge(pause(Some(at(2))), &shown, &recorded, at(1), &mut change).is_ok());
        assert_eq!(change.pauses.len(), 1);
    }
}
