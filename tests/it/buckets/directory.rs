//! Directories as buckets.

use std::fs;

use jetkeeper::artifacts::{JarProblem, JarView};
use jetkeeper::resources::Digest;

use super::{jars_with, often, request};
use crate::artifacts::jar;

#[tokio::test]
async fn a_file_is_read_again_when_it_is_another_one() {
    let place = tempfile::tempdir().unwrap();
    let bytes = jar("a.Main", 1000);
    fs::create_dir(place.path().join("prod")).unwrap();
    fs::write(place.path().join("prod/a-1.jar"), &bytes).unwrap();
    let link = place.path().join("prod/a.jar");
    std::os::unix::fs::symlink("a-1.jar", &link).unwrap();
    let mut jars = jars_with(&[], often).await;
    let uri = format!(
        "file://{}?prefix=prod/&no_tmp_dir=true",
        place.path().display()
    );
    let request = request(&uri, "a.jar");
    jars.want([request.clone()]);
    assert_eq!(jars.ready(&request).await.digest, Digest::of(&bytes));

    let other = jar("a.Main", 1001);
    fs::write(place.path().join("prod/a-2.jar"), &other).unwrap();
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("a-2.jar", &link).unwrap();
    let digest = Digest::of(&other);
    let is_other = |view: &JarView| matches!(view, JarView::Ready(it) if it.digest == digest);
    jars.until(&request, is_other).await;
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let place = tempfile::tempdir().unwrap();
    let shown = place.path().display().to_string();
    let mut jars = jars_with(&[], |_| {}).await;
    for (uri, problem, words) in [
        (
            format!("file://{shown}"),
            JarProblem::NotFound,
            "a.jar is not there; put the jar there",
        ),
        (
            format!("file://{shown}/x"),
            JarProblem::NotFound,
            "there is no directory",
        ),
        (
            format!("file://{shown}?prefix=folder/"),
            JarProblem::Unreadable,
            "is not a regular file",
        ),
    ] {
        fs::create_dir_all(place.path().join("folder/a.jar")).unwrap();
        let (found, message) = jars.unavailable(&request(&uri, "a.jar")).await;
        assert_eq!(found, problem, "{message}");
        assert!(message.contains(words), "{message}");
    }
}
