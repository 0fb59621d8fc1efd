//! The client over several connections: finding members, losing them, and what it repeats.

use std::time::Duration;

use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::jet::add_job_status_listener::AddJobStatusListener;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::codec::jet::remove_job_status_listener::RemoveJobStatusListener;
use jetkeeper::hazelcast::codec::jet::terminate_job::TerminateJob;
use jetkeeper::hazelcast::codec::map::get::MapGet;
use jetkeeper::hazelcast::{
    AuthenticationError, Client, ClientConfig, ClusterState, Data, ErrorCode, JobEvent, JobStatus,
    Link, TerminateMode,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::peer::{Peer, answer, event, failure, members_view, null, partitions_view};
use crate::support::wait::PATIENCE;

fn start(peers: &[&Peer]) -> Client {
    Client::start(config(peers))
}

fn config(peers: &[&Peer]) -> ClientConfig {
    ClientConfig {
        addresses: peers.iter().map(|peer| peer.address()).collect(),
        reconnect_initial: Duration::from_millis(5),
        smart_routing: false,
        ..ClientConfig::default()
    }
}

async fn state(client: &Client, wanted: impl FnMut(&ClusterState) -> bool) -> ClusterState {
    let mut state = client.state();
    let reached = timeout(PATIENCE, state.wait_for(wanted)).await;
    reached.expect("the state comes").unwrap().clone()
}

fn status(status: i32) -> [u8; 4] {
    status.to_le_bytes()
}

#[tokio::test]
async fn the_state_follows_members_and_master() {
    let (one, two) = (Peer::bind().await, Peer::bind().await);
    let client = start(&[&one]);
    assert!(!client.state().borrow().is_connected());
    let mut session = one.accept_client().await;
    let view = session.serve_cluster_view(&[&one, &two]).await;
    let seen = state(&client, ClusterState::is_connected).await;
    assert_eq!(seen.master().map(|member| member.uuid), Some(one.uuid));
    assert_eq!(seen.members[1].address, two.address());
    assert_eq!(
        (seen.members[0].version.as_str(), seen.partition_count),
        ("5.7.0", 271)
    );
    assert_eq!(seen.server_version.as_deref(), Some("5.7.0"));
    let first_master = seen.master_changed.unwrap();

    session.write(&event(&view, 4, &[1], [])).await;
    session.write(&event(&view, 77, &[], [null()])).await;
    session.write(&members_view(&view, 2, &[&two, &one])).await;
    let seen = state(&client, |state| state.member_list_version == 2).await;
    assert_eq!(seen.master().map(|member| member.uuid), Some(two.uuid));
    assert!(seen.master_changed.unwrap() > first_master);
}

#[tokio::test]
async fn a_wrong_cluster_name_is_told_and_tried_again() {
    let peer = Peer::bind().await;
    let client = start(&[&peer]);
    for _ in 0..2 {
        let mut session = peer.accept().await;
        let request = session.read().await;
        let mut refusal = peer.consent(&request);
        let mut first = refusal[0].content.to_vec();
        first[13] = 1;
        refusal[0].content = first.into();
        session.write(&refusal).await;
        let refused = |state: &ClusterState| match &state.link {
            Link::Connecting {
                last_error: Some(error),
            } => matches!(
                error.authentication(),
                Some(AuthenticationError::CredentialsFailed { .. })
            ),
            _ => false,
        };
        state(&client, refused).await;
    }
    let hasty = client.with_timeout(Duration::from_millis(50));
    let error = hasty.jobs().await.unwrap_err();
    assert!(error.is_not_connected() && error.is_certainly_not_sent());
    assert!(
        error.authentication().is_some(),
        "the call says what keeps it from a connection"
    );
}

#[tokio::test]
async fn reads_are_repeated_on_the_next_connection() {
    let peer = Peer::bind().await;
    let client = start(&[&peer]);
    let serve = async {
        let mut session = peer.accept_member_client(&[&peer]).await;
        session.expect::<GetJobStatus>().await;
        drop(session);
        let mut session = peer.accept_member_client(&[&peer]).await;
        let request = session.expect::<GetJobStatus>().await;
        let chain = [(
            46,
            "com.hazelcast.spi.exception.RetryableHazelcastException",
            "not yet",
        )];
        session.write(&failure(&request, &chain)).await;
        let request = session.expect::<GetJobStatus>().await;
        session.write(&answer(&request, &status(2), [])).await;
        session
    };
    let (result, _session) = tokio::join!(client.job_status(7), serve);
    assert_eq!(result.unwrap(), JobStatus::Running);
}

#[tokio::test]
async fn writes_are_sent_once() {
    let peer = Peer::bind().await;
    let client = start(&[&peer]);
    let serve = async {
        let mut session = peer.accept_member_client(&[&peer]).await;
        session.expect::<TerminateJob>().await;
        drop(session);
        let mut session = peer.accept_member_client(&[&peer]).await;
        let request = session.expect::<TerminateJob>().await;
        let chain = [(
            46,
            "com.hazelcast.spi.exception.RetryableHazelcastException",
            "not yet",
        )];
        session.write(&failure(&request, &chain)).await;
        session
    };
    let calls = async {
        let lost = client
            .terminate(7, TerminateMode::SuspendGraceful)
            .await
            .unwrap_err();
        assert!(lost.is_connection_lost() && !lost.is_certainly_not_sent());
        let refused = client
            .terminate(7, TerminateMode::SuspendGraceful)
            .await
            .unwrap_err();
        assert!(refused.has_code(ErrorCode::RETRYABLE_HAZELCAST) && refused.is_retryable());
    };
    let ((), mut session) = tokio::join!(calls, serve);
    client.shutdown().await;
    assert!(session.read_any().await.is_none(), "nothing more was sent");
}

#[tokio::test]
async fn a_lost_member_is_replaced_by_another() {
    let (one, two) = (Peer::bind().await, Peer::bind().await);
    let client = start(&[&one]);
    let session = one.accept_member_client(&[&one, &two]).await;
    state(&client, ClusterState::is_connected).await;
    drop((session, one));

    let mut session = two.accept_member_client(&[&two]).await;
    let serve = async {
        let request = session.expect::<GetJobStatus>().await;
        session.write(&answer(&request, &status(2), [])).await;
    };
    let (result, ()) = tokio::join!(client.job_status(7), serve);
    assert_eq!(result.unwrap(), JobStatus::Running);
}

#[tokio::test]
async fn a_new_cluster_id_is_told() {
    let mut peer = Peer::bind().await;
    let before = peer.cluster_id;
    let client = start(&[&peer]);
    let session = peer.accept_member_client(&[&peer]).await;
    state(&client, |state| state.cluster_id == Some(before)).await;
    drop(session);

    peer.cluster_id = Uuid::from_u128(0xc2);
    peer.uuid = Uuid::new_v4();
    let _session = peer.accept_member_client(&[&peer]).await;
    let seen = state(&client, |state| state.cluster_id == Some(peer.cluster_id)).await;
    assert_eq!(seen.previous_cluster_id, Some(before));
}

#[tokio::test]
async fn the_known_cluster_goes_before_another_that_answers_earlier() {
    let (one, mut two) = (Peer::bind().await, Peer::bind().await);
    two.cluster_id = Uuid::from_u128(0xc2);
    let client = start(&[&two, &one]);
    // At first only `one` answers, so that its cluster is the known one.
    let refused = async { drop(two.accept().await) };
    let members = [&one];
    let ((), session) = tokio::join!(refused, one.accept_member_client(&members));
    state(&client, ClusterState::is_connected).await;

    // The other address is asked, too, and found to lead elsewhere.
    let _probe = two.accept_client().await;
    let seen = state(&client, |state| !state.foreign_clusters.is_empty()).await;
    assert_eq!(
        seen.foreign_clusters.get(&two.address()),
        Some(&two.cluster_id)
    );

    drop(session);
    let _other = two.accept_client().await;
    let _session = one.accept_member_client(&[&one]).await;
    let seen = state(&client, ClusterState::is_connected).await;
    assert_eq!(
        (seen.cluster_id, seen.previous_cluster_id),
        (Some(one.cluster_id), None)
    );
}

#[tokio::test]
async fn calls_about_a_key_go_to_its_owner() {
    let (one, two) = (Peer::bind().await, Peer::bind().await);
    let client = Client::start(ClientConfig {
        smart_routing: true,
        ..config(&[&one])
    });
    let mut first = one.accept_client().await;
    let view = first.serve_cluster_view(&[&one, &two]).await;
    let mut second = two.accept_client().await;
    let foo = 247;
    first
        .write(&partitions_view(
            &view,
            &[(one.uuid, vec![0, 1]), (two.uuid, vec![foo])],
        ))
        .await;

    let (map, key) = (client.map("m"), Data::string("foo"));
    // The table travels on another connection than the answers: until it is here, the master is asked.
    let serve = async {
        loop {
            tokio::select! {
                request = first.read() => {
                    assert_eq!(request.partition_id(), Ok(foo));
                    first.write(&answer(&request, &[], [null()])).await;
                }
                request = second.expect::<MapGet>() => {
                    assert_eq!(request.partition_id(), Ok(foo));
                    second.write(&answer(&request, &[], [null()])).await;
                    return;
                }
            }
        }
    };
    let ask = async {
        loop {
            assert_eq!(map.get(&key).await.unwrap(), None);
        }
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
        () = tokio::time::sleep(PATIENCE) => panic!("the owner was never asked"),
    }

    // Without a connection to the owner, any member is good.
    drop((second, two));
    let serve = async {
        let request = first.expect::<MapGet>().await;
        assert_eq!(request.partition_id(), Ok(foo));
        first.write(&answer(&request, &[], [null()])).await;
    };
    let (result, ()) = tokio::join!(map.get(&key), serve);
    assert_eq!(result.unwrap(), None);
}

#[tokio::test]
async fn a_partition_that_moved_is_asked_for_at_its_new_owner() {
    let (one, two) = (Peer::bind().await, Peer::bind().await);
    let client = Client::start(ClientConfig {
        smart_routing: true,
        ..config(&[&one])
    });
    let mut first = one.accept_client().await;
    let view = first.serve_cluster_view(&[&one, &two]).await;
    let mut second = two.accept_client().await;
    let foo = 247;
    first
        .write(&partitions_view(&view, &[(one.uuid, vec![foo])]))
        .await;
    let moved = [(
        62,
        "com.hazelcast.spi.exception.WrongTargetException",
        "not mine any more",
    )];
    let serve = async {
        let mut refused = 0;
        loop {
            tokio::select! {
                request = first.expect::<MapGet>() => {
                    let owners = [(two.uuid, vec![foo])];
                    first.write(&partitions_view(&view, &owners)).await;
                    first.write(&failure(&request, &moved)).await;
                    refused += 1;
                }
                request = second.expect::<MapGet>() => {
                    assert_eq!(request.partition_id(), Ok(foo));
                    second.write(&answer(&request, &[], [null()])).await;
                    return refused;
                }
            }
        }
    };
    let (map, key) = (client.map("m"), Data::string("foo"));
    let (result, refused) = tokio::join!(map.get(&key), serve);
    assert_eq!(result.unwrap(), None);
    assert!(refused > 0);
}

#[tokio::test]
async fn a_job_is_listened_to_until_it_ends() {
    let peer = Peer::bind().await;
    let client = start(&[&peer]);
    let mut session = peer.accept_member_client(&[&peer]).await;
    let serve = async {
        let request = session.expect::<AddJobStatusListener>().await;
        session.write(&answer(&request, &[0; 17], [])).await;
        let change = |before: i32, now: i32| {
            let fixed = [&7i64.to_le_bytes()[..], &status(before), &status(now), &[1]].concat();
            event(&request, 2, &fixed, [null()])
        };
        session.write(&change(2, 3)).await;
        session.write(&event(&request, 9, &[], [])).await;
        session.write(&change(3, 6)).await;
    };
    let (events, ()) = tokio::join!(client.listen_to_job(7), serve);
    let mut events = events.unwrap();
    for expected in [JobStatus::Suspended, JobStatus::Failed] {
        match events.next().await {
            Some(JobEvent::Status(event)) => assert_eq!(event.new, expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_dropped_listener_is_removed_and_a_slow_one_told() {
    let peer = Peer::bind().await;
    let client = Client::start(ClientConfig {
        event_queue: 2,
        ..config(&[&peer])
    });
    let mut session = peer.accept_member_client(&[&peer]).await;
    let serve = async {
        let request = session.expect::<AddJobStatusListener>().await;
        session.write(&answer(&request, &[0; 17], [])).await;
        let fixed = [&7i64.to_le_bytes()[..], &status(2), &status(3), &[1]].concat();
        for _ in 0..10 {
            session.write(&event(&request, 2, &fixed, [null()])).await;
        }
        // An answer that comes after the events says that they have been read.
        let request = session.expect::<GetJobStatus>().await;
        session.write(&answer(&request, &status(3), [])).await;
        session.expect::<RemoveJobStatusListener>().await
    };
    let listen = async {
        let mut events = client.listen_to_job(7).await.unwrap();
        client.job_status(7).await.unwrap();
        assert_eq!(events.next().await, Some(JobEvent::Lagged(8)));
        assert!(matches!(events.next().await, Some(JobEvent::Status(_))));
    };
    let ((), removed) = tokio::join!(listen, serve);
    assert_eq!(removed.message_type(), RemoveJobStatusListener::TYPE);
}

#[tokio::test]
async fn shutting_down_ends_calls_and_connections() {
    let peer = Peer::bind().await;
    let client = start(&[&peer]);
    let mut session = peer.accept_member_client(&[&peer]).await;
    state(&client, ClusterState::is_connected).await;
    let stop = async {
        session.expect::<GetJobStatus>().await;
        client.shutdown().await;
        session.wait_for_end().await;
    };
    let (result, ()) = tokio::join!(client.job_status(7), stop);
    let error = result.unwrap_err();
    assert!(error.is_shutdown() || error.is_connection_lost(), "{error}");
    assert!(client.jobs().await.unwrap_err().is_shutdown());
}
