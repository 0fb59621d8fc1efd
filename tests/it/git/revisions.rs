//! What is pushed is shown.

use std::fs;
use std::sync::Arc;

use jetkeeper::source::git::GitReference;
use semver::VersionReq;

use super::remote::Remote;
use super::{Scene, comes, looked, shown, text};

#[tokio::test]
async fn a_commit_is_a_revision_with_its_files_and_jars() {
    let remote = Remote::new();
    remote.write("jobs/orders.yaml", "orders");
    remote.write("jobs/orders.jar", "bytes of a jar");
    remote.write("README.md", "of no interest");
    let commit = remote.push();

    let scene = Scene::of(&remote);
    let revision = shown(&scene.start().await);
    assert_eq!(revision.id, commit);
    assert!(revision.present && revision.trouble.is_none());
    assert!(revision.unreadable.is_empty(), "{:?}", revision.unreadable);
    assert_eq!(revision.files.len(), 1);
    assert_eq!(text(&revision, "jobs/orders.yaml"), "orders");
    let jar = &revision.jars["jobs/orders.jar"];
    assert_eq!(fs::read(&jar.location).unwrap(), b"bytes of a jar");
    let committed = remote.git(&["log", "-1", "--format=%ct"]);
    let changed_at = revision.changed_at.unwrap().as_second();
    assert_eq!(changed_at.to_string(), committed);
}

#[tokio::test]
async fn only_changed_blobs_are_read_again() {
    let remote = Remote::new();
    remote.write("same.yaml", "same");
    remote.write("other.yaml", "before");
    remote.write("old.jar", "old");
    remote.push();
    let scene = Scene::of(&remote);
    let source = scene.start().await;
    let before = shown(&source);

    remote.write("other.yaml", "after");
    remote.remove("old.jar");
    remote.write("new.jar", "new");
    let commit = remote.push();
    let after = looked(&source).await;
    assert_eq!(after.id, commit);
    assert_eq!(text(&after, "other.yaml"), "after");
    let bytes = |path: &str| (&before.files[path].bytes, &after.files[path].bytes);
    let (left, right) = bytes("same.yaml");
    assert!(Arc::ptr_eq(left, right), "the blob was read again");
    assert!(!before.jars["old.jar"].location.exists());
    assert_eq!(fs::read(&after.jars["new.jar"].location).unwrap(), b"new");

    let again = looked(&source).await;
    assert!(Arc::ptr_eq(&after, &again), "nothing new was pushed");
}

#[tokio::test]
async fn what_is_pushed_is_found_by_polling() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.push();
    let mut scene = Scene::of(&remote);
    scene.options.interval = std::time::Duration::from_millis(100);
    let source = scene.start().await;
    remote.write("a.yaml", "b");
    let commit = remote.push();
    let revision = comes(&source, |it| it.id == commit).await;
    assert_eq!(text(&revision, "a.yaml"), "b");
}

#[tokio::test]
async fn a_path_a_tag_a_range_and_a_commit_are_taken() {
    let remote = Remote::new();
    remote.write("a.yaml", "top");
    remote.write("below/b.yaml", "below");
    let first = remote.push();
    remote.git(&["tag", "v1.2.0"]);
    remote.write("a.yaml", "later");
    let second = remote.push();
    remote.git(&["tag", "-a", "-m", "annotated", "v1.10.0"]);
    remote.write("a.yaml", "last");
    let last = remote.push();

    let range = |text: &str| GitReference::Semver(VersionReq::parse(text).unwrap());
    for (reference, commit) in [
        (GitReference::Head, &last),
        (GitReference::Branch("main".into()), &last),
        (GitReference::Tag("v1.2.0".into()), &first),
        (GitReference::Tag("v1.10.0".into()), &second),
        (range("^1"), &second),
        (range("~1.2"), &first),
        (GitReference::Commit(first.clone()), &first),
    ] {
        let mut scene = Scene::of(&remote);
        scene.options.reference = reference.clone();
        scene.options.path = "below".to_owned();
        let revision = shown(&scene.start().await);
        assert_eq!(revision.id, *commit, "{reference}");
        assert_eq!(text(&revision, "b.yaml"), "below", "{reference}");
        assert_eq!(revision.files.len(), 1);
    }

    let mut scene = Scene::of(&remote);
    scene.options.reference = GitReference::Branch("gone".into());
    let revision = shown(&scene.start().await);
    assert!(!revision.present);
    let trouble = revision.trouble.clone().unwrap();
    assert!(trouble.contains("has no branch gone"), "{trouble}");
}
