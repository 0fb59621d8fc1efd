//! Jars from files.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use jetkeeper::artifacts::{
    ArtifactOptions, Artifacts, CacheError, JarProblem, JarRequest, JarView, MainClass,
};
use jetkeeper::resources::{Digest, JarOrigin};
use tokio::time::timeout;

use super::{DEADLINE, Jars, file_request, jar, of_class};

#[tokio::test]
async fn a_file_is_ready_with_its_main_class() {
    let mut jars = Jars::start().await;
    let bytes = jar("a.Main", 1);
    let request = jars.file("a.jar", &bytes);
    let (other, absent) = (of_class(&request, "a.Main"), of_class(&request, "a.Absent"));
    jars.want([request.clone(), other.clone()]);
    let facts = jars.ready(&request).await;
    assert_eq!(facts.digest, Digest::of(&bytes));
    assert_eq!(facts.size, bytes.len() as u64);
    assert_eq!(facts.main_class, MainClass::Found("a.Main".into()));
    assert_eq!(jars.ready(&other).await, facts);
    assert_eq!(jars.bytes(&facts.digest).await.unwrap(), bytes);
    // Another class of the same jar: what is known already stays known.
    jars.want([request.clone(), absent.clone()]);
    let seen = jars.ready(&absent).await;
    assert_eq!(seen.main_class, MainClass::Absent("a.Absent".into()));
    assert_eq!(jars.ready(&request).await, facts);
}

#[tokio::test]
async fn an_unchanged_request_is_not_read_again() {
    let mut jars = Jars::start().await;
    let request = jars.file("a.jar", &jar("a.Main", 1));
    jars.want([request.clone()]);
    let facts = jars.ready(&request).await;
    fs::remove_file(jars.scratch.path().join("a.jar")).unwrap();
    let other = jars.file("b.jar", &jar("b.Main", 1));
    jars.want([request.clone(), other.clone()]);
    jars.ready(&other).await;
    assert_eq!(jars.ready(&request).await, facts);
}

#[tokio::test]
async fn files_that_cannot_be_had_say_why() {
    let mut jars = Jars::start().await;
    let absent = file_request(&jars.scratch.path().join("absent"));
    let (problem, message) = jars.unavailable(&absent).await;
    assert_eq!(problem, JarProblem::NotFound);
    assert!(message.contains("a.jar or jars/a.jar"), "{message}");

    let request = jars.file("gone.jar", b"");
    fs::remove_file(jars.scratch.path().join("gone.jar")).unwrap();
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::NotFound);
    assert!(
        message.contains("gone.jar is not there any more"),
        "{message}"
    );

    let request = jars.file("text.jar", b"no jar");
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::NotAJar, "{message}");

    let whole = jar("a.Main", 1);
    let request = jars.file("half.jar", &whole[..whole.len() / 2]);
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::NotAJar, "{message}");
    assert_eq!(jars.cached(), BTreeSet::new());
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_refused() {
    let set = |options: &mut ArtifactOptions| options.max_jar_size = 1000;
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    let request = jars.file("a.jar", &jar("a.Main", 1000));
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::TooLarge, "{message}");
}

#[tokio::test]
async fn a_file_that_failed_is_tried_again() {
    let set = |options: &mut ArtifactOptions| {
        options.retry = (Duration::from_millis(20), Duration::from_millis(20));
    };
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    let bytes = jar("a.Main", 1);
    let request = jars.file("a.jar", &bytes);
    let path = jars.scratch.path().join("a.jar");
    fs::rename(&path, path.with_extension("away")).unwrap();
    let (problem, _) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::NotFound);
    fs::rename(path.with_extension("away"), &path).unwrap();
    let ready = |view: &JarView| matches!(view, JarView::Ready(_));
    jars.until(&request, ready).await;
}

#[tokio::test]
async fn a_damaged_jar_is_read_again() {
    let mut jars = Jars::start().await;
    let bytes = jar("a.Main", 1);
    let request = jars.file("a.jar", &bytes);
    jars.want([request.clone()]);
    let digest = jars.ready(&request).await.digest;
    let cached = jars
        .scratch
        .path()
        .join(format!("jars/sha256/{digest}.jar"));
    fs::write(&cached, vec![0; bytes.len()]).unwrap();
    let error = jars.bytes(&digest).await.unwrap_err();
    assert!(matches!(error, CacheError::Corrupt { .. }), "{error}");
    let again = timeout(DEADLINE, async {
        loop {
            if let Ok(bytes) = jars.bytes(&digest).await {
                return bytes;
            }
            jars.views.changed().await.unwrap();
        }
    });
    assert_eq!(again.await.expect("again in time"), bytes);
}

#[tokio::test]
async fn what_is_pinned_or_wanted_stays_in_the_cache() {
    let set = |options: &mut ArtifactOptions| options.max_cache_size = 2500;
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    let mut digests = Vec::new();
    for class in ["a.A", "b.B", "c.C", "d.D"] {
        let request = jars.file(&format!("{class}.jar"), &jar(class, 500));
        jars.want([request.clone()]);
        let digest = jars.ready(&request).await.digest;
        if class == "a.A" {
            jars.artifacts.pin([digest].into());
        }
        digests.push(digest);
    }
    assert!(jars.bytes(&digests[0]).await.is_ok());
    assert!(jars.bytes(&digests[1]).await.is_err());
    assert!(jars.bytes(&digests[3]).await.is_ok());
}

#[tokio::test]
async fn other_origins_are_answered_at_once() {
    let mut jars = Jars::start().await;
    let member = JarRequest {
        origin: JarOrigin::Member {
            path: "/a.jar".into(),
        },
        main_class: None,
    };
    jars.want([member.clone()]);
    let any = |_: &JarView| true;
    assert_eq!(jars.until(&member, any).await, JarView::OnMember);
    jars.want([]);
    let empty = timeout(DEADLINE, jars.views.wait_for(|views| views.is_empty())).await;
    assert!(empty.expect("in time").is_ok());
}
