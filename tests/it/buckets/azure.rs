//! Jars in containers of a real Azurite.

use jetkeeper::artifacts::{JarProblem, JarView};
use jetkeeper::resources::Digest;

use super::azurite::{ACCOUNT, Azurite, KEY};
use super::{jars_with, often, request, until_told, write_secret};
use crate::artifacts::jar;

#[tokio::test]
async fn a_jar_comes_from_a_container_and_refusals_say_what_to_do() {
    let azurite = Azurite::start();
    azurite.make("jobs").await;
    let bytes = jar("a.Main", 1000);
    azurite.upload("jobs", "prod/a.jar", &bytes).await;
    let keys = [("storage-account", ACCOUNT), ("storage-key", KEY)];
    let mut jars = jars_with(&keys, often).await;
    let found = request(&azurite.uri("jobs/prod"), "a.jar");
    jars.want([found.clone()]);
    assert_eq!(jars.ready(&found).await.digest, Digest::of(&bytes));
    let other = jar("a.Main", 1001);
    azurite.upload("jobs", "prod/a.jar", &other).await;
    let digest = Digest::of(&other);
    let is_other = |view: &JarView| matches!(view, JarView::Ready(it) if it.digest == digest);
    jars.until(&found, is_other).await;

    let secrets = jars.scratch.path().join("secrets");
    let wrong = "d3Jvbmctd3Jvbmc=";
    for (key, place, problem, words) in [
        (KEY, "jobs", JarProblem::NotFound, "has no such object"),
        (
            KEY,
            "other",
            JarProblem::NotFound,
            "there is no container `other`",
        ),
        (wrong, "jobs", JarProblem::Denied, "the secret `br`"),
        (
            "no base64!",
            "jobs",
            JarProblem::SecretMissing,
            "`storage-key` is no base64",
        ),
    ] {
        write_secret(&secrets, "br", &[("storage-key", key)]);
        let request = request(&azurite.uri(place), "b.jar");
        let (found, message) = until_told(&mut jars, &request, words).await;
        assert_eq!(found, problem, "{message}");
        assert!(!message.contains(key), "{message}");
    }
}
