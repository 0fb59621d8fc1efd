//! Sources of one repository share its clone, and the questions to its remote.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jetkeeper::source::git::GitReference;

use super::remote::Remote;
use super::{Scene, comes, looked, shown, start, text};
use crate::support::wait::{PATIENCE, within};

#[tokio::test]
async fn sources_of_one_repository_ask_once_and_have_one_clone() {
    let remote = Remote::new();
    remote.write("a/a.yaml", "a");
    remote.write("b/b.yaml", "b");
    remote.write("b/b.jar", "bytes of a jar");
    let first = remote.push();
    remote.git(&["tag", "v1"]);
    remote.push_as_it_is();
    let mut scene = Scene::of(&remote);
    scene.options.interval = Duration::from_hours(1);
    let repositories = scene.repositories();
    let of = |path: &str, reference| {
        let mut options = scene.options.clone();
        path.clone_into(&mut options.path);
        options.reference = reference;
        options
    };
    let (left, right, tagged) = (
        of("a", GitReference::Head),
        of("b", GitReference::Branch("main".to_owned())),
        of("b", GitReference::Tag("v1".to_owned())),
    );
    let sources = join_all([
        start("a", &left, &repositories),
        start("b", &right, &repositories),
        start("tagged", &tagged, &repositories),
    ])
    .await;
    for source in &sources {
        assert_eq!(shown(source).id, first);
        assert_eq!(source.questions(), 1);
    }
    assert_eq!(scene.clones().len(), 1);
    let jars = || fs::read_dir(scene.clone().join("jars")).unwrap().count();
    assert_eq!(jars(), 1);

    // What one finds out all know.
    remote.write("a/a.yaml", "new");
    remote.write("b/b.jar", "other bytes");
    let second = remote.push();
    assert_eq!(looked(&sources[0]).await.id, second);
    assert_eq!(text(&shown(&sources[0]), "a.yaml"), "new");
    let revision = comes(&sources[1], |it| it.id == second).await;
    assert_eq!(
        fs::read(&revision.jars["b.jar"].location).unwrap(),
        b"other bytes"
    );
    assert_eq!(sources[0].questions(), 2);
    // The tag still shows the jar of before.
    let before = shown(&sources[2]);
    assert_eq!((&before.id, jars()), (&first, 2));
    assert_eq!(
        fs::read(&before.jars["b.jar"].location).unwrap(),
        b"bytes of a jar"
    );
}

#[tokio::test]
async fn one_that_wants_what_is_not_there_stops_no_other() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    let commit = remote.push();
    let scene = Scene::of(&remote);
    let repositories = scene.repositories();
    let mut gone = scene.options.clone();
    gone.reference = GitReference::Branch("gone".to_owned());
    let (left, right) = tokio::join!(
        start("there", &scene.options, &repositories),
        start("gone", &gone, &repositories)
    );
    assert_eq!((&shown(&left).id, &shown(&left).trouble), (&commit, &None));
    let trouble = shown(&right).trouble.clone().unwrap();
    assert!(trouble.contains("has no branch gone"), "{trouble}");
}

/// A name of a branch may become a directory of names.
#[tokio::test]
async fn a_branch_in_the_place_of_another_is_fetched() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    let commit = remote.push();
    remote.git_bare(&["branch", "jobs", "main"], "");
    let mut scene = Scene::of(&remote);
    let repositories = scene.repositories();
    for (gone, there) in [(None, "jobs"), (Some("jobs"), "jobs/new")] {
        if let Some(gone) = gone {
            remote.git_bare(&["branch", "-D", gone], "");
            remote.git_bare(&["branch", there, "main"], "");
        }
        scene.options.reference = GitReference::Branch(there.to_owned());
        let source = start("jobs", &scene.options, &repositories).await;
        let revision = shown(&source);
        assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_source_kills_its_fetch_and_leaves_the_others_theirs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jobs.git", listener.local_addr().unwrap());
    let scene = Scene::at(&url);
    let repositories = scene.repositories();
    let starting = start("jobs", &scene.options, &repositories);
    let started = tokio::time::timeout(Duration::from_secs(5), starting).await;
    assert!(started.is_err(), "the remote never answers");
    let home = scene.clone().join("home");
    let began = Instant::now();
    let gone = within(PATIENCE, || !super::away::runs_with_home(&home));
    // Far sooner than anything that waits for an answer.
    assert!(gone && began.elapsed() < Duration::from_secs(10));
}
