//! Uploads: one member, every part once, and what a failure says about `main`.

use std::time::Duration;

use jetkeeper::hazelcast::codec::jet::upload_job_meta_data::UploadJobMetaData;
use jetkeeper::hazelcast::codec::jet::upload_job_multipart::UploadJobMultipart;
use jetkeeper::hazelcast::message::ClientMessage;
use jetkeeper::hazelcast::types::read::Fields;
use jetkeeper::hazelcast::{
    Client, ClientConfig, ErrorCode, MemberUpload, Upload, UploadError, UploadStage,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;

use super::peer::{Peer, Session, answer, failure};

const JAR: &[u8] = b"0123456789";
const PART: usize = 4;

fn upload() -> Upload {
    Upload {
        file_name: "job-".to_owned(),
        sha256_hex: hex::encode(Sha256::digest(JAR)),
        snapshot_name: Some("snap".to_owned()),
        job_name: Some("orders".to_owned()),
        main_class: None,
        parameters: vec!["--password".to_owned(), "hunter2".to_owned()],
        secrets: vec!["hunter2".to_owned()],
        part_size: PART,
        timeout: Duration::from_mins(1),
    }
}

async fn connect(version: &'static str) -> (Client, Session<TcpStream>) {
    let mut peer = Peer::bind().await;
    peer.version = version;
    let client = Client::start(ClientConfig {
        addresses: vec![peer.address()],
        smart_routing: false,
        ..ClientConfig::default()
    });
    let session = peer.accept_member_client(&[&peer]).await;
    (client, session)
}

fn texts(message: &ClientMessage) -> Vec<String> {
    let texts = message.frames()[1..]
        .iter()
        .filter(|frame| !frame.content.is_empty());
    texts
        .map(|frame| String::from_utf8(frame.content.to_vec()).unwrap())
        .collect()
}

async fn consent(session: &mut Session<TcpStream>, request: &ClientMessage) {
    session.write(&answer(request, &[], [])).await;
}

#[tokio::test]
async fn parts_arrive_in_order_with_their_digests() {
    let (client, mut peer) = connect("5.7.0").await;
    let serve = async {
        let announced = peer.expect::<UploadJobMetaData>().await;
        let digest = hex::encode(Sha256::digest(JAR));
        let expected = ["job-", &digest, "snap", "orders", "--password", "hunter2"];
        assert_eq!(texts(&announced), expected);
        let session_id = Fields::new(&announced.frames()[0].content, 16)
            .uuid("session")
            .unwrap();
        consent(&mut peer, &announced).await;
        for (number, expected) in (1..).zip(JAR.chunks(PART)) {
            let part = peer.expect::<UploadJobMultipart>().await;
            let mut fields = Fields::new(&part.frames()[0].content, 16);
            assert_eq!(fields.uuid("session").unwrap(), session_id);
            assert_eq!(fields.int("number"), Ok(number));
            assert_eq!(fields.int("total"), Ok(3));
            assert_eq!(
                fields.int("size"),
                Ok(i32::try_from(expected.len()).unwrap())
            );
            assert_eq!(part.frames()[1].content, expected);
            assert_eq!(
                part.frames()[2].content,
                hex::encode(Sha256::digest(expected))
            );
            consent(&mut peer, &part).await;
        }
    };
    let upload = upload();
    let (result, ()) = tokio::join!(client.upload_jar(&upload, JAR, 10), serve);
    result.unwrap();
}

/// Answers everything up to and including `consented` messages, then does `then`.
async fn failing(
    consented: usize,
    then: impl AsyncFnOnce(Session<TcpStream>, ClientMessage) -> Option<Session<TcpStream>>,
) -> UploadError {
    let (client, mut peer) = connect("5.7.0").await;
    let serve = async {
        for _ in 0..consented {
            let request = peer.read().await;
            consent(&mut peer, &request).await;
        }
        let request = peer.read().await;
        then(peer, request).await
    };
    let upload = upload();
    let (result, _session) = tokio::join!(client.upload_jar(&upload, JAR, 10), serve);
    result.unwrap_err()
}

#[tokio::test]
async fn the_stage_tells_whether_main_may_have_run() {
    for (consented, stage) in [
        (0, UploadStage::Before),
        (1, UploadStage::Before),
        (2, UploadStage::Before),
        (3, UploadStage::LastPartSent),
    ] {
        let lost = failing(consented, async |_, _| None).await;
        assert_eq!(lost.stage, stage);
        assert!(lost.source.is_connection_lost());

        let refused = failing(consented, async |mut peer, request| {
            let chain = [(
                500,
                "com.hazelcast.jet.JetException",
                "Resource upload is not enabled",
            )];
            peer.write(&failure(&request, &chain)).await;
            Some(peer)
        });
        let refused = refused.await;
        assert_eq!(refused.stage, stage);
        assert!(refused.source.has_code(ErrorCode::JET));
    }
}

#[tokio::test]
async fn a_jar_that_changed_meanwhile_never_runs() {
    let (client, mut peer) = connect("5.7.0").await;
    let serve = async {
        for _ in 0..3 {
            let request = peer.read().await;
            consent(&mut peer, &request).await;
        }
    };
    let upload = upload();
    let (result, ()) = tokio::join!(client.upload_jar(&upload, &b"0123456780"[..], 10), serve);
    let error = result.unwrap_err();
    assert_eq!(error.stage, UploadStage::Before);
    assert!(
        error.source.to_string().contains("digest"),
        "{}",
        error.source
    );
}

#[tokio::test]
async fn a_jar_that_ends_early_never_runs() {
    let (client, mut peer) = connect("5.7.0").await;
    let serve = async {
        for _ in 0..2 {
            let request = peer.read().await;
            consent(&mut peer, &request).await;
        }
    };
    let upload = upload();
    let (result, ()) = tokio::join!(client.upload_jar(&upload, &JAR[..6], 10), serve);
    let error = result.unwrap_err();
    assert_eq!(error.stage, UploadStage::Before);
    assert_eq!(
        error.source.to_string(),
        "the jar could not be read for its upload"
    );
}

#[tokio::test]
async fn secrets_are_in_no_error() {
    let error = failing(3, async |mut peer, request| {
        let outer = "JobMetaDataParameterObject{jobParameters=[--password, hunter2]}";
        let chain = [
            (500, "com.hazelcast.jet.JetException", outer),
            (0, "java.lang.Exception", "no user has the password hunter2"),
        ];
        peer.write(&failure(&request, &chain)).await;
        Some(peer)
    })
    .await;
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(!format!("{:?}", upload()).contains("hunter2"));
    let text = error.source.server_error().unwrap().to_string();
    assert!(
        text.contains("jobParameters=[…]") && text.contains("the password …"),
        "{text}"
    );
}

#[tokio::test]
async fn leading_zeros_of_part_digests_are_left_out_for_5_3_0_alone() {
    // The first number whose digest begins with a zero.
    let jar = (0u32..=10_000)
        .map(|number| number.to_string())
        .find(|text| hex::encode(Sha256::digest(text)).starts_with('0'));
    let jar = jar.unwrap().into_bytes();
    let digest = hex::encode(Sha256::digest(&jar));
    let upload = Upload {
        sha256_hex: digest.clone(),
        part_size: 100,
        ..upload()
    };
    let length = u64::try_from(jar.len()).unwrap();
    for (version, expected) in [
        ("5.3.0", digest.trim_start_matches('0')),
        ("5.3.1", &digest),
        ("5.7.0", &digest),
    ] {
        let (client, mut peer) = connect(version).await;
        let serve = async {
            let announced = peer.expect::<UploadJobMetaData>().await;
            assert_eq!(announced.frames()[2].content, digest);
            consent(&mut peer, &announced).await;
            let part = peer.expect::<UploadJobMultipart>().await;
            assert_eq!(part.frames()[2].content, expected, "{version}");
            consent(&mut peer, &part).await;
        };
        let (result, ()) = tokio::join!(client.upload_jar(&upload, &jar[..], length), serve);
        result.unwrap();
    }
}

#[tokio::test]
async fn a_jar_on_the_member_runs_with_the_announcement() {
    let member_upload = || MemberUpload {
        path: "/jars/orders.jar".to_owned(),
        snapshot_name: None,
        job_name: Some("orders".to_owned()),
        main_class: Some("Main".to_owned()),
        parameters: Vec::new(),
        secrets: Vec::new(),
        timeout: Duration::from_mins(1),
    };
    let (client, mut peer) = connect("5.7.0").await;
    let serve = async {
        let announced = peer.expect::<UploadJobMetaData>().await;
        assert_eq!(announced.frames()[0].content[33], 1);
        assert_eq!(texts(&announced), ["/jars/orders.jar", "orders", "Main"]);
        consent(&mut peer, &announced).await;
        peer.expect::<UploadJobMetaData>().await;
        drop(peer);
    };
    let calls = async {
        client.upload_member_jar(&member_upload()).await.unwrap();
        let member = client.state().borrow().members[0].uuid;
        let lost = client.upload_member_jar(&member_upload()).await;
        (lost.unwrap_err(), member)
    };
    let ((error, member), ()) = tokio::join!(calls, serve);
    assert_eq!(error.stage, UploadStage::LastPartSent);
    assert_eq!(error.member, Some(member));
}
