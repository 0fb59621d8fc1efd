//! Remotes that are away or hang, and clones that are damaged.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use super::remote::Remote;
use super::{Scene, comes, looked, shown, text};
use crate::support::wait::{PATIENCE, within};

#[tokio::test]
async fn while_the_remote_is_away_the_last_revision_stays_and_says_so() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    let commit = remote.push();
    let mut scene = Scene::of(&remote);
    scene.options.interval = Duration::from_millis(100);
    let source = scene.start().await;

    let away = remote.scratch.path().join("away.git");
    fs::rename(remote.bare(), &away).unwrap();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, revision.present), (&commit, true));
    assert_eq!(text(&revision, "a.yaml"), "a");
    let trouble = revision.trouble.clone().unwrap();
    let words = "can't be fetched from: there is no repository";
    assert!(trouble.contains(words), "{trouble}");

    // So it does after a restart, from the clone.
    drop(source);
    let source = scene.start().await;
    let revision = shown(&source);
    assert_eq!((&revision.id, revision.present), (&commit, true));
    assert_eq!(text(&revision, "a.yaml"), "a");
    assert!(revision.trouble.is_some());

    fs::rename(&away, remote.bare()).unwrap();
    let back = comes(&source, |it| it.trouble.is_none()).await;
    assert_eq!(back.id, commit);
}

#[tokio::test]
async fn what_was_never_fetched_is_not_present() {
    let scene = Scene::at("/nowhere/jobs.git");
    let revision = shown(&scene.start().await);
    assert!(!revision.present && revision.files.is_empty());
    assert!(revision.unreadable["."].contains("/nowhere/jobs.git"));
    assert!(revision.trouble.is_some());
}

#[tokio::test]
async fn a_damaged_clone_is_replaced() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.write("b.jar", "b");
    remote.push();
    let scene = Scene::of(&remote);
    let source = scene.start().await;

    damage(&scene.clone().join("repository/objects"));
    remote.write("a.yaml", "c");
    let commit = remote.push();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
    assert_eq!(text(&revision, "a.yaml"), "c");

    // And when nothing is new but the process.
    drop(source);
    damage(&scene.clone().join("repository/objects"));
    let revision = shown(&scene.start().await);
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
    assert_eq!(text(&revision, "a.yaml"), "c");

    fs::write(scene.clone().join("repository/HEAD"), "nonsense").unwrap();
    let revision = shown(&scene.start().await);
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
}

/// Overwrites every object and pack with zeros.
fn damage(objects: &Path) {
    let mut damaged = 0;
    let mut todo = vec![objects.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let length = fs::metadata(&path).unwrap().len();
            fs::remove_file(&path).unwrap();
            fs::write(&path, vec![0; usize::try_from(length).unwrap()]).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
}

#[tokio::test]
async fn a_fetch_that_hangs_is_killed() {
    // It takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jobs.git", listener.local_addr().unwrap());
    let mut scene = Scene::at(&url);
    scene.options.timeout = Duration::from_secs(2);
    let source = scene.start().await;
    let trouble = shown(&source).trouble.clone().unwrap();
    assert!(trouble.contains("was not done after 2s"), "{trouble}");

    let mut scene = Scene::at(&url);
    scene.options.stall_timeout = Duration::from_secs(2);
    let stalled = scene.start().await;
    let trouble = shown(&stalled).trouble.clone().unwrap();
    assert!(trouble.contains("nothing came for 2s"), "{trouble}");
    drop(stalled);
    let home = scene.clone().join("home");
    let gone = within(PATIENCE, || !runs_with_home(&home));
    assert!(gone, "the child still runs");
}

/// Whether a process has this home.
pub(super) fn runs_with_home(home: &Path) -> bool {
    let variable = format!("HOME={}\0", home.display());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut environments = processes.filter_map(|it| fs::read(it.path().join("environ")).ok());
    environments.any(|it| {
        let mut parts = it.windows(variable.len());
        parts.any(|part| part == variable.as_bytes())
    })
}
