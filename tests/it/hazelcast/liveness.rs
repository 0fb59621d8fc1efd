//! Heartbeats, on in-memory streams under a paused clock.

use std::time::Duration;

use jetkeeper::hazelcast::ClientConfig;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::client::ping::Ping;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::connection::Connection;
use tokio::io::DuplexStream;
use tokio::time::Instant;
use uuid::Uuid;

use super::peer::{CLUSTER, Session, answer, consent};

const JOB: GetJobStatus = GetJobStatus { job_id: 7 };

async fn connect() -> (Connection, Session<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let mut session = Session::new(theirs);
    let config = ClientConfig::default();
    let serve = async {
        let request = session.read().await;
        session
            .write(&consent(&request, Uuid::new_v4(), CLUSTER, "5.7.0"))
            .await;
    };
    let client = Uuid::new_v4();
    let (connection, ()) = tokio::join!(Connection::over(ours, "memory:1", &config, client), serve);
    (connection.unwrap(), session)
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_after_the_timeout() {
    let (connection, mut peer) = connect().await;
    let begun = Instant::now();
    let hours = Instant::now() + Duration::from_hours(5);
    let watch = async {
        let mut pings = 0;
        while let Some(message) = peer.read_any().await {
            pings += usize::from(message.message_type() == Ping::TYPE);
        }
        pings
    };
    let (result, pings) = tokio::join!(connection.call(&JOB, hours), watch);
    let error = result.unwrap_err();
    assert!(error.is_connection_lost());
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "nothing was read for 60s");
    assert!(
        begun.elapsed() >= Duration::from_mins(1),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(61),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(pings, 11, "one ping every 5 s");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept() {
    let (connection, mut peer) = connect().await;
    let late = async {
        let request = peer.expect::<GetJobStatus>().await;
        let answer_at = Instant::now() + Duration::from_mins(10);
        loop {
            tokio::select! {
                message = peer.read_any() => {
                    let ping = message.expect("the client hung up");
                    assert_eq!(ping.message_type(), Ping::TYPE);
                    peer.write(&answer(&ping, &[], [])).await;
                }
                () = tokio::time::sleep_until(answer_at) => break,
            }
        }
        peer.write(&answer(&request, &2i32.to_le_bytes(), [])).await;
    };
    let hours = Instant::now() + Duration::from_hours(1);
    let (result, ()) = tokio::join!(connection.call(&JOB, hours), late);
    assert!(result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_does_not_keep_calls_beyond_their_deadline() {
    let (connection, _peer) = connect().await;
    let calls = (0..5_000).map(|_| {
        let connection = connection.clone();
        tokio::spawn(async move {
            connection
                .call(&JOB, Instant::now() + Duration::from_secs(10))
                .await
        })
    });
    let calls: Vec<_> = calls.collect();
    let mut unsent = 0;
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        unsent += usize::from(error.is_certainly_not_sent());
    }
    assert!(unsent > 0, "more was taken than the stream can hold");
    assert!(connection.is_open());
}
