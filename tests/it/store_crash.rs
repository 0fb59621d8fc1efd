//! The store of a process that is killed: whatever it was told to be durable is there afterwards.
//!
//! The child is this test binary, told by its environment to commit until it is killed. A kill loses
//! nothing that reached the kernel, so this shows that commits are atomic and that sled opens again;
//! that they also survive a loss of power rests on the fsync in each, which no test here can show.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use jetkeeper::clock::{Entropy, Random, SystemClock};
use jetkeeper::plan::event::{Event, EventKind};
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::record::{Recorded, SourceRecord};
use jetkeeper::plan::step::{Action, Expectation, Outcome, Remember, Step};
use jetkeeper::resources::{ResourceId, SourceName};
use jetkeeper::store::{Change, JournalEvent, SledStore, Store, StoreError};
use jiff::Timestamp;
use uuid::Uuid;

const CHILD_DIR: &str = "JETKEEPER_STORE_CRASH_DIR";
const PATIENCE: Duration = Duration::from_mins(1);

async fn open(dir: &Path) -> Result<SledStore, StoreError> {
    SledStore::open(dir, &SystemClock, &Random::from_os()).await
}

/// The change of this number: an event, a record and a step's intent or outcome, all of which tell
/// the number.
fn change(number: u64) -> Change {
    let at = Timestamp::UNIX_EPOCH;
    let step = Step {
        resource: ResourceId::jet_job("orders"),
        generation: number.div_ceil(2),
        cluster: "hazelcast".to_owned(),
        job_name: "orders".to_owned(),
        expects: Expectation {
            cluster_id: Uuid::nil(),
            master: None,
            min_members: None,
            job: None,
            only_active: None,
            snapshot: None,
            uncommitted: None,
            keeper: None,
        },
        action: Action::Suspend { job: JobId(1) },
        remember: Remember::default(),
        timeout: Duration::from_secs(1),
    };
    let event = Event {
        kind: EventKind::Running,
        resource: None,
        message: number.to_string(),
        revision: None,
    };
    let record = SourceRecord::new(number.to_string(), at);
    let source = SourceName(format!("source-{}", number % 7));
    Change {
        journal: vec![JournalEvent {
            at,
            step_id: step.id(),
            step: Arc::new(step),
            outcome: number.is_multiple_of(2).then_some(Outcome::Done),
        }],
        events: vec![(at, event)],
        sources: BTreeMap::from([(source, Some(Arc::new(record)))]),
        ..Change::default()
    }
}

/// The child's part; nothing to do in an ordinary run of the tests.
#[tokio::test]
async fn child_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let store = open(Path::new(&dir)).await.unwrap();
    store.load().await.unwrap();
    let newest = store.events(1).await.unwrap();
    println!("open");
    for number in newest.first().map_or(1, |entry| entry.seq + 1).. {
        store.commit(&change(number)).await.unwrap();
        println!("acknowledged {number}");
    }
}

/// A child that commits, and what it says.
struct Committer {
    child: Child,
    said: Receiver<String>,
}

impl Committer {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store_crash::child_commits_until_it_is_killed"])
            .args(["--nocapture", "--test-threads=1"])
            .env(CHILD_DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if say.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, said }
    }

    /// Waits until it says this; gives the last commit that it said before.
    fn wait_for(&self, wanted: impl Fn(&str) -> bool) {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap();
            if wanted(&line) {
                return;
            }
        }
    }

    /// Kills it, and gives the last commit that it acknowledged after the last wait.
    fn kill(mut self) -> Option<u64> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let rest = self.said.into_iter();
        rest.filter_map(|line| number_of(&line)).last()
    }
}

fn number_of(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let random = Random::from_seed(3);
    let mut live = open(dir.path()).await.unwrap().load().await.unwrap();
    let mut last = 0;
    for round in 0..10 {
        let committer = Committer::start(dir.path());
        // Now and then it is killed while it opens.
        let mut acknowledged = last;
        if round % 4 != 3 {
            acknowledged += 1 + random.next_u64() % 40;
            committer.wait_for(|line| number_of(line) == Some(acknowledged));
        }
        let acknowledged = committer.kill().unwrap_or(acknowledged);

        let store = open(dir.path()).await.unwrap();
        let newest = store.events(1).await.unwrap();
        let found = newest.first().map_or(0, |entry| entry.seq);
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "round {round}: {acknowledged} acknowledged, {found} found"
        );
        for number in last + 1..=found {
            change(number).apply(&mut live);
        }
        assert_same(&store.load().await.unwrap(), &live, round);
        last = found;
    }
    assert!(last >= 8, "only {last} commits");
}

fn assert_same(found: &Recorded, live: &Recorded, round: u32) {
    assert_eq!(found, live, "round {round}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_told_who_has_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let committer = Committer::start(dir.path());
    committer.wait_for(|line| line == "open" || line.ends_with("... open"));
    let Err(error) = open(dir.path()).await else {
        panic!("opened twice");
    };
    let holder = format!("in use by process {};", committer.child.id());
    assert!(error.to_string().contains(&holder), "{error}");
    committer.kill();
    open(dir.path()).await.unwrap();
}
