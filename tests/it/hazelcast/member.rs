//! The protocol client against real members.

use std::time::Duration;

use jetkeeper::hazelcast::{
    Client, ClientConfig, ClusterState, ClusterStatus, Data, DeltaJobConfig, ErrorCode, JobEvent,
    JobStatus, ProcessingGuarantee, TerminateMode, Upload, UploadStage,
};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::support::cluster::Cluster;
use crate::support::member::Member;
use crate::support::wait::{PATIENCE, eventually_async};
use crate::support::{fixture, unique};

fn start(cluster_name: &str, addresses: &[String]) -> Client {
    Client::start(ClientConfig {
        cluster_name: cluster_name.to_owned(),
        addresses: addresses.to_vec(),
        ..ClientConfig::default()
    })
}

fn shared() -> Client {
    let member = Member::shared();
    start(member.cluster_name(), &[member.address()])
}

async fn upload(
    client: &Client,
    jar: &str,
    main_class: Option<&str>,
    job_name: &str,
) -> UploadResult {
    let bytes = std::fs::read(fixture(jar)).unwrap();
    let upload = Upload {
        file_name: format!("{job_name}-nonce-"),
        sha256_hex: hex::encode(Sha256::digest(&bytes)),
        snapshot_name: None,
        job_name: Some(job_name.to_owned()),
        main_class: main_class.map(|class| format!("jetkeeper.pipelines.{class}")),
        parameters: vec![unique("sink")],
        secrets: Vec::new(),
        part_size: 1_000,
        timeout: PATIENCE,
    };
    client
        .upload_jar(&upload, &bytes[..], u64::try_from(bytes.len()).unwrap())
        .await
}

type UploadResult = Result<(), jetkeeper::hazelcast::UploadError>;

async fn job_id(client: &Client, name: &str) -> i64 {
    let jobs = client.jobs().await.unwrap();
    jobs.iter()
        .find(|job| job.name_or_id == name)
        .expect("the job is listed")
        .job_id
}

async fn reaches(client: &Client, job: i64, wanted: JobStatus) {
    eventually_async(PATIENCE, &format!("{wanted}"), async || {
        client.job_status(job).await.unwrap() == wanted
    })
    .await;
}

async fn state(client: &Client, wanted: impl FnMut(&ClusterState) -> bool) -> ClusterState {
    let mut state = client.state();
    let reached = timeout(PATIENCE, state.wait_for(wanted)).await;
    reached.expect("the state comes").unwrap().clone()
}

#[tokio::test]
async fn a_job_lives_from_upload_to_cancel() {
    let client = shared();
    let name = unique("life");
    upload(&client, "counter.jar", None, &name).await.unwrap();
    let job = job_id(&client, &name).await;
    reaches(&client, job, JobStatus::Running).await;

    let config = client.job_config(job).await.unwrap();
    assert_eq!(config.name.as_deref(), Some(name.as_str()));
    assert_eq!(config.guarantee, ProcessingGuarantee::ExactlyOnce);
    assert!(config.suspendable && config.tail.is_some());
    assert_eq!(config.resource_ids.len(), 1);
    assert!(config.resource_ids[0].starts_with(&format!("{name}-nonce-")));

    let again = upload(&client, "counter.jar", None, &name)
        .await
        .unwrap_err();
    assert_eq!(again.stage, UploadStage::LastPartSent);
    assert!(again.source.has_code(ErrorCode::JOB_ALREADY_EXISTS));

    let mut events = client.listen_to_job(job).await.unwrap();
    client
        .terminate(job, TerminateMode::SuspendGraceful)
        .await
        .unwrap();
    reaches(&client, job, JobStatus::Suspended).await;
    assert_eq!(client.suspension_cause(job).await.unwrap(), None);
    let delta = DeltaJobConfig {
        snapshot_interval_millis: Some(2_345),
        ..DeltaJobConfig::default()
    };
    let changed = client.update_job_config(job, &delta).await.unwrap();
    assert_eq!(changed.snapshot_interval_millis, 2_345);
    client.resume(job).await.unwrap();
    reaches(&client, job, JobStatus::Running).await;
    client
        .terminate(job, TerminateMode::CancelForceful)
        .await
        .unwrap();

    let mut seen = Vec::new();
    while let Some(event) = timeout(PATIENCE, events.next()).await.unwrap() {
        match event {
            JobEvent::Status(event) => seen.push((event.new, event.user_requested)),
            JobEvent::Lagged(missed) => panic!("{missed} events were missed"),
        }
    }
    let by_user = [(JobStatus::Suspended, true), (JobStatus::NotRunning, true)];
    let by_itself = [(JobStatus::Starting, false), (JobStatus::Running, false)];
    assert_eq!(
        seen,
        [&by_user[..], &by_itself[..], &[(JobStatus::Failed, true)]].concat()
    );
    assert!(client.is_user_cancelled(job).await.unwrap());
    let ended = client.listen_to_job(job).await.unwrap_err();
    assert!(ended.has_code(ErrorCode::ILLEGAL_STATE));
}

#[tokio::test]
async fn a_job_that_forbids_suspending_says_so() {
    let client = shared();
    let name = unique("unsuspendable");
    upload(&client, "pipelines.jar", Some("NotSuspendable"), &name)
        .await
        .unwrap();
    let job = job_id(&client, &name).await;
    assert!(!client.job_config(job).await.unwrap().suspendable);
    client
        .terminate(job, TerminateMode::CancelForceful)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_job_is_not_found() {
    let error = shared().job_status(4_711).await.unwrap_err();
    assert!(error.has_code(ErrorCode::JOB_NOT_FOUND) && !error.is_retryable());
}

#[tokio::test]
async fn maps_are_written_only_as_they_were_seen() {
    let client = shared();
    let map = client.map(unique("map"));
    let (key, first, second) = (Data::string("job"), Data::string("a"), Data::string("b"));
    assert_eq!(map.put_if_absent(&key, &first).await.unwrap(), None);
    assert_eq!(
        map.put_if_absent(&key, &second).await.unwrap(),
        Some(first.clone())
    );
    assert!(!map.replace_if_same(&key, &second, &first).await.unwrap());
    assert!(map.replace_if_same(&key, &first, &second).await.unwrap());
    assert_eq!(map.get(&key).await.unwrap(), Some(second.clone()));
    for number in 0..100 {
        assert_eq!(
            map.put_if_absent(&Data::long(number), &first)
                .await
                .unwrap(),
            None
        );
    }
    assert_eq!(map.size().await.unwrap(), 101);
    assert_eq!(map.entries().await.unwrap().len(), 101);
    assert!(!map.remove_if_same(&key, &first).await.unwrap());
    assert!(map.remove_if_same(&key, &second).await.unwrap());
    assert_eq!(map.get(&key).await.unwrap(), None);
    assert!(
        !client
            .map_config(map.name())
            .await
            .unwrap()
            .may_drop_entries()
    );
}

#[tokio::test]
async fn members_tell_what_a_preflight_asks() {
    let client = shared();
    let metadata = client.cluster_metadata().await.unwrap();
    assert_eq!(metadata.state, ClusterStatus::Active);
    assert_eq!(metadata.cluster_id, client.state().borrow().cluster_id);
    assert_eq!(metadata.member_version, "5.7.0");
    let xml = client.member_config_xml().await.unwrap();
    assert!(xml.contains("resource-upload-enabled=\"true\""), "{xml}");
    let master = client.state().borrow().members[0].uuid;
    let json = client.timed_member_state(master).await.unwrap().unwrap();
    assert!(json.contains("\"memberStateSafe\":true"), "{json}");
}

#[tokio::test]
async fn a_wrong_cluster_name_is_refused() {
    let client = start("no-such-cluster", &[Member::shared().address()]);
    let error = client
        .with_timeout(Duration::from_secs(2))
        .jobs()
        .await
        .unwrap_err();
    assert!(error.authentication().is_some(), "{error}");
}

#[tokio::test]
async fn the_client_outlives_the_master_and_the_cluster() {
    let mut cluster = Cluster::start(2);
    let addresses = [cluster.members[0].address(), cluster.members[1].address()];
    let client = start(cluster.members[0].cluster_name(), &addresses[..1]);
    let both = state(&client, |state| state.members.len() == 2).await;
    assert_eq!(
        both.master().map(|member| &member.address),
        Some(&addresses[0])
    );
    let map = client.map("m");
    for number in 0..50 {
        map.put_if_absent(&Data::long(number), &Data::string("x"))
            .await
            .unwrap();
    }

    cluster.members[0].kill();
    let left = state(&client, |state| {
        state.members.len() == 1 && state.is_connected()
    })
    .await;
    assert_eq!(
        left.master().map(|member| &member.address),
        Some(&addresses[1])
    );
    assert_eq!(left.cluster_id, both.cluster_id);
    assert_eq!(map.size().await.unwrap(), 50);
    for number in 0..50 {
        let value = map.get(&Data::long(number)).await.unwrap();
        assert_eq!(value, Some(Data::string("x")));
    }

    cluster.members[1].kill();
    state(&client, |state| !state.is_connected()).await;
    let waiting = client.with_timeout(Duration::from_millis(200));
    assert!(waiting.jobs().await.unwrap_err().is_not_connected());
    cluster.members[0].restart();
    let renewed = state(&client, |state| state.cluster_id != both.cluster_id).await;
    assert_eq!(renewed.previous_cluster_id, both.cluster_id);
    assert_eq!(client.jobs().await.unwrap(), []);
}

#[tokio::test]
async fn a_paused_member_is_given_up_and_found_again() {
    let member = Member::options().start();
    let client = Client::start(ClientConfig {
        cluster_name: member.cluster_name().to_owned(),
        addresses: vec![member.address()],
        heartbeat_interval: Duration::from_millis(200),
        heartbeat_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(1),
        ..ClientConfig::default()
    });
    state(&client, ClusterState::is_connected).await;
    member.pause();
    let waiting = client.with_timeout(Duration::from_millis(300));
    let error = waiting.jobs().await.unwrap_err();
    assert!(error.is_deadline() && !error.is_certainly_not_sent());
    state(&client, |state| !state.is_connected()).await;
    member.resume();
    state(&client, ClusterState::is_connected).await;
    client.jobs().await.unwrap();
}
