//! The sample of the operator's documentation, against a stand-in of Google Cloud Storage.

use jetkeeper::artifacts::{JarProblem, JarRequest, JarView};
use jetkeeper::resources::{Digest, JarOrigin};

use super::google_server::{GoogleServer, other_key};
use super::{jars_with, often, until_told, write_secret};
use crate::artifacts::{DEADLINE, jar};
use crate::support::wait::eventually_async;

fn sample(jar_name: &str) -> JarRequest {
    JarRequest {
        origin: JarOrigin::Bucket {
            uri: "gs://operator-user-code/jetJobs".to_owned(),
            jar_name: jar_name.to_owned(),
            secret_name: Some("br-secret-gcp".to_owned()),
        },
        main_class: None,
    }
}

#[tokio::test]
async fn the_sample_of_the_operators_page_works() {
    let server = GoogleServer::start().await;
    let bytes = jar("a.Main", 1000);
    server.put("operator-user-code", "jetJobs/jet-pipeline.jar", &bytes);
    let mut jars = jars_with(&[], often).await;
    let secrets = jars.scratch.path().join("secrets");
    let request = sample("jet-pipeline.jar");
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::SecretMissing, "{message}");
    let place = "br-secret-gcp/google-credentials-path";
    assert!(message.contains(place), "{message}");

    let secret = |value: &str| {
        let keys = [("google-credentials-path", value)];
        write_secret(&secrets, "br-secret-gcp", &keys);
    };
    secret(&server.key());
    let digest = Digest::of(&bytes);
    let is_it = |view: &JarView| matches!(view, JarView::Ready(it) if it.digest == digest);
    jars.until(&request, is_it).await;
    let asked_again = async || server.gave(304) >= 2;
    eventually_async(DEADLINE, "it is asked for again", asked_again).await;
    assert_eq!(server.gave(200), 1, "its bytes come once");

    let other = jar("a.Main", 1001);
    server.put("operator-user-code", "jetJobs/jet-pipeline.jar", &other);
    let digest = Digest::of(&other);
    let is_other = |view: &JarView| matches!(view, JarView::Ready(it) if it.digest == digest);
    jars.until(&request, is_other).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_key_or_a_name_is_told_without_the_key() {
    let server = GoogleServer::start().await;
    server.put("operator-user-code", "jetJobs/a.jar", &jar("a.Main", 1));
    let here = format!("http://{}", server.address);
    let mut jars = jars_with(&[], |_| {}).await;
    let secrets = jars.scratch.path().join("secrets");
    for (value, problem, words) in [
        (
            "/etc/gcp/key.json".to_owned(),
            JarProblem::SecretMissing,
            "not the path of a file",
        ),
        (
            "{\"client_email\": \"hush\"}".to_owned(),
            JarProblem::SecretMissing,
            "has to hold the JSON key of a service account",
        ),
        (
            other_key(&here),
            JarProblem::Denied,
            "mend the secret `br-secret-gcp`",
        ),
        // A token is worth as much as the key, for an hour.
        (
            other_key("http://storage.example.com"),
            JarProblem::FetchFailed,
            "would be asked over http",
        ),
        (server.key(), JarProblem::NotFound, "has no such object"),
    ] {
        let keys = [("google-credentials-path", &*value)];
        write_secret(&secrets, "br-secret-gcp", &keys);
        let (found, message) = until_told(&mut jars, &sample("b.jar"), words).await;
        assert_eq!(found, problem, "{message}");
        assert!(
            !message.contains("hush") && !message.contains("PRIVATE"),
            "{message}"
        );
    }
}
