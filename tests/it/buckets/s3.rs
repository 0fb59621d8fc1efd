//! Jars in buckets of a real S3 server.

use std::time::Duration;

use jetkeeper::artifacts::{JarProblem, JarView, MainClass};
use jetkeeper::resources::Digest;

use super::s3_server::{KEY_ID, KEYS, S3Server, SECRET_KEY};
use super::{jars_with, often, request, until_told, write_secret};
use crate::artifacts::{DEADLINE, Jars, jar};
use crate::support::wait::eventually_async;

#[tokio::test]
async fn a_jar_is_fetched_once_and_asked_for_again_by_its_tag() {
    let server = S3Server::start().await;
    server.make("jobs");
    let bytes = jar("a.Main", 300_000);
    server.upload("jobs", "prod/a.jar", &bytes).await;
    let mut jars = jars_with(&KEYS, often).await;
    let request = request(&server.uri("jobs/prod"), "a.jar");
    jars.want([request.clone()]);
    let facts = jars.ready(&request).await;
    assert_eq!(facts.digest, Digest::of(&bytes));
    assert_eq!(facts.main_class, MainClass::Found("a.Main".into()));
    assert_eq!(jars.bytes(&facts.digest).await.unwrap(), bytes);
    // This server heeds no conditions, but says the same tag.
    let asked_again = async || server.gave(200) >= 4;
    eventually_async(DEADLINE, "it is asked for again", asked_again).await;
    assert_eq!(jars.ready(&request).await, facts);

    // After a restart it is known, and asked for again still.
    let Jars {
        scratch, artifacts, ..
    } = jars;
    drop(artifacts);
    let mut jars = Jars::start_in(scratch, often).await;
    jars.want([request.clone()]);
    assert_eq!(jars.ready(&request).await, facts);

    // Other bytes are another jar.
    let other = jar("a.Main", 300_001);
    server.upload("jobs", "prod/a.jar", &other).await;
    let is_other =
        |view: &JarView| matches!(view, JarView::Ready(it) if it.digest == Digest::of(&other));
    jars.until(&request, is_other).await;
}

#[tokio::test]
async fn each_spelling_of_the_parameters_leads_there() {
    let server = S3Server::start().await;
    server.make("jobs");
    server
        .upload("jobs", "release-a.jar", &jar("a.Main", 1))
        .await;
    let mut jars = jars_with(&KEYS[..2], |_| {}).await;
    for parameters in [
        "region=eu-central-1&disableSSL=true&s3ForcePathStyle=true",
        "disable_https=1&use_path_style=t&awssdk=v2",
        "region=us-west-2&disable_https=TRUE&hostname_immutable=true",
    ] {
        let address = server.address;
        let uri = format!("s3://jobs?endpoint={address}&prefix=release-&{parameters}");
        let request = request(&uri, "a.jar");
        jars.want([request.clone()]);
        jars.ready(&request).await;
    }
}

#[tokio::test]
async fn each_refusal_of_a_real_server_says_what_to_do() {
    let server = S3Server::start().await;
    server.make("jobs");
    server.upload("jobs", "a.jar", &jar("a.Main", 1)).await;
    let mut jars = jars_with(&KEYS, |_| {}).await;
    let secrets = jars.scratch.path().join("secrets");
    let request = request(&server.uri("jobs"), "b.jar");
    let mut expect = async |problem: JarProblem, words: &str| {
        let (found, message) = until_told(&mut jars, &request, words).await;
        assert_eq!(found, problem, "{message}");
        assert!(message.starts_with("b.jar in s3://jobs: "), "{message}");
        assert!(!message.contains(SECRET_KEY), "{message}");
        assert!(!message.contains("wrong"), "{message}");
    };
    let words = "has no such object; correct `jarName`";
    expect(JarProblem::NotFound, words).await;
    write_secret(&secrets, "br", &[("secret-access-key", "wrong-wrong")]);
    let words = "(SignatureDoesNotMatch); mend the secret `br`";
    expect(JarProblem::Denied, words).await;
    write_secret(&secrets, "br", &[("access-key-id", "wrong")]);
    let words = "(NotSignedUp); mend the secret `br`";
    expect(JarProblem::Denied, words).await;
    std::fs::remove_file(secrets.join("br/secret-access-key")).unwrap();
    let words = "the key `secret-access-key` of the secret `br` was not found";
    expect(JarProblem::SecretMissing, words).await;
}

#[tokio::test]
async fn a_secret_that_is_mended_is_used_at_once() {
    let server = S3Server::start().await;
    server.make("jobs");
    server.upload("jobs", "a.jar", &jar("a.Main", 1)).await;
    // By itself it would be tried again in an hour.
    let mut jars = jars_with(&KEYS, |_| {}).await;
    let secrets = jars.scratch.path().join("secrets");
    write_secret(&secrets, "br", &[("secret-access-key", "wrong")]);
    let request = request(&server.uri("jobs"), "a.jar");
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::Denied, "{message}");

    // Still wrong, and told anew; then gone; then right.
    write_secret(&secrets, "br", &[("access-key-id", "wrong")]);
    let asked_again = async || server.gave(403) >= 2;
    eventually_async(DEADLINE, "the new key is tried", asked_again).await;
    std::fs::remove_file(secrets.join("br/access-key-id")).unwrap();
    let is_missing = |view: &JarView| matches!(view, JarView::Unavailable { problem, .. } if *problem == JarProblem::SecretMissing);
    jars.until(&request, is_missing).await;
    write_secret(&secrets, "br", &[("secret-access-key", SECRET_KEY)]);
    write_secret(&secrets, "br", &[("access-key-id", KEY_ID)]);
    let is_ready = |view: &JarView| matches!(view, JarView::Ready(_));
    jars.until(&request, is_ready).await;
}

#[tokio::test]
async fn what_is_away_or_too_large_is_refused_and_what_comes_back_is_found() {
    let server = S3Server::start().await;
    server.make("jobs");
    server.upload("jobs", "a.jar", &jar("a.Main", 5000)).await;
    let mut jars = jars_with(&KEYS, |options| options.max_jar_size = 4000).await;
    let (problem, message) = jars
        .unavailable(&request(&server.uri("jobs"), "a.jar"))
        .await;
    assert_eq!(problem, JarProblem::TooLarge, "{message}");
    assert!(jars.cached().is_empty());

    // Nobody listens there, until a server does.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let soon = (Duration::from_millis(50), Duration::from_millis(50));
    let mut jars = jars_with(&KEYS, |options| options.retry = soon).await;
    let request = request(&format!("s3://jobs?endpoint=http://{address}"), "a.jar");
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::FetchFailed, "{message}");
    assert!(message.contains("could not be reached"), "{message}");
    let server = S3Server::start_at(&address.to_string()).await;
    server.make("jobs");
    server.upload("jobs", "a.jar", &jar("a.Main", 1)).await;
    let is_ready = |view: &JarView| matches!(view, JarView::Ready(_));
    jars.until(&request, is_ready).await;
}
