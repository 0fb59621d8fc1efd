//! One connection: answers, deadlines, ids, events, and bytes that are no protocol.

use std::time::Duration;

use bytes::Bytes;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::codec::mc::get_member_config::GetMemberConfig;
use jetkeeper::hazelcast::connection::Connection;
use jetkeeper::hazelcast::frame::{Flags, Frame};
use jetkeeper::hazelcast::{AuthenticationError, ClientConfig, ErrorCode, JobStatus};
use tokio::net::TcpStream;
use tokio::time::Instant;
use uuid::Uuid;

use super::peer::{Peer, Session, answer, event, failure, finished, text};
use crate::support::wait::PATIENCE;

const JOB: GetJobStatus = GetJobStatus { job_id: 7 };

fn patience() -> Instant {
    Instant::now() + PATIENCE
}

async fn connect(config: ClientConfig) -> (Connection, Session<TcpStream>) {
    let peer = Peer::bind().await;
    let address = peer.address();
    let (connection, session) = tokio::join!(
        Connection::open(&address, &config, Uuid::new_v4()),
        peer.accept_client()
    );
    (connection.unwrap(), session)
}

/// Causes of an error, outermost first, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn status(value: i32) -> [u8; 4] {
    value.to_le_bytes()
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let serve = async {
        let first = peer.expect::<GetJobStatus>().await;
        let second = peer.expect::<GetJobStatus>().await;
        assert_ne!(first.correlation_id(), second.correlation_id());
        peer.write(&answer(&second, &status(3), [])).await;
        peer.write(&answer(&first, &status(2), [])).await;
    };
    let (first, second, ()) = tokio::join!(
        connection.call(&JOB, patience()),
        connection.call(&JOB, patience()),
        serve
    );
    assert_eq!(
        (first.unwrap(), second.unwrap()),
        (JobStatus::Running, JobStatus::Suspended)
    );
}

#[tokio::test]
async fn an_answer_after_the_deadline_goes_to_nobody() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let error = connection
        .call(&JOB, Instant::now() + Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(error.is_deadline() && error.is_retryable());
    assert!(!error.is_certainly_not_sent(), "the request was on its way");

    let late = peer.expect::<GetJobStatus>().await;
    let serve = async {
        let next = peer.expect::<GetJobStatus>().await;
        peer.write(&answer(&late, &status(6), [])).await;
        peer.write(&answer(&next, &status(2), [])).await;
    };
    let (next, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
    assert_eq!(next.unwrap(), JobStatus::Running);
}

#[tokio::test]
async fn a_dropped_connection_ends_every_call() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let serve = async {
        peer.expect::<GetJobStatus>().await;
        peer.expect::<GetJobStatus>().await;
        drop(peer);
    };
    let (first, second, ()) = tokio::join!(
        connection.call(&JOB, patience()),
        connection.call(&JOB, patience()),
        serve
    );
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert!(error.is_connection_lost() && error.is_retryable());
        assert!(!error.is_certainly_not_sent());
    }
    assert!(connection.closed().await.is_connection_lost());
    let after = connection.call(&JOB, patience()).await.unwrap_err();
    assert!(after.is_connection_lost() && after.is_certainly_not_sent());
}

#[tokio::test]
async fn the_id_of_a_cancelled_call_stays_taken_until_its_answer() {
    let config = ClientConfig {
        max_pending_calls: 1,
        ..ClientConfig::default()
    };
    let (connection, mut peer) = connect(config).await;
    let cancelled = {
        let mut call = std::pin::pin!(connection.call(&JOB, patience()));
        tokio::select! {
            biased;
            result = &mut call => panic!("answered: {result:?}"),
            request = peer.expect::<GetJobStatus>() => request,
        }
    };

    let refused = connection.call(&JOB, patience()).await.unwrap_err();
    assert!(
        refused.is_certainly_not_sent() && refused.is_retryable(),
        "{refused}"
    );

    peer.write(&answer(&cancelled, &status(2), [])).await;
    let serve = async {
        let next = peer.expect::<GetJobStatus>().await;
        assert_ne!(next.correlation_id(), cancelled.correlation_id());
        peer.write(&answer(&next, &status(3), [])).await;
    };
    let again = async {
        loop {
            match connection.call(&JOB, patience()).await {
                Ok(status) => return status,
                Err(error) => assert!(error.is_certainly_not_sent()),
            }
            tokio::task::yield_now().await;
        }
    };
    let (status, ()) = tokio::join!(again, serve);
    assert_eq!(status, JobStatus::Suspended);
}

#[tokio::test]
async fn errors_are_found_anywhere_in_their_chain() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let serve = async {
        let request = peer.expect::<GetJobStatus>().await;
        let chain = [
            (500, "com.hazelcast.jet.JetException", "outer\nsecond line"),
            (0, "java.lang.reflect.InvocationTargetException", ""),
            (
                502,
                "com.hazelcast.jet.core.JobNotFoundException",
                "Job with id 7 not found",
            ),
        ];
        peer.write(&failure(&request, &chain)).await;
    };
    let (result, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
    let error = result.unwrap_err();
    assert!(error.has_code(ErrorCode::JOB_NOT_FOUND) && !error.is_retryable());
    assert_eq!(
        chain(&error),
        "JetGetJobStatus was refused by the member: JetException: outer (caused by \
         JobNotFoundException: Job with id 7 not found)"
    );
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    for (code, expected) in [
        (
            1,
            AuthenticationError::CredentialsFailed {
                cluster_name: "dev".to_owned(),
            },
        ),
        (
            2,
            AuthenticationError::SerializationVersionMismatch { member_version: 1 },
        ),
        (3, AuthenticationError::NotAllowedInCluster),
        (9, AuthenticationError::UnknownStatus(9)),
    ] {
        let peer = Peer::bind().await;
        let (address, config) = (peer.address(), ClientConfig::default());
        let serve = async {
            let mut session = peer.accept().await;
            let request = session.read().await;
            let mut consent = peer.consent(&request);
            let mut first = consent[0].content.to_vec();
            first[13] = code;
            consent[0].content = first.into();
            session.write(&consent).await;
            session.wait_for_end().await;
        };
        let (result, ()) = tokio::join!(Connection::open(&address, &config, Uuid::new_v4()), serve);
        let error = result.unwrap_err();
        assert_eq!(error.authentication(), Some(&expected));
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn fragments_are_merged() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let serve = async {
        let request = peer.expect::<GetMemberConfig>().await;
        let [first, rest] = answer(&request, &[], [text("<hazelcast/>")])
            .try_into()
            .unwrap();
        let id = Bytes::from_static(&[9, 0, 0, 0, 0, 0, 0, 0]);
        for (flags, frame) in [(Flags::BEGIN_FRAGMENT, first), (Flags::END_FRAGMENT, rest)] {
            let header = Frame {
                flags,
                content: id.clone(),
            };
            peer.write(&finished(vec![header, frame])).await;
        }
    };
    let (result, ()) = tokio::join!(connection.call(&GetMemberConfig, patience()), serve);
    assert_eq!(result.unwrap(), "<hazelcast/>");
}

#[tokio::test]
async fn nonsense_ends_the_connection_and_says_so() {
    let endless = [6, 0, 0, 0, 0, 0x10].repeat(2_000);
    let cases: [(&[u8], &str); 5] = [
        (
            &[0xff, 0xff, 0xff, 0x7f, 0, 0xe0],
            "a frame of 2147483647 bytes",
        ),
        (&[0xff, 0xff, 0xff, 0xff, 0, 0xe0], "a frame of -1 bytes"),
        (&[5, 0, 0, 0, 0, 0xe0], "a frame of 5 bytes"),
        (&[8, 0, 0, 0, 0, 0xe0, 1, 2], "message type is cut off"),
        (&endless, "a message is longer than 100000 bytes"),
    ];
    for (bytes, expected) in cases {
        let config = ClientConfig {
            max_message_bytes: 100_000,
            ..ClientConfig::default()
        };
        let (connection, mut peer) = connect(config).await;
        let serve = async {
            peer.expect::<GetJobStatus>().await;
            peer.write_bytes(bytes).await;
            peer.wait_for_end().await;
        };
        let (result, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
        let error = result.unwrap_err();
        assert!(error.is_connection_lost());
        assert!(chain(&error).contains(expected), "{}", chain(&error));
    }
}

#[tokio::test]
async fn what_belongs_to_nobody_is_ignored() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let serve = async {
        let request = peer.expect::<GetJobStatus>().await;
        let mut stranger = request.clone();
        stranger.set_correlation_id(4_711);
        peer.write(&answer(&stranger, &status(6), [])).await;
        peer.write(&event(&stranger, 2, &[], [text("news")])).await;
        peer.write(&event(&request, 2, &[], [])).await;
        peer.write(&failure(&stranger, &[(0, "x.Y", "z")])).await;
        peer.write(&answer(&request, &status(2), [text("of a later version")]))
            .await;
    };
    let (result, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
    assert_eq!(result.unwrap(), JobStatus::Running);
}

#[tokio::test]
async fn an_answer_of_another_type_is_an_error_of_that_call_only() {
    let (connection, mut peer) = connect(ClientConfig::default()).await;
    let serve = async {
        let request = peer.expect::<GetJobStatus>().await;
        let mut wrong = answer(&request, &[], []);
        wrong[0].content = [&[1, 0x15, 0xfe, 0], &request.frames()[0].content[4..]]
            .concat()
            .into();
        peer.write(&wrong).await;
        let request = peer.expect::<GetJobStatus>().await;
        peer.write(&answer(&request, &status(2), [])).await;
    };
    let calls = async {
        let error = connection.call(&JOB, patience()).await.unwrap_err();
        assert!(!error.is_retryable() && !error.is_certainly_not_sent());
        connection.call(&JOB, patience()).await.unwrap()
    };
    let (status, ()) = tokio::join!(calls, serve);
    assert_eq!(status, JobStatus::Running);
}

#[tokio::test]
async fn a_request_that_no_frame_holds_is_refused_here() {
    let config = ClientConfig {
        max_message_bytes: 4_096,
        ..ClientConfig::default()
    };
    let (connection, mut peer) = connect(config).await;
    let long = "x".repeat(10_000);
    let request = jetkeeper::hazelcast::codec::map::size::MapSize { map_name: &long };
    let error = connection.call(&request, patience()).await.unwrap_err();
    assert!(error.is_certainly_not_sent() && !error.is_retryable());
    let serve = async {
        let request = peer.read().await;
        assert_eq!(request.message_type(), GetJobStatus::TYPE);
        peer.write(&answer(&request, &status(2), [])).await;
    };
    let (result, ()) = tokio::join!(connection.call(&JOB, patience()), serve);
    assert_eq!(result.unwrap(), JobStatus::Running);
}
