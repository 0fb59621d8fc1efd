//! The directory source on a real filesystem: what it shows, and when.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::clock::SystemClock;
use jetkeeper::resources::{Revision, SourceName};
use jetkeeper::source::{DirectoryOptions, DirectorySource, Source};
use tokio::sync::watch;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

/// Neither the timer nor polling may help where events are what is tested.
fn events_only() -> DirectoryOptions {
    DirectoryOptions {
        rescan_interval: Duration::from_hours(1),
        poll_interval: Duration::from_hours(1),
        ..DirectoryOptions::default()
    }
}

struct Watched {
    scratch: tempfile::TempDir,
    source: DirectorySource,
    revisions: watch::Receiver<Arc<Revision>>,
}

impl Watched {
    /// A source at `jobs` in a scratch directory that `prepare` filled.
    async fn start(prepare: impl FnOnce(&Path)) -> Self {
        Self::start_with("jobs", events_only(), prepare).await
    }

    async fn start_with(
        path: &str,
        options: DirectoryOptions,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        prepare(scratch.path());
        let clock = Arc::new(SystemClock);
        let name = SourceName("test".to_owned());
        let path = scratch.path().join(path);
        let source = DirectorySource::start(name, &path, options, clock)
            .await
            .unwrap();
        // From here on everything is watched.
        source.rescan().await;
        let mut revisions = source.revisions();
        revisions.mark_unchanged();
        Self {
            scratch,
            source,
            revisions,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.scratch.path().join(path)
    }

    fn now(&self) -> Arc<Revision> {
        Arc::clone(&self.revisions.borrow())
    }

    /// The next revision that is published.
    async fn next(&mut self) -> Arc<Revision> {
        timeout(DEADLINE, self.revisions.changed())
            .await
            .expect("a revision in time")
            .unwrap();
        Arc::clone(&self.revisions.borrow_and_update())
    }

    /// Checks what the next revision shows of a file.
    async fn next_shows(&mut self, path: &str, content: &str) {
        let revision = self.next().await;
        assert_eq!(text(&revision, path), Some(content));
    }

    /// The first revision that shows this.
    async fn until(&mut self, holds: impl Fn(&Revision) -> bool) -> Arc<Revision> {
        let mut revisions = self.source.revisions();
        let found = timeout(DEADLINE, revisions.wait_for(|revision| holds(revision))).await;
        let Ok(found) = found else {
            panic!("not in time; shown is {:?}", self.now());
        };
        self.revisions.mark_unchanged();
        Arc::clone(&found.unwrap())
    }

    /// Waits until it has looked more often than that.
    async fn looks_beyond(&self, scans: u64) {
        let looked = timeout(DEADLINE, async {
            while self.source.scans() <= scans {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        looked.await.expect("a look in time");
    }

    /// Whether nothing was published since the last look at it, although everything was looked at.
    async fn stays(&mut self) -> bool {
        self.source.rescan().await;
        !self.revisions.has_changed().unwrap()
    }
}

fn text<'a>(revision: &'a Revision, path: &str) -> Option<&'a str> {
    let file = revision.files.get(path)?;
    Some(std::str::from_utf8(&file.bytes).unwrap())
}

fn one_file(top: &Path) {
    fs::create_dir(top.join("jobs")).unwrap();
    fs::write(top.join("jobs/a.yaml"), "one").unwrap();
}

#[tokio::test]
async fn a_file_renamed_into_place_is_seen() {
    let mut watched = Watched::start(one_file).await;
    fs::write(watched.path("new"), "two").unwrap();
    fs::rename(watched.path("new"), watched.path("jobs/a.yaml")).unwrap();
    watched.next_shows("a.yaml", "two").await;
    assert!(watched.stays().await);
}

#[tokio::test]
async fn a_file_truncated_and_written_in_pieces_is_one_revision() {
    let mut watched = Watched::start(one_file).await;
    let mut file = fs::File::create(watched.path("jobs/a.yaml")).unwrap();
    for piece in ["tw", "o, ", "and more"] {
        let scans = watched.source.scans();
        file.write_all(piece.as_bytes()).unwrap();
        watched.looks_beyond(scans).await;
    }
    assert_eq!(text(&watched.now(), "a.yaml"), Some("one"));
    drop(file);
    watched.next_shows("a.yaml", "two, and more").await;
    assert!(watched.stays().await);
}

#[tokio::test]
async fn a_new_file_is_not_shown_before_it_is_complete() {
    let mut watched = Watched::start(one_file).await;
    let scans = watched.source.scans();
    let mut file = fs::File::create(watched.path("jobs/b.yaml")).unwrap();
    watched.looks_beyond(scans).await;
    let scans = watched.source.scans();
    file.write_all(b"new").unwrap();
    watched.looks_beyond(scans).await;
    assert!(!watched.now().files.contains_key("b.yaml"));
    drop(file);
    watched.next_shows("b.yaml", "new").await;
}

#[tokio::test]
async fn a_file_that_is_held_open_is_taken_in_the_end() {
    let options = DirectoryOptions {
        writer_patience: Duration::from_millis(100),
        ..events_only()
    };
    let mut watched = Watched::start_with("jobs", options, one_file).await;
    let mut file = fs::File::create(watched.path("jobs/a.yaml")).unwrap();
    file.write_all(b"open").unwrap();
    watched
        .until(|revision| text(revision, "a.yaml") == Some("open"))
        .await;
}

#[tokio::test]
async fn rewriting_the_same_size_at_once_is_seen() {
    let mut watched = Watched::start(one_file).await;
    for round in 0..50 {
        let content = format!("{round:03}");
        fs::write(watched.path("jobs/a.yaml"), &content).unwrap();
        watched.source.rescan().await;
        watched
            .until(|revision| text(revision, "a.yaml") == Some(content.as_str()))
            .await;
    }
}

#[tokio::test]
async fn a_swapped_link_at_the_root_is_seen() {
    let mut watched = Watched::start(|top| {
        for release in ["1", "2"] {
            fs::create_dir_all(top.join("releases").join(release)).unwrap();
            let file = top.join("releases").join(release).join("a.yaml");
            fs::write(file, release).unwrap();
        }
        symlink("releases/1", top.join("jobs")).unwrap();
    })
    .await;
    for release in ["2", "1"] {
        let target = Path::new("releases").join(release);
        symlink(target, watched.path("next")).unwrap();
        fs::rename(watched.path("next"), watched.path("jobs")).unwrap();
        let revision = watched.next().await;
        assert_eq!(text(&revision, "a.yaml"), Some(release));
        assert!(watched.stays().await);
    }
    fs::write(watched.path("releases/1/a.yaml"), "edited").unwrap();
    watched.next_shows("a.yaml", "edited").await;
}

#[tokio::test]
async fn a_swapped_link_above_the_root_is_seen() {
    let mut watched = Watched::start_with("current/jobs", events_only(), |top| {
        for release in ["1", "2"] {
            fs::create_dir_all(top.join(release).join("jobs")).unwrap();
            fs::write(top.join(release).join("jobs/a.yaml"), release).unwrap();
        }
        symlink("1", top.join("current")).unwrap();
    })
    .await;
    symlink("2", watched.path("next")).unwrap();
    fs::rename(watched.path("next"), watched.path("current")).unwrap();
    watched.next_shows("a.yaml", "2").await;
}

#[tokio::test]
async fn files_behind_a_swapped_data_link_change_in_one_revision() {
    let version = |top: &Path, version: &str| {
        let directory = top.join(format!("jobs/..{version}"));
        fs::create_dir_all(directory.join("nested")).unwrap();
        for file in ["a.yaml", "b.yaml", "nested/c.yaml"] {
            fs::write(directory.join(file), format!("{file} {version}")).unwrap();
        }
    };
    let mut watched = Watched::start(|top| {
        version(top, "1");
        symlink("..1", top.join("jobs/..data")).unwrap();
        for name in ["a.yaml", "b.yaml", "nested"] {
            let target = Path::new("..data").join(name);
            symlink(target, top.join("jobs").join(name)).unwrap();
        }
    })
    .await;
    let files = ["a.yaml", "b.yaml", "nested/c.yaml"];
    for file in files {
        assert_eq!(
            text(&watched.now(), file),
            Some(format!("{file} 1").as_str())
        );
    }
    version(watched.scratch.path(), "2");
    symlink("..2", watched.path("jobs/..data_tmp")).unwrap();
    fs::rename(watched.path("jobs/..data_tmp"), watched.path("jobs/..data")).unwrap();
    let revision = watched.next().await;
    for file in files {
        assert_eq!(text(&revision, file), Some(format!("{file} 2").as_str()));
    }
    fs::remove_dir_all(watched.path("jobs/..1")).unwrap();
    assert!(watched.stays().await);
    fs::write(watched.path("jobs/..2/nested/c.yaml"), "edited").unwrap();
    watched.next_shows("nested/c.yaml", "edited").await;
}

#[tokio::test]
async fn new_nested_directories_with_files_are_seen_whole() {
    let mut watched = Watched::start(one_file).await;
    for round in 0..20 {
        let directory = watched.path(&format!("jobs/{round}/deep/er"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("b.yml"), "new").unwrap();
        let path = format!("{round}/deep/er/b.yml");
        watched
            .until(|revision| text(revision, &path) == Some("new"))
            .await;
        fs::write(directory.join("b.yml"), "edited").unwrap();
        watched
            .until(|revision| text(revision, &path) == Some("edited"))
            .await;
    }
}

#[tokio::test]
async fn a_moved_directory_is_still_watched() {
    let mut watched = Watched::start(|top| {
        fs::create_dir_all(top.join("jobs/old/deep")).unwrap();
        fs::write(top.join("jobs/old/deep/a.yaml"), "one").unwrap();
    })
    .await;
    for (from, to) in [("old", "new"), ("new", "old"), ("old", "newer")] {
        let (old, new) = (
            watched.path("jobs").join(from),
            watched.path("jobs").join(to),
        );
        fs::rename(&old, &new).unwrap();
        let path = format!("{to}/deep/a.yaml");
        watched
            .until(|revision| revision.files.contains_key(&path))
            .await;
        fs::write(new.join("deep/a.yaml"), to).unwrap();
        watched
            .until(|revision| text(revision, &path) == Some(to))
            .await;
    }
}

#[tokio::test]
async fn a_removed_root_is_absent_and_comes_back() {
    let mut watched = Watched::start(one_file).await;
    for round in 0..10 {
        fs::remove_dir_all(watched.path("jobs")).unwrap();
        let absent = watched.until(|revision| !revision.present).await;
        assert!(absent.files.is_empty());
        assert!(absent.unreadable["."].contains("there is no "));
        fs::create_dir(watched.path("jobs")).unwrap();
        let content = round.to_string();
        fs::write(watched.path("jobs/a.yaml"), &content).unwrap();
        watched
            .until(|revision| text(revision, "a.yaml") == Some(content.as_str()))
            .await;
    }
}

#[tokio::test]
async fn a_root_and_its_parents_may_come_later() {
    let mut watched = Watched::start_with("not/yet/there", events_only(), |_| {}).await;
    assert!(!watched.now().present);
    fs::create_dir_all(watched.path("not/yet")).unwrap();
    fs::create_dir(watched.path("not/yet/there")).unwrap();
    watched.until(|revision| revision.present).await;
    fs::write(watched.path("not/yet/there/a.yaml"), "here").unwrap();
    watched
        .until(|revision| text(revision, "a.yaml") == Some("here"))
        .await;
}

#[tokio::test]
async fn a_sub_directory_removed_and_made_again_is_watched() {
    let mut watched = Watched::start(|top| {
        fs::create_dir_all(top.join("jobs/sub")).unwrap();
        fs::write(top.join("jobs/sub/a.yaml"), "one").unwrap();
    })
    .await;
    for round in 0..20 {
        fs::remove_dir_all(watched.path("jobs/sub")).unwrap();
        fs::create_dir(watched.path("jobs/sub")).unwrap();
        let content = round.to_string();
        fs::write(watched.path("jobs/sub/a.yaml"), &content).unwrap();
        watched
            .until(|revision| text(revision, "sub/a.yaml") == Some(content.as_str()))
            .await;
    }
}

#[tokio::test]
async fn reading_causes_no_look() {
    let mut watched = Watched::start(one_file).await;
    // A first change, so that the file is young and is read again by every look.
    fs::write(watched.path("jobs/a.yaml"), "two").unwrap();
    watched.next().await;
    watched.source.rescan().await;
    let scans = watched.source.scans();
    for _ in 0..10 {
        fs::read(watched.path("jobs/a.yaml")).unwrap();
        fs::read_dir(watched.path("jobs")).unwrap().count();
    }
    for look in 1..=10 {
        watched.source.rescan().await;
        assert_eq!(watched.source.scans(), scans + look);
    }
    // A change that is seen: whatever else had been under way came before it.
    fs::rename(watched.path("jobs/a.yaml"), watched.path("jobs/b.yaml")).unwrap();
    watched.next().await;
    assert!(watched.source.scans() <= scans + 12);
}

#[tokio::test]
async fn changes_beside_the_source_cause_no_look() {
    let mut watched = Watched::start(one_file).await;
    let scans = watched.source.scans();
    for number in 0..100 {
        fs::write(watched.path(&format!("{number}.yaml")), "x").unwrap();
    }
    fs::write(watched.path("new"), "two").unwrap();
    fs::rename(watched.path("new"), watched.path("jobs/a.yaml")).unwrap();
    watched.next().await;
    assert!(watched.source.scans() <= scans + 2);
}

#[tokio::test]
async fn jars_are_shown_by_their_stamp() {
    let mut watched = Watched::start(one_file).await;
    fs::create_dir(watched.path("jobs/jars")).unwrap();
    fs::write(watched.path("jobs/jars/a.jar"), "bytes").unwrap();
    let first = watched
        .until(|revision| revision.jars.contains_key("jars/a.jar"))
        .await;
    assert_eq!(first.jars["jars/a.jar"].size, 5);
    fs::write(watched.path("new"), "other").unwrap();
    fs::rename(watched.path("new"), watched.path("jobs/jars/a.jar")).unwrap();
    let second = watched.next().await;
    assert_ne!(
        first.jars["jars/a.jar"].stamp,
        second.jars["jars/a.jar"].stamp
    );
    let location = &second.jars["jars/a.jar"].location;
    assert_eq!(fs::read(location).unwrap(), b"other");
}

#[tokio::test]
async fn one_file_is_a_source_with_the_jars_beside_it() {
    let mut watched = Watched::start_with("jobs/a.yaml", events_only(), |top| {
        one_file(top);
        fs::write(top.join("jobs/b.yaml"), "not asked for").unwrap();
        fs::write(top.join("jobs/a.jar"), "jar").unwrap();
        fs::create_dir_all(top.join("jobs/jars/deep")).unwrap();
        fs::write(top.join("jobs/jars/b.jar"), "jar").unwrap();
        fs::write(top.join("jobs/jars/deep/c.jar"), "jar").unwrap();
    })
    .await;
    let revision = watched.now();
    assert_eq!(revision.files.keys().collect::<Vec<_>>(), ["a.yaml"]);
    assert_eq!(
        revision.jars.keys().collect::<Vec<_>>(),
        ["a.jar", "jars/b.jar"]
    );
    fs::write(watched.path("new"), "two").unwrap();
    fs::rename(watched.path("new"), watched.path("jobs/a.yaml")).unwrap();
    watched.next_shows("a.yaml", "two").await;
    fs::remove_file(watched.path("jobs/a.yaml")).unwrap();
    assert!(!watched.next().await.present);
}

#[tokio::test]
async fn without_events_it_polls() {
    let options = DirectoryOptions {
        events: false,
        poll_interval: Duration::from_millis(20),
        ..events_only()
    };
    let mut watched = Watched::start_with("jobs", options, one_file).await;
    fs::write(watched.path("new"), "two").unwrap();
    fs::rename(watched.path("new"), watched.path("jobs/a.yaml")).unwrap();
    watched.next_shows("a.yaml", "two").await;
}

#[tokio::test]
async fn beyond_the_limit_of_watches_it_polls_until_there_is_room() {
    // Every directory from the root of the filesystem to the source is watched, and a few in it.
    let temporary = std::env::temp_dir().canonicalize().unwrap();
    let options = DirectoryOptions {
        max_watches: temporary.components().count() + 2 + 4,
        poll_interval: Duration::from_millis(20),
        rescan_interval: Duration::from_millis(100),
        ..events_only()
    };
    let mut watched = Watched::start_with("jobs", options, |top| {
        for directory in 0..8 {
            fs::create_dir_all(top.join(format!("jobs/{directory}"))).unwrap();
        }
    })
    .await;
    fs::write(watched.path("jobs/1/a.yaml"), "polled").unwrap();
    watched.next_shows("1/a.yaml", "polled").await;
    fs::write(watched.path("jobs/1/a.yaml"), "again").unwrap();
    watched.next_shows("1/a.yaml", "again").await;
    for directory in 2..8 {
        fs::remove_dir(watched.path(&format!("jobs/{directory}"))).unwrap();
    }
    fs::write(watched.path("jobs/1/a.yaml"), "watched").unwrap();
    watched
        .until(|revision| text(revision, "1/a.yaml") == Some("watched"))
        .await;
}

#[tokio::test]
async fn the_timer_finds_what_no_event_told() {
    let options = DirectoryOptions {
        rescan_interval: Duration::from_millis(50),
        ..events_only()
    };
    let watched = Watched::start_with("jobs", options, one_file).await;
    for _ in 0..3 {
        watched.looks_beyond(watched.source.scans()).await;
    }
}

#[tokio::test]
async fn it_stops_when_dropped() {
    let watched = Watched::start(one_file).await;
    let mut revisions = watched.revisions.clone();
    drop(watched);
    let ended = timeout(DEADLINE, async {
        while revisions.changed().await.is_ok() {}
    })
    .await;
    ended.expect("the task ends");
}

#[tokio::test]
async fn ten_thousand_files_are_read_once() {
    let mut watched = Watched::start(|top| {
        for directory in 0..100 {
            let directory = top.join(format!("jobs/{directory:02}"));
            fs::create_dir_all(&directory).unwrap();
            for file in 0..100 {
                let file = directory.join(format!("{file:02}.yaml"));
                fs::write(&file, file.to_string_lossy().as_bytes()).unwrap();
            }
        }
    })
    .await;
    let before = watched.now();
    assert_eq!(before.files.len(), 10_000);
    fs::write(watched.path("new"), "changed").unwrap();
    fs::rename(watched.path("new"), watched.path("jobs/42/42.yaml")).unwrap();
    let after = watched.next().await;
    assert_eq!(text(&after, "42/42.yaml"), Some("changed"));
    let shared = before
        .files
        .iter()
        .filter(|(path, file)| Arc::ptr_eq(&file.bytes, &after.files[*path].bytes))
        .count();
    assert_eq!(shared, 9_999);
}
