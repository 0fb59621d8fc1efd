//! What a broken or hostile member may do, and what the client does then: docs/client.md has the table.

use std::time::Duration;

use bytes::Bytes;
use jetkeeper::hazelcast::codec::client::authentication::Authentication;
use jetkeeper::hazelcast::codec::jet::get_job_and_sql_summary_list::GetJobAndSqlSummaryList;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::codec::jet::terminate_job::TerminateJob;
use jetkeeper::hazelcast::codec::map::size::MapSize;
use jetkeeper::hazelcast::connection::Connection;
use jetkeeper::hazelcast::frame::{Flags, Frame};
use jetkeeper::hazelcast::{Client, ClientConfig, ErrorCode, JobStatus, TerminateMode};
use tokio::net::TcpStream;
use tokio::time::Instant;
use uuid::Uuid;

use super::peer::{Peer, Session, answer, begin, end, finished, fixed_frame, null, text};
use super::scripted::{ScriptedMember, cut_mid_frame, delay, drip, fail, flood, hang_up, silence};
use crate::support::member::Member;
use crate::support::unique;
use crate::support::wait::PATIENCE;

const JOB: GetJobStatus = GetJobStatus { job_id: 7 };
const HUGE: usize = 100 << 20;

fn patience() -> Instant {
    Instant::now() + PATIENCE
}

async fn connect() -> (Connection, Session<TcpStream>) {
    let peer = Peer::bind().await;
    let config = ClientConfig::default();
    let address = peer.address();
    let (connection, session) = tokio::join!(
        Connection::open(&address, &config, Uuid::new_v4()),
        peer.accept_client()
    );
    (connection.unwrap(), session)
}

/// Writes a frame of so many bytes, without ever having them.
async fn write_huge(peer: &mut Session<TcpStream>, flags: Flags, length: usize) {
    let piece = vec![b'x'; 1 << 20];
    let announced = i32::try_from(length + 6).unwrap().to_le_bytes();
    peer.write_bytes(&announced).await;
    peer.write_bytes(&flags.0.to_le_bytes()).await;
    for _ in 0..length / piece.len() {
        peer.write_bytes(&piece).await;
    }
}

async fn still_works(connection: &Connection, peer: &mut Session<TcpStream>) {
    let serve = async {
        let request = peer.expect::<GetJobStatus>().await;
        peer.write(&answer(&request, &2i32.to_le_bytes(), [])).await;
    };
    let (status, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
    assert_eq!(status.unwrap(), JobStatus::Running);
}

#[tokio::test]
async fn the_text_of_an_error_may_have_100_mb() {
    let (connection, mut peer) = connect().await;
    let serve = async {
        let request = peer.expect::<GetJobStatus>().await;
        let id = request.correlation_id().to_le_bytes();
        let first = Frame {
            flags: Flags::UNFRAGMENTED,
            content: [&[0; 4][..], &id, &[0]].concat().into(),
        };
        let code = fixed_frame(&500i32.to_le_bytes());
        peer.write(&[first, begin(), begin(), code, text("x.JetException")])
            .await;
        write_huge(&mut peer, Flags::NONE, HUGE).await;
        peer.write(&finished(vec![begin(), end(), end(), end()]))
            .await;
    };
    let (result, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
    let error = result.unwrap_err();
    assert!(error.has_code(ErrorCode::JET));
    let kept = error.server_error().unwrap().chain[0]
        .message
        .as_ref()
        .unwrap();
    assert_eq!(kept.len(), 4096);
    still_works(&connection, &mut peer).await;
}

#[tokio::test]
async fn the_failure_of_a_listed_job_may_have_100_mb() {
    let (connection, mut peer) = connect().await;
    let serve = async {
        let request = peer.expect::<GetJobAndSqlSummaryList>().await;
        let [mut first] = answer(&request, &[], []).try_into().unwrap();
        first.flags = Flags::UNFRAGMENTED;
        let mut fixed = vec![0; 38];
        fixed[17] = 6;
        let job = [first, begin(), begin(), fixed_frame(&fixed), text("orders")];
        peer.write(&job).await;
        write_huge(&mut peer, Flags::NONE, HUGE).await;
        peer.write(&finished(vec![null(), null(), end(), end()]))
            .await;
    };
    let (jobs, ()) = tokio::join!(connection.call(&GetJobAndSqlSummaryList, patience()), serve);
    let jobs = jobs.unwrap();
    assert_eq!(jobs[0].name_or_id, "orders");
    let limit = ClientConfig::default().max_text_bytes;
    assert_eq!(jobs[0].failure_text.as_ref().unwrap().len(), limit);
    still_works(&connection, &mut peer).await;
}

#[tokio::test]
async fn a_first_frame_of_100_mb_is_skipped() {
    let (connection, mut peer) = connect().await;
    let serve = async {
        peer.expect::<GetJobStatus>().await;
        write_huge(&mut peer, Flags::UNFRAGMENTED.with(Flags::IS_FINAL), HUGE).await;
    };
    let soon = Instant::now() + Duration::from_secs(2);
    let (result, ()) = tokio::join!(connection.call(&JOB, soon), serve);
    assert!(result.unwrap_err().is_deadline(), "it answers to no call");
    still_works(&connection, &mut peer).await;
}

#[tokio::test]
async fn fragments_without_an_end_end_the_connection() {
    let config = ClientConfig {
        max_message_bytes: 1 << 20,
        ..ClientConfig::default()
    };
    for same_id in [true, false] {
        let peer = Peer::bind().await;
        let address = peer.address();
        let (connection, mut session) = tokio::join!(
            Connection::open(&address, &config, Uuid::new_v4()),
            peer.accept_client()
        );
        let connection = connection.unwrap();
        let serve = async {
            session.expect::<GetJobStatus>().await;
            for number in 0..2_000i64 {
                let id = if same_id { 1 } else { number };
                let begins = !same_id || number == 0;
                let flags = if begins {
                    Flags::BEGIN_FRAGMENT
                } else {
                    Flags::NONE
                };
                let header = Frame {
                    flags,
                    content: Bytes::copy_from_slice(&id.to_le_bytes()),
                };
                let fragment = finished(vec![header, Frame::new(vec![0; 1_000])]);
                if session.try_write(&fragment).await.is_err() {
                    return;
                }
            }
        };
        let (result, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
        let error = result.unwrap_err();
        assert!(error.is_connection_lost() && !error.is_certainly_not_sent());
        let cause = connection.closed().await;
        let cause = std::error::Error::source(&cause).and_then(std::error::Error::source);
        let limit = "a message is longer than 1048576 bytes";
        assert_eq!(cause.unwrap().to_string(), limit);
    }
}

fn start(script: &ScriptedMember) -> Client {
    Client::start(ClientConfig {
        cluster_name: Member::shared().cluster_name().to_owned(),
        addresses: vec![script.address()],
        reconnect_initial: Duration::from_millis(20),
        connect_timeout: Duration::from_secs(2),
        ..ClientConfig::default()
    })
}

/// Reads are repeated on the next connection, and after what passes by itself.
#[tokio::test]
async fn reads_get_through_whatever_the_member_does_first() {
    let script = ScriptedMember::before(Member::shared()).await;
    let client = start(&script);
    let map = client.map(unique("read"));
    assert_eq!(map.size().await.unwrap(), 0);
    let not_yet = "com.hazelcast.spi.exception.RetryableHazelcastException";
    for (asked, reaction) in [
        (2, hang_up()),
        (2, cut_mid_frame()),
        (2, fail(46, not_yet, "not yet")),
        (
            2,
            fail(
                62,
                "com.hazelcast.spi.exception.WrongTargetException",
                "moved",
            ),
        ),
        (1, flood(5_000)),
        (1, drip(Duration::from_millis(1))),
        (1, delay(Duration::from_millis(300))),
    ] {
        let before = script.heard::<MapSize>();
        script.on::<MapSize>(1, reaction);
        assert_eq!(map.size().await.unwrap(), 0);
        assert_eq!(script.heard::<MapSize>() - before, asked);
    }
}

#[tokio::test]
async fn what_changes_something_is_sent_once_whatever_happens_to_its_answer() {
    let script = ScriptedMember::before(Member::shared()).await;
    let client = start(&script);
    client.jobs().await.unwrap();
    let hasty = client.with_timeout(Duration::from_millis(500));
    for (number, reaction) in [hang_up(), cut_mid_frame(), silence()]
        .into_iter()
        .enumerate()
    {
        script.on::<TerminateJob>(1, reaction);
        let asked = hasty.terminate(4711, TerminateMode::CancelForceful).await;
        let error = asked.unwrap_err();
        assert!(!error.is_certainly_not_sent(), "{error}");
        client.jobs().await.unwrap();
        assert_eq!(script.heard::<TerminateJob>(), number + 1);
    }
}

#[tokio::test]
async fn a_member_that_never_finishes_its_consent_is_left() {
    let script = ScriptedMember::before(Member::shared()).await;
    script.on::<Authentication>(1, drip(Duration::from_millis(200)));
    script.on::<Authentication>(1, silence());
    let client = start(&script);
    let begun = Instant::now();
    client.jobs().await.unwrap();
    assert_eq!(script.heard::<Authentication>(), 3);
    assert!(
        begun.elapsed() >= Duration::from_secs(4),
        "two deadlines of 2 s"
    );
}
