//! Members with security, which no open-source member has: a script checks credentials as an Enterprise
//! member does, and a real member gives its consent, or refuses what it doesn't know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::client::authentication::Authentication;
use jetkeeper::hazelcast::codec::client::authentication_custom::AuthenticationCustom;
use jetkeeper::hazelcast::message::ClientMessage;
use jetkeeper::hazelcast::{
    AuthenticationError, Client, ClientConfig, ClusterState, Credentials, CredentialsSource, Link,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::peer::null;
use super::scripted::{Reaction, ScriptedMember, reaction};
use crate::protocol_golden::{Golden, through_the_wire};
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually_async};

/// Every text in the protocol's own files.
const TEXT: &str = "localhost";

/// Accepts this user; whoever else comes is the real member's business.
fn only(username: &'static str, password: &'static str) -> Reaction {
    reaction(move |exchange| async move {
        let mut frames = exchange.request.frames().to_vec();
        if frames[2].content == username && frames[3].content == password {
            frames[2] = null();
            frames[3] = null();
        }
        let request = ClientMessage::from_frames(frames).unwrap();
        let answer = exchange.ask(&request).await;
        exchange.write(&answer);
    })
}

/// Accepts this token; no other is a login of any kind.
fn only_token(token: &'static str) -> Reaction {
    reaction(move |exchange| async move {
        let mut frames = exchange.request.frames().to_vec();
        let right = frames[2].content == token;
        frames[0].content = of_type(&frames[0].content, Authentication::TYPE);
        let password = if right { null() } else { frames[2].clone() };
        frames[2] = if right { null() } else { frames[2].clone() };
        frames.insert(3, password);
        let request = ClientMessage::from_frames(frames).unwrap();
        let mut answer = exchange.ask(&request).await;
        answer[0].content = of_type(&answer[0].content, AuthenticationCustom::TYPE + 1);
        exchange.write(&answer);
    })
}

fn of_type(first: &[u8], message_type: i32) -> Bytes {
    [&message_type.to_le_bytes(), &first[4..]].concat().into()
}

fn start(script: &ScriptedMember, credentials: CredentialsSource) -> Client {
    Client::start(ClientConfig {
        cluster_name: Member::shared().cluster_name().to_owned(),
        addresses: vec![script.address()],
        credentials: Some(credentials),
        ..ClientConfig::default()
    })
}

fn password(password: &str) -> Credentials {
    Credentials::Password {
        username: "keeper".to_owned(),
        password: password.to_owned(),
    }
}

async fn state(client: &Client, wanted: impl FnMut(&ClusterState) -> bool) -> ClusterState {
    let mut state = client.state();
    let reached = timeout(PATIENCE, state.wait_for(wanted)).await;
    reached.expect("the state comes").unwrap().clone()
}

fn refused(state: &ClusterState) -> bool {
    let Link::Connecting {
        last_error: Some(error),
    } = &state.link
    else {
        return false;
    };
    let failed = AuthenticationError::CredentialsFailed {
        cluster_name: Member::shared().cluster_name().to_owned(),
    };
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("hush"), "{shown}");
    error.authentication() == Some(&failed)
}

/// The same files as in `protocol_golden`.
#[test]
fn authentication_by_other_credentials() {
    for golden in Golden::all() {
        let labels = [TEXT.to_owned()];
        let request = AuthenticationCustom {
            cluster_name: TEXT,
            credentials: &[113],
            client_uuid: Uuid::from_u64_pair(123_456_789, 987_654_321),
            client_type: TEXT,
            client_version: TEXT,
            client_name: TEXT,
            labels: &labels,
        };
        let ours = through_the_wire(&request.encode_request());
        let theirs = golden.message(AuthenticationCustom::TYPE);
        assert_eq!(ours.frames()[0].content.len(), 34);
        assert_eq!(ours.frames()[1..], theirs.frames()[1..]);

        let response = golden.response::<AuthenticationCustom>();
        assert_eq!(
            response.cluster_id,
            Some(Uuid::from_u64_pair(123_456_789, 987_654_321))
        );
        assert_eq!(response.server_version, TEXT);
        let told = golden.minor >= 7 && !golden.null;
        assert_eq!(response.members.len(), usize::from(told));
    }
}

#[tokio::test]
async fn a_user_is_accepted_with_its_password_only() {
    let script = ScriptedMember::before(Member::shared()).await;
    script.on::<Authentication>(usize::MAX, only("keeper", "hush"));
    let client = start(&script, CredentialsSource::fixed(password("hush")));
    state(&client, ClusterState::is_connected).await;
    client.jobs().await.unwrap();
    let wrong = start(&script, CredentialsSource::fixed(password("hush!")));
    state(&wrong, refused).await;
}

#[tokio::test]
async fn a_token_is_accepted() {
    let script = ScriptedMember::before(Member::shared()).await;
    script.on::<AuthenticationCustom>(usize::MAX, only_token("hush-hush"));
    let token = |token: &str| CredentialsSource::fixed(Credentials::Token(token.to_owned()));
    let client = start(&script, token("hush-hush"));
    let seen = state(&client, ClusterState::is_connected).await;
    assert_eq!(seen.server_version.as_deref(), Some("5.7.0"));
    client.jobs().await.unwrap();
    let wrong = start(&script, token("hush"));
    state(&wrong, refused).await;
}

#[tokio::test]
async fn credentials_are_asked_for_anew_for_every_connection() {
    let script = ScriptedMember::before(Member::shared()).await;
    script.on::<Authentication>(usize::MAX, only("keeper", "hush"));
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let source = CredentialsSource::new(move || {
        let asked = counting.fetch_add(1, Ordering::SeqCst);
        async move {
            match asked {
                0 => Err("the disk is not there yet".into()),
                1 => Ok(password("hush-old")),
                _ => Ok(password("hush")),
            }
        }
    });
    let client = start(&script, source);
    let seen = state(&client, |state| match &state.link {
        Link::Connecting {
            last_error: Some(error),
        } => std::error::Error::source(error).is_some_and(|it| it.to_string().contains("disk")),
        _ => false,
    })
    .await;
    assert!(!seen.is_connected());
    state(&client, ClusterState::is_connected).await;
    assert!(asked.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn open_source_members_refuse_credentials() {
    let script = ScriptedMember::before(Member::shared()).await;
    let client = start(&script, CredentialsSource::fixed(password("hush")));
    state(&client, refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_name_a_secret_with_the_credentials() {
    let script = ScriptedMember::before(Member::shared()).await;
    script.on::<Authentication>(usize::MAX, only("keeper", "hush"));
    let scratch = Scratch::new();
    let document = format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata: {{name: secured}}\nspec:\n  \
         clusterName: {}\n  addresses: ['{}']\n  credentials: {{secretName: members}}\n---\napiVersion: \
         hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {{name: orders}}\nspec: \
         {{hazelcastResourceName: secured, state: Running, jarName: counter.jar}}\n",
        Member::shared().cluster_name(),
        script.address()
    );
    scratch.replace("source/jobs.yaml", document);
    scratch.jar("source/jars/counter.jar", "counter.jar");
    scratch.write("secrets/members/username", "keeper\n");
    scratch.write("secrets/members/password", "hush\n");
    let source = scratch.path().join("source").to_str().unwrap().to_owned();
    let secrets = scratch.path().join("secrets").to_str().unwrap().to_owned();
    let run = move || Program::run(["plan", &source, "--secrets", &secrets]);
    assert_plans_a_submit(run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_names_a_secret_for_a_cluster_without_a_document() {
    let script = ScriptedMember::before(Member::shared()).await;
    script.on::<AuthenticationCustom>(usize::MAX, only_token("hush-hush"));
    let scratch = Scratch::new();
    let job = "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {name: orders}\nspec: \
               {hazelcastResourceName: secured, state: Running, jarName: counter.jar}\n";
    scratch.write("jobs/jobs.yaml", job);
    scratch.jar("jobs/jars/counter.jar", "counter.jar");
    scratch.write("secrets/members/token", "hush-hush\n");
    let config = format!(
        "sources: [{{name: jobs, directory: {{path: jobs}}}}]\nsecrets: {{directory: secrets}}\nstate: \
         {{directory: state}}\nclusters:\n  secured: {{clusterName: {}, addresses: ['{}'], credentials: \
         {{secretName: members}}}}\n",
        Member::shared().cluster_name(),
        script.address()
    );
    scratch.write("jetkeeper.yaml", config);
    let file = scratch.path().join("jetkeeper.yaml").display().to_string();
    let run = move || Program::run(["plan", "--config", &file]);
    assert_plans_a_submit(run).await;
}

/// A member that has just started may still be arranging its partitions, which holds everything.
async fn assert_plans_a_submit(run: impl Fn() -> Output + Clone + Send + 'static) {
    eventually_async(PATIENCE, "the submit is planned", async || {
        let output = tokio::task::spawn_blocking(run.clone()).await.unwrap();
        assert!(!format!("{output:?}").contains("hush"), "{output:?}");
        output.stdout.contains("submit")
    })
    .await;
}
