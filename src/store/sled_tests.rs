//! The store in a directory: what survives, and what damage ends in.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::change::Change;
use super::check::check;
use super::export::{export, import};
use super::rebuild::move_aside;
use super::samples;
use super::{SledStore, Store, StoreError};
use crate::clock::{Random, SystemClock};
use crate::plan::record::Recorded;
use crate::plan::step::Outcome;

async fn open(dir: &Path) -> Result<SledStore, StoreError> {
    SledStore::open(dir, &SystemClock, &Random::from_seed(7)).await
}

async fn recorded(dir: &Path) -> Result<Recorded, StoreError> {
    open(dir).await?.load().await
}

/// A state directory with some commits, and what is recorded in it.
async fn with_commits(commits: u64) -> (TempDir, Recorded) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let mut live = store.load().await.unwrap();
    for number in 1..=commits {
        let mut change = if number == 1 {
            samples::full_change()
        } else {
            samples::job_change(&format!("job-{}", number % 7), number)
        };
        change.events.push(samples::event(&number.to_string()));
        store.commit(&change).await.unwrap();
        change.apply(&mut live);
    }
    (dir, live)
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in files_of(dir) {
        let target = copy.path().join(file.strip_prefix(dir).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
    copy
}

/// The promise: everything is there, or the error says that it is damaged.
async fn assert_whole_or_damaged(dir: &Path, live: &Recorded, what: &str) -> bool {
    match recorded(dir).await {
        Ok(found) => {
            assert_eq!(&found, live, "{what}");
            true
        }
        Err(StoreError::Damaged { .. }) => false,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

#[tokio::test]
async fn a_new_directory_gives_a_fresh_store_that_only_its_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/state");
    assert!(!SledStore::exists(&dir).unwrap());
    let first = recorded(&dir).await.unwrap();
    assert!(first.fresh);
    assert!(SledStore::exists(&dir).unwrap());
    assert_eq!(first.store_id.len(), 36);
    // Opened again before anything was recorded, it is the same store and still fresh.
    assert_eq!(recorded(&dir).await.unwrap(), first);
    for private in [dir.clone(), dir.join("data")] {
        let mode = fs::metadata(&private).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", private.display());
    }
}

#[tokio::test]
async fn what_is_read_back_is_what_was_committed() {
    let (dir, live) = with_commits(30).await;
    assert_eq!(recorded(dir.path()).await.unwrap(), live);
    let store = open(dir.path()).await.unwrap();
    let events = store.events(3).await.unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|entry| (entry.seq, entry.event.message.as_str()))
        .collect();
    assert_eq!(seen, [(29, "28"), (30, "29"), (31, "30")]);
    assert_eq!(store.journal(9).await.unwrap().len(), 1);
    assert_eq!(store.revisions(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_second_opener_is_told_who_has_it() {
    let (dir, _) = with_commits(1).await;
    let _first = open(dir.path()).await.unwrap();
    let Err(second) = open(dir.path()).await else {
        panic!("opened twice");
    };
    let pid = std::process::id();
    assert!(
        second
            .to_string()
            .contains(&format!("in use by process {pid}")),
        "{second}"
    );
}

#[tokio::test]
async fn an_illegal_change_leaves_the_store_usable() {
    let (dir, _) = with_commits(1).await;
    let store = open(dir.path()).await.unwrap();
    let twice = samples::full_change();
    let refused = store.commit(&twice).await;
    assert!(
        matches!(refused, Err(StoreError::Illegal { .. })),
        "{refused:?}"
    );
    store.commit(&samples::job_change("b", 1)).await.unwrap();
}

#[tokio::test]
async fn a_value_above_a_page_survives() {
    let (dir, mut live) = with_commits(1).await;
    let store = open(dir.path()).await.unwrap();
    let mut change = samples::job_change("big", 1);
    let mut record = samples::job_record("big", 1);
    let mut spec = (*record.spec).clone();
    spec.parameters = vec!["x".repeat(1 << 20)];
    record.spec = std::sync::Arc::new(spec);
    change
        .jobs
        .insert("big".to_owned(), Some(std::sync::Arc::new(record)));
    store.commit(&change).await.unwrap();
    change.apply(&mut live);
    drop(store);
    assert!(fs::read_dir(dir.path().join("data/blobs")).unwrap().count() > 0);
    assert_eq!(recorded(dir.path()).await.unwrap(), live);
}

#[tokio::test]
async fn a_newer_version_is_refused_before_anything_is_touched() {
    let (dir, _) = with_commits(2).await;
    let marker = dir.path().join("jetkeeper-state.json");
    let json = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, json.replace("\"schema\":1", "\"schema\":2")).unwrap();
    let before = files_of(dir.path());
    let error = recorded(dir.path()).await.unwrap_err();
    let known = super::SCHEMA_VERSION;
    assert!(
        matches!(error, StoreError::Newer { found: 2, known: k, .. } if k == known),
        "{error}"
    );
    assert_eq!(files_of(dir.path()), before);
}

#[tokio::test]
async fn no_removed_file_ends_in_an_empty_store() {
    let (dir, live) = with_commits(20).await;
    for file in files_of(dir.path()) {
        let copy = copy_of(dir.path());
        let name = file.strip_prefix(dir.path()).unwrap();
        fs::remove_file(copy.path().join(name)).unwrap();
        let what = format!("without {}", name.display());
        let whole = assert_whole_or_damaged(copy.path(), &live, &what).await;
        println!("{what}: {}", if whole { "whole" } else { "damaged" });
    }
    for names in [
        ["data", "lock"],
        ["data", "committed"],
        ["data", "jetkeeper-state.json"],
    ] {
        let copy = copy_of(dir.path());
        fs::remove_dir_all(copy.path().join(names[0])).unwrap();
        fs::remove_file(copy.path().join(names[1])).unwrap();
        let what = format!("without {names:?}");
        assert!(!assert_whole_or_damaged(copy.path(), &live, &what).await);
    }
}

#[tokio::test]
async fn no_file_cut_short_ends_in_an_empty_store() {
    let (dir, live) = with_commits(40).await;
    for file in files_of(dir.path()) {
        let name = file.strip_prefix(dir.path()).unwrap();
        let length = fs::metadata(&file).unwrap().len();
        for part in 0..12 {
            let copy = copy_of(dir.path());
            let file = fs::OpenOptions::new()
                .write(true)
                .open(copy.path().join(name))
                .unwrap();
            file.set_len(length * part / 12).unwrap();
            let what = format!("{} cut to {part}/12", name.display());
            let whole = assert_whole_or_damaged(copy.path(), &live, &what).await;
            println!("{what}: {}", if whole { "whole" } else { "damaged" });
        }
    }
}

#[tokio::test]
async fn no_garbled_file_ends_in_an_empty_store() {
    let (dir, live) = with_commits(40).await;
    let runs = std::env::var("JETKEEPER_GARBLE_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok());
    let random = Random::from_seed(11);
    let next = |bound: usize| {
        use crate::clock::Entropy;
        usize::try_from(random.next_u64() % (bound as u64)).unwrap()
    };
    let (mut whole, mut damaged) = (0, 0);
    for run in 0..runs.unwrap_or(60) {
        let files = files_of(dir.path());
        let file = &files[next(files.len())];
        let name = file.strip_prefix(dir.path()).unwrap();
        let copy = copy_of(dir.path());
        let mut bytes = fs::read(file).unwrap();
        if bytes.is_empty() {
            continue;
        }
        // Most of a database file is free space; the first half holds the data here.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        let start = next(used);
        let length = 1 + next(64);
        for byte in bytes.iter_mut().skip(start).take(length) {
            *byte = u8::try_from(next(256)).unwrap();
        }
        fs::write(copy.path().join(name), bytes).unwrap();
        let what = format!(
            "run {run}: {} garbled at {start} for {length}",
            name.display()
        );
        println!("{what}");
        if assert_whole_or_damaged(copy.path(), &live, &what).await {
            whole += 1;
        } else {
            damaged += 1;
        }
    }
    println!("{whole} whole, {damaged} damaged");
}

/// Puts blocks of `old` in place of blocks of `new` that differ, as if the disk had not written them
/// when the power went.
fn unwritten(old: &[u8], new: &[u8], keep: &mut impl FnMut() -> bool) -> Vec<u8> {
    const BLOCK: usize = 512;
    let mut mixed = new.to_vec();
    for (number, block) in mixed.chunks_mut(BLOCK).enumerate() {
        let start = number * BLOCK;
        let zeros = [0; BLOCK];
        let before = old
            .get(start..start + block.len())
            .unwrap_or(&zeros[..block.len()]);
        if block != before && !keep() {
            block.copy_from_slice(before);
        }
    }
    mixed
}

#[tokio::test]
async fn a_commit_that_the_disk_wrote_in_part_is_there_or_not() {
    use crate::clock::Entropy;
    let (dir, mut live) = with_commits(30).await;
    let random = Random::from_seed(5);
    let store = open(dir.path()).await.unwrap();
    let (mut with, mut without) = (0, 0);
    for number in 0..8 {
        let before = copy_of(dir.path());
        let mut change = samples::job_change("torn", number + 1);
        change.events = vec![samples::event("torn"); usize::try_from(number).unwrap()];
        store.commit(&change).await.unwrap();
        let after = copy_of(dir.path());
        let old = fs::read(before.path().join("data/db")).unwrap();
        let new = fs::read(after.path().join("data/db")).unwrap();
        let mut next = live.clone();
        change.apply(&mut next);
        for odds in [0, 1, 2, 3] {
            let mixed = unwritten(&old, &new, &mut || random.next_u64() % 4 < odds);
            let torn = copy_of(before.path());
            fs::write(torn.path().join("data/db"), mixed).unwrap();
            let found = recorded(torn.path()).await.unwrap();
            if found == next {
                with += 1;
            } else {
                assert_eq!(found, live, "commit {number}, odds {odds}");
                without += 1;
            }
        }
        live = next;
    }
    println!("{with} with the commit, {without} without");
}

#[tokio::test]
async fn a_database_from_before_is_recognised() {
    let (dir, _) = with_commits(5).await;
    let old = copy_of(dir.path());
    let store = open(dir.path()).await.unwrap();
    store.commit(&samples::job_change("new", 1)).await.unwrap();
    drop(store);
    fs::remove_dir_all(dir.path().join("data")).unwrap();
    fs::rename(old.path().join("data"), dir.path().join("data")).unwrap();
    let error = recorded(dir.path()).await.unwrap_err();
    assert!(error.to_string().contains("it lost changes"), "{error}");
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_finished() {
    let (dir, live) = with_commits(0).await;
    fs::remove_file(dir.path().join("committed")).unwrap();
    fs::remove_file(dir.path().join("jetkeeper-state.json")).unwrap();
    assert_eq!(recorded(dir.path()).await.unwrap(), live);
    assert!(dir.path().join("jetkeeper-state.json").exists());

    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("data.new/blobs")).unwrap();
    fs::write(dir.path().join("data.new/db"), "half").unwrap();
    assert!(recorded(dir.path()).await.unwrap().fresh);
    assert!(!dir.path().join("data.new").exists());
}

#[tokio::test]
async fn a_snapshot_that_sled_had_not_finished_is_no_damage() {
    let (dir, live) = with_commits(5).await;
    fs::write(
        dir.path().join("data/snap.FFFFFFFFFFFFFFFF.generating"),
        "half",
    )
    .unwrap();
    assert_eq!(recorded(dir.path()).await.unwrap(), live);
}

#[tokio::test]
async fn rebuilding_keeps_the_damaged_state_and_starts_with_the_given_records() {
    let (dir, _) = with_commits(5).await;
    let path = dir.path().join("data/db");
    let db = fs::read(&path).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(900)
        .unwrap();
    assert!(matches!(
        recorded(dir.path()).await,
        Err(StoreError::Damaged { .. })
    ));
    let change = samples::job_change("found", 1);
    let (clock, entropy) = (&SystemClock, &Random::from_seed(8));
    let early = SledStore::create_rebuilt(dir.path(), change.clone(), clock, entropy).await;
    assert!(matches!(early, Err(StoreError::NotEmpty { .. })));

    let aside = move_aside(dir.path(), samples::time(0)).unwrap();
    assert_eq!(fs::read(aside.join("data/db")).unwrap()[..100], db[..100]);
    assert!(SledStore::exists(dir.path()).unwrap());
    let error = recorded(dir.path()).await.unwrap_err();
    assert!(error.to_string().contains("not rebuilt yet"), "{error}");

    let store = SledStore::create_rebuilt(dir.path(), change.clone(), clock, entropy);
    let rebuilt = store.await.unwrap().load().await.unwrap();
    assert!(!rebuilt.fresh);
    assert_eq!(rebuilt.jobs.get("found"), change.jobs["found"].as_ref());
    assert_eq!(recorded(dir.path()).await.unwrap(), rebuilt);
    assert!(aside.join("data/db").exists());
}

#[tokio::test]
async fn an_export_imports_as_the_same_records() {
    let (dir, live) = with_commits(20).await;
    let mut lines = Vec::new();
    let rows = export(dir.path(), &mut lines).unwrap();
    let other = tempfile::tempdir().unwrap();
    assert_eq!(import(other.path(), &mut lines.as_slice()).unwrap(), rows);
    assert_eq!(recorded(other.path()).await.unwrap(), live);
    assert!(check(other.path()).unwrap().is_sound());

    let again = import(other.path(), &mut lines.as_slice());
    assert!(matches!(again, Err(StoreError::NotEmpty { .. })));
    // Numbers go on where they were.
    let store = open(other.path()).await.unwrap();
    let change = Change {
        events: vec![samples::event("next")],
        ..Change::default()
    };
    store.commit(&change).await.unwrap();
    assert_eq!(store.events(1).await.unwrap()[0].seq, 22);
}

#[tokio::test]
async fn what_is_no_whole_export_is_refused_and_leaves_nothing() {
    let (dir, _) = with_commits(3).await;
    let mut lines = Vec::new();
    export(dir.path(), &mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let cut = text.lines().take(3).collect::<Vec<_>>().join("\n");
    let dropped = text
        .lines()
        .filter(|line| !line.contains("\"key\":2"))
        .collect::<Vec<_>>();
    let gap = dropped.join("\n").replace(
        &format!("{{\"rows\":{}}}", text.lines().count() - 2),
        &format!("{{\"rows\":{}}}", dropped.len() - 2),
    );
    let cases = [
        (String::new(), "line 1: the export ends"),
        ("{}".to_owned(), "line 1: missing field"),
        (
            text.replace("jetkeeper-state", "else"),
            "line 1: `format` is not",
        ),
        (cut, "line 4: the export ends"),
        (dropped.join("\n"), "rows were exported"),
        (gap, "number 2 should be here"),
        (
            text.replace("\"table\":\"jobs\"", "\"table\":\"nope\""),
            "there is no table",
        ),
    ];
    for (input, expected) in &cases {
        let other = tempfile::tempdir().unwrap();
        let error = import(other.path(), &mut input.as_bytes()).unwrap_err();
        assert!(matches!(error, StoreError::BadImport { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(recorded(other.path()).await.unwrap().fresh);
    }
    let other = tempfile::tempdir().unwrap();
    let newer = text.replacen("\"v\":1", "\"v\":2", 1);
    let error = import(other.path(), &mut newer.as_bytes()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 2, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn check_counts_and_tells_what_is_wrong() {
    let nothing = tempfile::tempdir().unwrap();
    let absent = check(nothing.path());
    assert!(matches!(absent, Err(StoreError::Absent { .. })));
    assert_eq!(files_of(nothing.path()), Vec::<PathBuf>::new());

    let (dir, _) = with_commits(3).await;
    let report = check(dir.path()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.commits, report.schema), (3, Some(1)));
    assert_eq!(
        report.in_flight,
        ["suspend job orders (0000-0000-0000-0004) on hazelcast"]
    );
    assert_eq!((report.rows["jobs"], report.rows["events"]), (3, 4));

    // A job whose record is gone while its step is in flight.
    let store = open(dir.path()).await.unwrap();
    let mut change = Change::default();
    change.jobs.insert("orders".to_owned(), None);
    store.commit(&change).await.unwrap();
    drop(store);
    let report = check(dir.path()).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(report.problems[0].contains("JetJob/orders is not recorded"));

    fs::remove_file(dir.path().join("data/db")).unwrap();
    let report = check(dir.path()).unwrap();
    assert_eq!(report.problems, ["its database is missing"]);
    assert!(report.store_id.is_some());
}

#[tokio::test]
async fn state_of_version_1_stays_readable() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state-v1.jsonl");
    if std::env::var_os("JETKEEPER_WRITE_FIXTURES").is_some() {
        let (dir, _) = with_commits(8).await;
        let store = open(dir.path()).await.unwrap();
        for (number, outcome) in samples::outcomes().into_iter().enumerate().skip(1) {
            let name = format!("fixture-{number}");
            let action = samples::actions().remove(number - 1);
            let step = samples::step(&name, action);
            let begin = samples::event_of(step.clone(), None, samples::time(1));
            let mut change = samples::job_change(&name, 1);
            change.journal = vec![begin, samples::event_of(step, outcome, samples::time(2))];
            store.commit(&change).await.unwrap();
        }
        drop(store);
        let mut file = fs::File::create(&fixture).unwrap();
        export(dir.path(), &mut file).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    import(dir.path(), &mut fs::read(&fixture).unwrap().as_slice()).unwrap();
    let report = check(dir.path()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    let store = open(dir.path()).await.unwrap();
    let found = store.load().await.unwrap();
    let mut expected = samples::job_record("orders", 1);
    // What a spec's digest is made of may change; what was recorded stays.
    expected.digest = found.jobs["orders"].digest;
    assert_eq!(*found.jobs["orders"], expected);
    assert_eq!(found.in_flight.len(), 1);
    let mut ends = store.journal(100).await.unwrap();
    ends.retain(|entry| entry.event.outcome.is_some());
    let ends: Vec<Option<Outcome>> = ends.into_iter().map(|entry| entry.event.outcome).collect();
    assert_eq!(ends, samples::outcomes().split_off(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_only_what_is_durable_and_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let reader = store.clone();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let reading = tokio::spawn(async move {
        let mut last = 0;
        while stopped.try_recv().is_err() {
            let events = reader.events(20).await.unwrap();
            for pair in events.windows(2) {
                assert_eq!(pair[0].seq + 1, pair[1].seq);
            }
            let newest = events.last().map_or(0, |entry| entry.seq);
            assert!(newest >= last && newest % 3 == 0, "{newest} after {last}");
            last = newest;
        }
        last
    });
    for round in 0..60 {
        let events = vec![samples::event(&round.to_string()); 3];
        let change = Change {
            events,
            ..Change::default()
        };
        store.commit(&change).await.unwrap();
    }
    stop.send(()).unwrap();
    reading.await.unwrap();
    assert_eq!(store.events(1).await.unwrap()[0].seq, 180);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Whatever was committed in however many runs is what the next run reads.
    #[test]
    fn every_run_reads_what_the_runs_before_committed(
        runs in proptest::collection::vec(proptest::collection::vec(0..9u64, 0..5), 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let mut live = recorded(dir.path()).await.unwrap();
            for jobs in runs {
                let store = open(dir.path()).await.unwrap();
                prop_assert_eq!(&store.load().await.unwrap(), &live);
                for job in jobs {
                    let mut change = samples::job_change(&format!("job-{job}"), job + 1);
                    if job % 4 == 0 {
                        change.jobs.values_mut().for_each(|record| *record = None);
                    }
                    store.commit(&change).await.unwrap();
                    change.apply(&mut live);
                }
            }
            prop_assert_eq!(&recorded(dir.path()).await.unwrap(), &live);
            Ok(())
        })?;
    }
}
