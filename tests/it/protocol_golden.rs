//! Every message of the client against the protocol's own binary compatibility files: requests byte
//! for byte, responses and events by their values, for protocol 2.6 (Hazelcast 5.3) to 2.10 (5.7).
//!
//! In those files every parameter of a type has the same value; in the `null` files every parameter
//! that may be absent is. They come out of the Java member's tests jar and are never committed.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use bytes::{Bytes, BytesMut};
use jetkeeper::hazelcast::assembler::MessageAssembler;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::client::add_cluster_view_listener::{
    self, AddClusterViewListener, ClusterViewEvent,
};
use jetkeeper::hazelcast::codec::client::authentication::Authentication;
use jetkeeper::hazelcast::codec::client::create_proxy::CreateProxy;
use jetkeeper::hazelcast::codec::client::destroy_proxy::DestroyProxy;
use jetkeeper::hazelcast::codec::client::ping::Ping;
use jetkeeper::hazelcast::codec::jet::add_job_status_listener::{self, AddJobStatusListener};
use jetkeeper::hazelcast::codec::jet::export_snapshot::ExportSnapshot;
use jetkeeper::hazelcast::codec::jet::get_job_and_sql_summary_list::GetJobAndSqlSummaryList;
use jetkeeper::hazelcast::codec::jet::get_job_config::GetJobConfig;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::codec::jet::get_job_suspension_cause::GetJobSuspensionCause;
use jetkeeper::hazelcast::codec::jet::is_job_user_cancelled::IsJobUserCancelled;
use jetkeeper::hazelcast::codec::jet::remove_job_status_listener::RemoveJobStatusListener;
use jetkeeper::hazelcast::codec::jet::resume_job::ResumeJob;
use jetkeeper::hazelcast::codec::jet::terminate_job::TerminateJob;
use jetkeeper::hazelcast::codec::jet::update_job_config::UpdateJobConfig;
use jetkeeper::hazelcast::codec::jet::upload_job_meta_data::UploadJobMetaData;
use jetkeeper::hazelcast::codec::jet::upload_job_multipart::UploadJobMultipart;
use jetkeeper::hazelcast::codec::map::clear::MapClear;
use jetkeeper::hazelcast::codec::map::delete::MapDelete;
use jetkeeper::hazelcast::codec::map::entry_set::MapEntrySet;
use jetkeeper::hazelcast::codec::map::fetch_entries::{EntryBatch, MapFetchEntries};
use jetkeeper::hazelcast::codec::map::fetch_keys::{KeyBatch, MapFetchKeys};
use jetkeeper::hazelcast::codec::map::get::MapGet;
use jetkeeper::hazelcast::codec::map::put_all::MapPutAll;
use jetkeeper::hazelcast::codec::map::put_if_absent::MapPutIfAbsent;
use jetkeeper::hazelcast::codec::map::remove_if_same::MapRemoveIfSame;
use jetkeeper::hazelcast::codec::map::replace_if_same::MapReplaceIfSame;
use jetkeeper::hazelcast::codec::map::set::MapSet;
use jetkeeper::hazelcast::codec::map::size::MapSize;
use jetkeeper::hazelcast::codec::mc::get_cluster_metadata::GetClusterMetadata;
use jetkeeper::hazelcast::codec::mc::get_map_config::GetMapConfig;
use jetkeeper::hazelcast::codec::mc::get_member_config::GetMemberConfig;
use jetkeeper::hazelcast::codec::mc::get_timed_member_state::GetTimedMemberState;
use jetkeeper::hazelcast::codec::mc::read_metrics::{MetricsBatch, ReadMetrics};
use jetkeeper::hazelcast::frame::{Flags, FrameCodec};
use jetkeeper::hazelcast::job::{JobStatus, JobStatusEvent, JobSummary};
use jetkeeper::hazelcast::management::{ClusterMetadata, ClusterStatus, MapConfig};
use jetkeeper::hazelcast::message::ClientMessage;
use jetkeeper::hazelcast::{Data, Member};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::support::fixture;

const VERSIONS: [u32; 5] = [6, 7, 8, 9, 10];
const TEXT: &str = "localhost";
const INT: i32 = 25;
const LONG: i64 = -50_992_225;
const BYTE: u8 = 113;
const NO_PARTITION: i32 = -1;
const LIMIT: usize = 1 << 20;

/// The messages of one file, by type.
pub(crate) struct Golden {
    pub(crate) minor: u32,
    pub(crate) null: bool,
    messages: HashMap<i32, ClientMessage>,
}

impl Golden {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        VERSIONS
            .into_iter()
            .flat_map(|minor| [false, true].map(|null| Self::read(minor, null)))
    }

    fn read(minor: u32, null: bool) -> Self {
        let messages = assemble(&[&bytes_of(minor, null)])
            .into_iter()
            .map(|message| (message.message_type(), message))
            .collect();
        Self {
            minor,
            null,
            messages,
        }
    }

    pub(crate) fn message(&self, message_type: i32) -> &ClientMessage {
        self.messages
            .get(&message_type)
            .unwrap_or_else(|| panic!("2.{} has no message {message_type:#08x}", self.minor))
    }

    /// A value that is absent in the files of absent values.
    fn nullable<T>(&self, value: T) -> Option<T> {
        (!self.null).then_some(value)
    }

    /// The request must be the file's, frame by frame.
    fn request<R: Request>(&self, request: &R) {
        let ours = through_the_wire(&request.encode_request());
        assert_eq!(
            &ours,
            self.message(R::TYPE),
            "{} in 2.{}",
            R::NAME,
            self.minor
        );
    }

    /// What the file's response to this request holds.
    pub(crate) fn response<R: Request>(&self) -> R::Response {
        R::decode_response(self.message(R::TYPE + 1))
            .unwrap_or_else(|error| panic!("{} in 2.{}: {error}", R::NAME, self.minor))
    }
}

pub(crate) fn bytes_of(minor: u32, null: bool) -> Vec<u8> {
    let jar = File::open(fixture("hazelcast-5.7.0-tests.jar")).unwrap();
    let infix = if null { ".null" } else { "" };
    let name = format!("2.{minor}.protocol.compatibility{infix}.binary");
    let mut bytes = Vec::new();
    zip::ZipArchive::new(jar)
        .unwrap()
        .by_name(&name)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// Messages of a stream that arrives in these pieces.
fn assemble(pieces: &[&[u8]]) -> Vec<ClientMessage> {
    let codec = FrameCodec::new(LIMIT);
    let mut assembler = MessageAssembler::new(LIMIT);
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(frame) = codec.decode(&mut buffer).unwrap() {
            messages.extend(assembler.push(frame).unwrap());
        }
    }
    assert!(buffer.is_empty(), "{} bytes are left over", buffer.len());
    messages
}

pub(crate) fn through_the_wire(message: &ClientMessage) -> ClientMessage {
    let mut bytes = BytesMut::new();
    message.encode(&FrameCodec::new(LIMIT), &mut bytes).unwrap();
    assert_eq!(bytes.len(), message.wire_len());
    let mut messages = assemble(&[&bytes]);
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

fn uuid() -> Uuid {
    Uuid::from_u64_pair(123_456_789, 987_654_321)
}

fn data() -> Data {
    Data::from(Bytes::from_static(b"111313123131313131"))
}

fn text() -> String {
    TEXT.to_owned()
}

fn member() -> Member {
    Member {
        uuid: uuid(),
        address: format!("{TEXT}:{INT}"),
        version: format!("{BYTE}.{BYTE}.{BYTE}"),
        lite: true,
    }
}

#[test]
fn every_message_is_found_however_the_stream_is_split() {
    const COUNTS: [usize; 5] = [912, 948, 981, 985, 985];
    let mut random = StdRng::seed_from_u64(20_260_803);
    for (minor, count) in VERSIONS.into_iter().zip(COUNTS) {
        for null in [false, true] {
            let bytes = bytes_of(minor, null);
            let whole = assemble(&[&bytes]);
            assert_eq!(whole.len(), count, "2.{minor}");
            for longest in [1, 7, 100, 5_000] {
                let mut pieces = Vec::new();
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let at = random.random_range(1..=longest).min(rest.len());
                    let (piece, after) = rest.split_at(at);
                    pieces.push(piece);
                    rest = after;
                }
                assert!(
                    assemble(&pieces) == whole,
                    "2.{minor} in pieces of at most {longest}"
                );
            }
        }
    }
}

#[test]
fn authentication() {
    for golden in Golden::all() {
        let labels = [text()];
        let request = Authentication {
            cluster_name: TEXT,
            username: golden.nullable(TEXT),
            password: golden.nullable(TEXT),
            client_uuid: uuid(),
            client_type: TEXT,
            client_version: TEXT,
            client_name: TEXT,
            labels: &labels,
        };
        let ours = through_the_wire(&request.encode_request());
        let theirs = golden.message(Authentication::TYPE);
        // The client always has an id, its serialisation version is a constant, and the fields of 2.8
        // are not sent.
        let (ours_first, first) = (&ours.frames()[0].content, &theirs.frames()[0].content);
        assert_eq!(ours_first.len(), 34);
        assert_eq!((ours_first[33], first[33]), (1, BYTE));
        let same = if golden.null { 16 } else { 33 };
        assert_eq!(ours_first[..same], first[..same]);
        assert_eq!(ours.frames()[1..], theirs.frames()[1..]);

        let response = golden.response::<Authentication<'_>>();
        assert_eq!(
            (response.status, response.serialization_version),
            (BYTE, BYTE)
        );
        assert_eq!(response.member_uuid, golden.nullable(uuid()));
        assert_eq!(response.cluster_id, Some(uuid()));
        assert_eq!(response.partition_count, INT);
        assert_eq!(response.address, golden.nullable(format!("{TEXT}:{INT}")));
        assert_eq!(response.server_version, TEXT);
        let (list_version, members) = if golden.minor < 7 {
            (None, Vec::new())
        } else {
            (Some(INT), vec![member()])
        };
        assert_eq!(
            (response.member_list_version, response.members),
            (list_version, members)
        );
    }
}

#[test]
fn ping_and_cluster_view() {
    for golden in Golden::all() {
        golden.request(&Ping);
        golden.response::<Ping>();
        golden.request(&AddClusterViewListener);
        golden.response::<AddClusterViewListener>();
        let event = |kind| {
            let message = golden.message(AddClusterViewListener::TYPE + kind);
            assert!(message.is_event());
            add_cluster_view_listener::decode_event(message).unwrap()
        };
        let members = vec![member()];
        assert_eq!(
            event(2),
            ClusterViewEvent::Members {
                version: INT,
                members
            }
        );
        let owners = vec![(uuid(), vec![INT])];
        assert_eq!(
            event(3),
            ClusterViewEvent::Partitions {
                version: INT,
                owners
            }
        );
        if golden.minor >= 8 {
            assert!(matches!(event(4), ClusterViewEvent::Other(0x0304)));
            let version = ClusterViewEvent::ClusterVersion {
                major: BYTE,
                minor: BYTE,
            };
            assert_eq!(event(5), version);
        }
    }
}

#[test]
fn reading_jobs() {
    for golden in Golden::all() {
        golden.request(&GetJobAndSqlSummaryList);
        let summary = JobSummary {
            light: true,
            job_id: LONG,
            execution_id: LONG,
            status: JobStatus::Running,
            submission_time: LONG,
            completion_time: LONG,
            user_cancelled: false,
            name_or_id: text(),
            failure_text: Some(text()),
            sql_query: Some(text()),
            suspension_cause: Some(text()),
        };
        assert_eq!(golden.response::<GetJobAndSqlSummaryList>(), [summary]);
        golden.request(&GetJobStatus { job_id: LONG });
        assert_eq!(golden.response::<GetJobStatus>(), JobStatus::Unknown(INT));
        golden.request(&GetJobConfig {
            job_id: LONG,
            light_job_coordinator: golden.nullable(uuid()),
        });
        assert_eq!(golden.response::<GetJobConfig>(), data());
        golden.request(&GetJobSuspensionCause { job_id: LONG });
        assert_eq!(golden.response::<GetJobSuspensionCause>(), data());
        golden.request(&IsJobUserCancelled { job_id: LONG });
        assert!(golden.response::<IsJobUserCancelled>());
    }
}

#[test]
fn changing_jobs() {
    for golden in Golden::all() {
        golden.request(&TerminateJob {
            job_id: LONG,
            terminate_mode: INT,
            light_job_coordinator: golden.nullable(uuid()),
        });
        golden.response::<TerminateJob>();
        golden.request(&ResumeJob { job_id: LONG });
        golden.response::<ResumeJob>();
        golden.request(&UpdateJobConfig {
            job_id: LONG,
            delta: &data(),
        });
        assert_eq!(golden.response::<UpdateJobConfig<'_>>(), data());
    }
}

#[test]
fn uploading() {
    for golden in Golden::all() {
        golden.request(&UploadJobMetaData {
            session_id: uuid(),
            jar_on_member: true,
            file_name: TEXT,
            sha256_hex: TEXT,
            snapshot_name: golden.nullable(TEXT),
            job_name: golden.nullable(TEXT),
            main_class: golden.nullable(TEXT),
            job_parameters: &[text()],
        });
        golden.response::<UploadJobMetaData<'_>>();
        golden.request(&UploadJobMultipart {
            session_id: uuid(),
            current_part_number: INT,
            total_part_number: INT,
            part_size: INT,
            part_data: Bytes::from_static(&[BYTE]),
            sha256_hex: TEXT,
        });
        golden.response::<UploadJobMultipart<'_>>();
    }
}

#[test]
fn listening_to_jobs() {
    for golden in Golden::all() {
        golden.request(&AddJobStatusListener {
            job_id: LONG,
            light_job_coordinator: golden.nullable(uuid()),
            local_only: true,
        });
        assert_eq!(
            golden.response::<AddJobStatusListener>(),
            golden.nullable(uuid())
        );
        let event = golden.message(AddJobStatusListener::TYPE + 2);
        assert!(event.is_event());
        assert_eq!(
            add_job_status_listener::decode_event(event).unwrap(),
            Some(JobStatusEvent {
                job_id: LONG,
                previous: JobStatus::Unknown(INT),
                new: JobStatus::Unknown(INT),
                user_requested: true,
                description: golden.nullable(text()),
            })
        );
        golden.request(&RemoveJobStatusListener {
            job_id: LONG,
            registration_id: uuid(),
        });
        assert!(golden.response::<RemoveJobStatusListener>());
    }
}

#[test]
fn maps() {
    let (partition_id, thread_id, map_name) = (NO_PARTITION, LONG, TEXT);
    let key = &data();
    for golden in Golden::all() {
        golden.request(&MapGet {
            partition_id,
            thread_id,
            map_name,
            key,
        });
        assert_eq!(golden.response::<MapGet<'_>>(), golden.nullable(data()));
        golden.request(&MapPutIfAbsent {
            partition_id,
            thread_id,
            ttl: LONG,
            map_name,
            key,
            value: key,
        });
        assert_eq!(
            golden.response::<MapPutIfAbsent<'_>>(),
            golden.nullable(data())
        );
        golden.request(&MapReplaceIfSame {
            partition_id,
            thread_id,
            map_name,
            key,
            expected: key,
            value: key,
        });
        assert!(golden.response::<MapReplaceIfSame<'_>>());
        golden.request(&MapRemoveIfSame {
            partition_id,
            thread_id,
            map_name,
            key,
            expected: key,
        });
        assert!(golden.response::<MapRemoveIfSame<'_>>());
        golden.request(&MapEntrySet { map_name });
        assert_eq!(golden.response::<MapEntrySet<'_>>(), [(data(), data())]);
        golden.request(&MapSize { map_name });
        assert_eq!(golden.response::<MapSize<'_>>(), INT);
    }
}

#[test]
fn copying_maps() {
    let (partition_id, map_name) = (NO_PARTITION, TEXT);
    for golden in Golden::all() {
        golden.request(&MapFetchEntries {
            partition_id,
            map_name,
            pointers: &[(INT, INT)],
            batch: INT,
        });
        assert_eq!(
            golden.response::<MapFetchEntries<'_>>(),
            EntryBatch {
                pointers: vec![(INT, INT)],
                entries: vec![(data(), data())],
            }
        );
        golden.request(&MapFetchKeys {
            partition_id,
            map_name,
            pointers: &[(INT, INT)],
            batch: INT,
        });
        assert_eq!(
            golden.response::<MapFetchKeys<'_>>(),
            KeyBatch {
                pointers: vec![(INT, INT)],
                keys: vec![data()],
            }
        );
        golden.request(&MapPutAll {
            partition_id,
            map_name,
            trigger_map_loader: true,
            entries: &[(data(), data())],
        });
        golden.response::<MapPutAll<'_>>();
    }
}

#[test]
fn changing_copies() {
    let (thread_id, map_name, key) = (LONG, TEXT, &data());
    for golden in Golden::all() {
        golden.request(&MapSet {
            partition_id: NO_PARTITION,
            thread_id,
            ttl: LONG,
            map_name,
            key,
            value: key,
        });
        golden.response::<MapSet<'_>>();
        golden.request(&MapDelete {
            partition_id: NO_PARTITION,
            thread_id,
            map_name,
            key,
        });
        golden.response::<MapDelete<'_>>();
        golden.request(&MapClear { map_name });
        golden.response::<MapClear<'_>>();
        let (name, service_name) = (TEXT, TEXT);
        golden.request(&CreateProxy { name, service_name });
        golden.response::<CreateProxy<'_>>();
        golden.request(&DestroyProxy { name, service_name });
        golden.response::<DestroyProxy<'_>>();
        golden.request(&ExportSnapshot {
            job_id: LONG,
            name,
            cancel_job: true,
        });
        golden.response::<ExportSnapshot<'_>>();
    }
}

#[test]
fn management() {
    for golden in Golden::all() {
        golden.request(&ReadMetrics {
            member: uuid(),
            from_sequence: LONG,
        });
        assert_eq!(
            golden.response::<ReadMetrics>(),
            MetricsBatch {
                next_sequence: LONG,
                blobs: vec![Bytes::from_static(&[BYTE])],
            }
        );
        golden.request(&GetClusterMetadata);
        assert_eq!(
            golden.response::<GetClusterMetadata>(),
            ClusterMetadata {
                state: ClusterStatus::Unknown(BYTE),
                cluster_time: LONG,
                cluster_id: Some(uuid()),
                member_version: text(),
                jet_version: golden.nullable(text()),
            }
        );
        golden.request(&GetMemberConfig);
        assert_eq!(golden.response::<GetMemberConfig>(), TEXT);
        golden.request(&GetTimedMemberState);
        assert_eq!(
            golden.response::<GetTimedMemberState>(),
            golden.nullable(text())
        );
        golden.request(&GetMapConfig { map_name: TEXT });
        assert_eq!(
            golden.response::<GetMapConfig<'_>>(),
            MapConfig {
                in_memory_format: INT,
                backup_count: INT,
                async_backup_count: INT,
                time_to_live_seconds: INT,
                max_idle_seconds: INT,
                max_size: INT,
                max_size_policy: INT,
                read_backup_data: true,
                eviction_policy: INT,
                merge_policy: text(),
            }
        );
    }
}

/// A file's first frames say whether a message is whole; the client never sends fragments.
#[test]
fn requests_are_never_fragmented() {
    let ping = through_the_wire(&Ping.encode_request());
    assert!(ping.frames()[0].flags.has(Flags::UNFRAGMENTED));
    assert!(ping.frames()[0].flags.has(Flags::IS_FINAL));
}
