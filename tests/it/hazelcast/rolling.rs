//! Clusters of several real members that change under a client: other releases, another cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jetkeeper::hazelcast::{Client, ClientConfig, ClusterState, Data, Map};
use serde_json::Value;
use tokio::time::timeout;

use crate::support::cluster::Cluster;
use crate::support::member::Member;
use crate::support::wait::{PATIENCE, eventually_async};

const ENTRIES: i64 = 50;

fn start(members: &[Member]) -> Client {
    Client::start(ClientConfig {
        cluster_name: members[0].cluster_name().to_owned(),
        addresses: members.iter().map(Member::address).collect(),
        ..ClientConfig::default()
    })
}

async fn state(client: &Client, wanted: impl FnMut(&ClusterState) -> bool) -> ClusterState {
    let mut state = client.state();
    let reached = timeout(PATIENCE, state.wait_for(wanted)).await;
    reached.expect("the state comes").unwrap().clone()
}

async fn fill(map: &Map) {
    let value = Data::string("x");
    for number in 0..ENTRIES {
        let before = map.put_if_absent(&Data::long(number), &value).await;
        assert_eq!(before.unwrap(), None);
    }
}

/// Reads every entry again and again until told to stop; how many were read.
async fn read_on(map: Map, stop: Arc<AtomicBool>) -> u64 {
    let mut read = 0;
    while !stop.load(Ordering::SeqCst) {
        for number in 0..ENTRIES {
            let value = map.get(&Data::long(number)).await.unwrap();
            assert_eq!(value, Some(Data::string("x")));
            read += 1;
        }
        tokio::task::yield_now().await;
    }
    read
}

/// Both members are there, and each has what it needs to go on alone. Right after one has joined, the
/// other says that all is safe: nothing was moved yet.
async fn is_safe(client: &Client, release: &str) {
    state(client, |state| state.members.len() == 2).await;
    eventually_async(
        PATIENCE,
        "the partitions are shared and have backups",
        async || {
            let versions = client.state().borrow().members.clone();
            let first = versions[0].uuid;
            let told = client.timed_member_state(first).await.unwrap();
            told.is_some_and(|json| has_moved(&json))
                && versions.iter().any(|member| member.version == release)
        },
    )
    .await;
}

/// Whether the member that tells this owns half of the partitions, and lacks nothing of them.
fn has_moved(json: &str) -> bool {
    let told: Value = serde_json::from_str(json).unwrap();
    let partitions = find(&told, "memberPartitionState").expect("it tells of partitions");
    let owned = partitions["partitions"].as_array().map(Vec::len);
    // Of 271.
    owned.is_some_and(|owned| owned == 135 || owned == 136) && partitions["memberStateSafe"] == true
}

/// The value of a field, wherever it is.
fn find<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    let fields = value.as_object()?;
    let mut inner = fields.values();
    fields
        .get(field)
        .or_else(|| inner.find_map(|it| find(it, field)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_to_another_patch_release_is_followed() {
    // Told to stop, a member hands its partitions over first; by default it doesn't.
    let graceful = ("hazelcast.shutdownhook.policy", "GRACEFUL");
    let options = Member::options().property(graceful.0, graceful.1);
    let mut cluster = Cluster::with(&options.version("5.3.0"), 2);
    let ports = [cluster.members[0].port(), cluster.members[1].port()];
    let client = start(&cluster.members);
    let before = state(&client, |state| state.members.len() == 2).await;
    let map = client.map("m");
    fill(&map).await;
    is_safe(&client, "5.3.0").await;
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read_on(map.clone(), Arc::clone(&stop)));

    for (index, other) in [(0, ports[1]), (1, ports[0])] {
        let member = &mut cluster.members[index];
        member.stop();
        member.configure(|options| options.version("5.3.8").join(&[other]));
        tokio::task::block_in_place(|| member.restart());
        is_safe(&client, "5.3.8").await;
    }
    stop.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 0, "not one read failed");
    let after = client.state().borrow().clone();
    assert_eq!(after.cluster_id, before.cluster_id);
    assert!(after.members.iter().all(|member| member.version == "5.3.8"));
    let master = |state: &ClusterState| state.master().map(|member| member.uuid);
    assert_ne!(master(&after), master(&before), "both were replaced");
    assert_eq!(map.size().await.unwrap(), 50);
}

/// Open-source members of 5.6 and 5.7 form no cluster together: the release is changed by stopping all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_comes_back_with_another_release_is_another_cluster() {
    let mut member = Member::options().version("5.6.0").start();
    let client = start(std::slice::from_ref(&member));
    let before = state(&client, ClusterState::is_connected).await;
    assert_eq!(before.server_version.as_deref(), Some("5.6.0"));
    member.stop();
    member.configure(|options| options.version("5.7.0"));
    tokio::task::block_in_place(|| member.restart());
    let other =
        |state: &ClusterState| state.is_connected() && state.cluster_id != before.cluster_id;
    let after = state(&client, other).await;
    assert_eq!(after.previous_cluster_id, before.cluster_id);
    assert_eq!(after.server_version.as_deref(), Some("5.7.0"));
    assert_eq!(client.jobs().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_comes_back_as_a_cluster_of_its_own_is_told_and_not_followed() {
    let mut cluster = Cluster::start(2);
    let client = start(&cluster.members);
    let before = state(&client, |state| state.members.len() == 2).await;
    let map = client.map("m");
    fill(&map).await;
    is_safe(&client, "5.7.0").await;
    let lost = &mut cluster.members[1];
    lost.kill();
    lost.configure(|options| options.join(&[]));
    tokio::task::block_in_place(|| lost.restart());
    let address = lost.address();
    let seen = state(&client, |state| {
        state.foreign_clusters.contains_key(&address)
    })
    .await;
    assert_eq!(seen.cluster_id, before.cluster_id);
    assert_ne!(
        seen.foreign_clusters.get(&address).copied(),
        before.cluster_id
    );
    assert_eq!(seen.members.len(), 1);
    assert_eq!(map.size().await.unwrap(), 50);
}
