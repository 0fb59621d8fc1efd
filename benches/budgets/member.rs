//! A member that only pretends: it accepts every upload, says that the job runs, and later that some
//! of them failed, with a long text. No real one could keep so many jobs beside a measurement.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::client::add_cluster_view_listener::AddClusterViewListener;
use jetkeeper::hazelcast::codec::client::authentication::Authentication;
use jetkeeper::hazelcast::codec::client::ping::Ping;
use jetkeeper::hazelcast::codec::jet::add_job_status_listener::AddJobStatusListener;
use jetkeeper::hazelcast::codec::jet::get_job_and_sql_summary_list::GetJobAndSqlSummaryList;
use jetkeeper::hazelcast::codec::jet::get_job_config::GetJobConfig;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::codec::jet::is_job_user_cancelled::IsJobUserCancelled;
use jetkeeper::hazelcast::codec::jet::remove_job_status_listener::RemoveJobStatusListener;
use jetkeeper::hazelcast::codec::jet::upload_job_meta_data::UploadJobMetaData;
use jetkeeper::hazelcast::codec::jet::upload_job_multipart::UploadJobMultipart;
use jetkeeper::hazelcast::codec::map::entry_set::MapEntrySet;
use jetkeeper::hazelcast::codec::map::get::MapGet;
use jetkeeper::hazelcast::codec::map::put_if_absent::MapPutIfAbsent;
use jetkeeper::hazelcast::codec::map::replace_if_same::MapReplaceIfSame;
use jetkeeper::hazelcast::codec::mc::get_cluster_metadata::GetClusterMetadata;
use jetkeeper::hazelcast::codec::mc::get_member_config::GetMemberConfig;
use jetkeeper::hazelcast::codec::mc::get_timed_member_state::GetTimedMemberState;
use jetkeeper::hazelcast::frame::Frame;
use jetkeeper::hazelcast::message::ClientMessage;
use peer::{Peer, answer, begin, end, event, fixed_frame, null, put_uuid, text};
use tokio::net::TcpStream;
use tokio::sync::watch;
use uuid::Uuid;

#[path = "../../tests/it/hazelcast/peer.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod peer;

const VERSION: &str = "5.7.0";
const RUNNING: i32 = 2;
const FAILED: i32 = 6;
const COMPLETED_AT: i64 = 1_790_000_000_000;
const CONFIG: &str = r#"<?xml version="1.0"?><hazelcast><map name="default"><eviction
    eviction-policy="NONE"/></map><jet enabled="true" resource-upload-enabled="true"/></hazelcast>"#;
const STATE: &str =
    r#"{"timedMemberState":{"memberState":{"memberPartitionState":{"memberStateSafe":true}}}}"#;

/// A configuration as members serialise it, up to its resources; and what comes after them.
const JOB_CONFIG: [&str; 2] = [
    concat!(
        "00000000fffffffe01ffffd8ec00000000ffffffffffffff9caced00057e72002c636f6d2e68617a656c",
        "636173742e6a65742e636f6e6669672e50726f63657373696e6747756172616e74656500000000000000",
        "001200007872000e6a6176612e6c616e672e456e756d000000000000000012000078707400044e4f4e45",
        "0000000000002710010000",
    ),
    concat!(
        "ffffffe000000000ffffffe000000000ffffffe00000000000000000ffffffff0100",
        "ffffffffffffffff0000000000000000",
    ),
];
/// Hazelcast's number for texts among objects.
const STRING: i32 = -11;

/// The member. It ends with the process.
pub(crate) struct FakeMember {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Tells that jobs fail now.
    failing: watch::Sender<bool>,
    failure: Bytes,
}

struct State {
    uploads: BTreeMap<Uuid, Announced>,
    jobs: BTreeMap<i64, Job>,
    ownership: BTreeMap<Bytes, Bytes>,
    /// When it was asked for something other than a sign of life.
    asked_at: Instant,
}

#[derive(Clone)]
struct Announced {
    file_name: String,
    job_name: String,
}

struct Job {
    announced: Announced,
    status: i32,
}

impl FakeMember {
    /// Starts one whose jobs fail with a text of this length.
    pub(crate) fn start(failure_length: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                uploads: BTreeMap::new(),
                jobs: BTreeMap::new(),
                ownership: BTreeMap::new(),
                asked_at: Instant::now(),
            }),
            failing: watch::Sender::new(false),
            failure: vec![b'x'; failure_length].into(),
        });
        let (told, address) = std::sync::mpsc::channel();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let peer = Arc::new(Peer::bind().await);
                told.send(peer.address()).unwrap();
                loop {
                    let session = peer.accept().await;
                    let (peer, shared) = (Arc::clone(&peer), Arc::clone(&serving));
                    tokio::spawn(serve(session, peer, shared));
                }
            });
        });
        let address = address.recv().unwrap();
        Self { address, shared }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many jobs were submitted.
    pub(crate) fn jobs(&self) -> usize {
        self.shared.state().jobs.len()
    }

    /// How long nobody asked for anything.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.shared.state().asked_at.elapsed()
    }

    /// Has all jobs fail whose names begin like this.
    pub(crate) fn fail(&self, prefix: &str) {
        for job in self.shared.state().jobs.values_mut() {
            if job.announced.job_name.starts_with(prefix) {
                job.status = FAILED;
            }
        }
        self.shared.failing.send_replace(true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events that tell those who listen that jobs failed.
    fn failures(&self, listeners: &mut BTreeMap<i64, ClientMessage>) -> Vec<Vec<Frame>> {
        let state = self.state();
        let mut told = Vec::new();
        listeners.retain(|id, request| {
            let failed = state.jobs.get(id).is_some_and(|job| job.status == FAILED);
            if failed {
                let mut fixed = BytesMut::new();
                fixed.put_i64_le(*id);
                fixed.put_i32_le(RUNNING);
                fixed.put_i32_le(FAILED);
                fixed.put_u8(0);
                told.push(event(
                    request,
                    2,
                    &fixed,
                    [Frame::new(self.failure.clone())],
                ));
            }
            !failed
        });
        told
    }
}

async fn serve(mut session: peer::Session<TcpStream>, peer: Arc<Peer>, shared: Arc<Shared>) {
    let mut failing = shared.failing.subscribe();
    let mut listeners = BTreeMap::new();
    loop {
        let request = tokio::select! {
            request = session.read_any() => request,
            changed = failing.changed() => {
                changed.unwrap();
                let events = shared.failures(&mut listeners);
                for frames in events {
                    session.write(&frames).await;
                }
                continue;
            }
        };
        let Some(request) = request else { return };
        if request.message_type() == AddClusterViewListener::TYPE {
            session.write(&answer(&request, &[], [])).await;
            session
                .write(&peer::members_view(&request, 1, &[&peer]))
                .await;
            let all = vec![(peer.uuid, (0..peer::PARTITIONS).collect())];
            session.write(&peer::partitions_view(&request, &all)).await;
            continue;
        }
        if request.message_type() == AddJobStatusListener::TYPE {
            let (mut fields, _) = request.request(AddJobStatusListener::TYPE).unwrap();
            listeners.insert(fields.long("job").unwrap(), request.clone());
        }
        let frames = respond(&request, &peer, &shared);
        session.write(&frames).await;
    }
}

fn respond(request: &ClientMessage, peer: &Peer, shared: &Shared) -> Vec<Frame> {
    let mut state = shared.state();
    let kind = request.message_type();
    if kind != Ping::TYPE {
        state.asked_at = Instant::now();
    }
    let job = || request.request(kind).unwrap().0.long("job").unwrap();
    let mut fixed = BytesMut::new();
    match kind {
        Ping::TYPE => answer(request, &[], []),
        Authentication::TYPE => peer.consent(request),
        GetClusterMetadata::TYPE => {
            fixed.put_u8(0);
            fixed.put_i64_le(0);
            put_uuid(&mut fixed, peer.cluster_id);
            answer(request, &fixed, [text(VERSION), text(VERSION)])
        }
        GetTimedMemberState::TYPE => answer(request, &[], [text(STATE)]),
        GetMemberConfig::TYPE => answer(request, &[], [text(CONFIG)]),
        GetJobAndSqlSummaryList::TYPE => answer(request, &[], list(&state, &shared.failure)),
        GetJobStatus::TYPE => {
            let status = state.jobs.get(&job()).expect("a job of ours").status;
            answer(request, &status.to_le_bytes(), [])
        }
        GetJobConfig::TYPE => {
            let announced = &state.jobs.get(&job()).expect("a job of ours").announced;
            answer(request, &[], [Frame::new(job_config(&announced.file_name))])
        }
        IsJobUserCancelled::TYPE | RemoveJobStatusListener::TYPE => answer(request, &[0], []),
        AddJobStatusListener::TYPE => {
            put_uuid(&mut fixed, Uuid::new_v4());
            answer(request, &fixed, [])
        }
        UploadJobMetaData::TYPE | UploadJobMultipart::TYPE => {
            upload(request, &mut state);
            answer(request, &[], [])
        }
        _ => map(request, &mut state),
    }
}

/// Takes a jar's announcement, or its one part.
fn upload(request: &ClientMessage, state: &mut State) {
    let kind = request.message_type();
    let (mut fields, mut frames) = request.request(kind).unwrap();
    let session = fields.uuid("session").unwrap().unwrap();
    if kind == UploadJobMetaData::TYPE {
        let file_name = frames.string("file name").unwrap();
        frames.skip("digest").unwrap();
        frames.skip("snapshot").unwrap();
        let job_name = frames.string("job name").unwrap();
        let announced = Announced {
            file_name,
            job_name,
        };
        state.uploads.insert(session, announced);
    } else {
        let announced = state.uploads.remove(&session).expect("one part");
        let id = i64::try_from(state.jobs.len()).unwrap() + 1;
        let status = RUNNING;
        state.jobs.insert(id, Job { announced, status });
    }
}

fn list(state: &State, failure: &Bytes) -> Vec<Frame> {
    let mut frames = vec![begin()];
    for (id, job) in &state.jobs {
        let failed = job.status == FAILED;
        let mut fixed = BytesMut::new();
        fixed.put_u8(0);
        fixed.put_i64_le(*id);
        fixed.put_i64_le(*id);
        fixed.put_i32_le(job.status);
        fixed.put_i64_le(COMPLETED_AT - 1_000);
        fixed.put_i64_le(if failed { COMPLETED_AT } else { 0 });
        fixed.put_u8(0);
        frames.extend([begin(), fixed_frame(&fixed), text(&job.announced.job_name)]);
        frames.push(if failed {
            Frame::new(failure.clone())
        } else {
            null()
        });
        frames.extend([null(), null(), end()]);
    }
    frames.push(end());
    frames
}

/// A job's configuration with one resource, its jar.
fn job_config(file_name: &str) -> BytesMut {
    let [before, after] = JOB_CONFIG.map(|text| hex::decode(text).unwrap());
    let resource = format!("{file_name}0123456789.jar");
    let mut bytes = BytesMut::from(before.as_slice());
    bytes.put_i32(1);
    bytes.put_i32(STRING);
    bytes.put_i32(i32::try_from(resource.len()).unwrap());
    bytes.put_slice(resource.as_bytes());
    bytes.put_i32(0);
    bytes.put_slice(&after);
    bytes
}

/// Does what is asked of the ownership map.
fn map(request: &ClientMessage, state: &mut State) -> Vec<Frame> {
    let kind = request.message_type();
    let (_, mut frames) = request.request(kind).unwrap();
    frames.skip("map").unwrap();
    let mut next = || frames.content("key or value").unwrap().clone();
    let held = |held: Option<&Bytes>| held.map_or_else(null, |held| Frame::new(held.clone()));
    let map = &mut state.ownership;
    match kind {
        MapEntrySet::TYPE => {
            let entries = map.iter();
            let entries =
                entries.flat_map(|(key, value)| [key, value].map(|it| Frame::new(it.clone())));
            let entries: Vec<Frame> = [begin()]
                .into_iter()
                .chain(entries)
                .chain([end()])
                .collect();
            answer(request, &[], entries)
        }
        MapGet::TYPE => answer(request, &[], [held(map.get(&next()))]),
        MapPutIfAbsent::TYPE => {
            let (key, value) = (next(), next());
            let before = held(map.get(&key));
            map.entry(key).or_insert(value);
            answer(request, &[], [before])
        }
        MapReplaceIfSame::TYPE => {
            let (key, expected, value) = (next(), next(), next());
            let same = map.get(&key) == Some(&expected);
            if same {
                map.insert(key, value);
            }
            answer(request, &[u8::from(same)], [])
        }
        other => panic!("nobody pretends to know message {other:#08x}"),
    }
}
