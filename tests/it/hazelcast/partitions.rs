//! Whether all partitions have their backups: every member is asked, for each knows of its own only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jetkeeper::clock::SystemClock;
use jetkeeper::cluster::{Cluster, ClusterTarget, HazelcastCluster};
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::mc::get_cluster_metadata::GetClusterMetadata;
use jetkeeper::hazelcast::codec::mc::get_member_config::GetMemberConfig;
use jetkeeper::hazelcast::codec::mc::get_timed_member_state::GetTimedMemberState;
use jetkeeper::hazelcast::frame::Frame;
use jetkeeper::hazelcast::message::ClientMessage;
use tokio::net::TcpStream;

use super::peer::{Peer, Session, answer, null, text};
use crate::cluster_real::up;
use crate::support::wait::{PATIENCE, eventually_async};

const CONFIG: &str =
    r#"<hazelcast><jet enabled="true" resource-upload-enabled="true"/></hazelcast>"#;

/// Answers what is asked for health, for as long as the client is there.
async fn serve(mut session: Session<TcpStream>, safe: Arc<AtomicBool>) {
    while let Some(request) = session.read_any().await {
        if session.try_write(&told(&request, &safe)).await.is_err() {
            return;
        }
    }
}

fn told(request: &ClientMessage, safe: &AtomicBool) -> Vec<Frame> {
    match request.message_type() {
        GetClusterMetadata::TYPE => answer(request, &[0; 9], [text("5.7.0"), null()]),
        GetMemberConfig::TYPE => answer(request, &[], [text(CONFIG)]),
        GetTimedMemberState::TYPE => {
            let safe = safe.load(Ordering::Relaxed);
            let partitions = format!(r#"{{"memberPartitionState":{{"memberStateSafe":{safe}}}}}"#);
            let state = format!(r#"{{"timedMemberState":{{"memberState":{partitions}}}}}"#);
            answer(request, &[], [text(&state)])
        }
        _ => answer(request, &[], []),
    }
}

#[tokio::test]
async fn partitions_are_safe_when_every_member_says_so() {
    let (one, two) = (Peer::bind().await, Peer::bind().await);
    let cluster = HazelcastCluster::connect(
        &ClusterTarget {
            name: "test".to_owned(),
            cluster_name: "dev".to_owned(),
            addresses: vec![one.address()],
            ..ClusterTarget::default()
        },
        Arc::new(SystemClock),
    );
    let members = [&one, &two];
    let first = one.accept_member_client(&members).await;
    let safe = [(); 2].map(|()| Arc::new(AtomicBool::new(true)));
    tokio::spawn(serve(first, safe[0].clone()));
    up(&cluster).await;
    tokio::spawn(serve(two.accept_client().await, safe[1].clone()));

    for (of_first, of_second) in [(true, true), (true, false), (false, true), (true, true)] {
        safe[0].store(of_first, Ordering::Relaxed);
        safe[1].store(of_second, Ordering::Relaxed);
        eventually_async(PATIENCE, "health says so", async || {
            let health = cluster.health().await;
            health.is_ok_and(|health| health.partitions_safe == (of_first && of_second))
        })
        .await;
    }
    cluster.close().await;
}
