use std::time::Duration;

use super::super::fake::{Call, FakeMaps, PARTITIONS, lost, moving};
use super::*;

const TARGET: &str = "__jet.exportedSnapshot.s";

/// Copies the committed snapshot once.
async fn copied(maps: &FakeMaps) -> Result<Copied, CopyError> {
    copied_within(maps, Duration::from_hours(1)).await
}

async fn copied_within(maps: &FakeMaps, time: Duration) -> Result<Copied, CopyError> {
    let source = maps.world().record.as_ref().unwrap().source_map().unwrap();
    let expected = maps.world().validations[&source].clone();
    let copying = Copying {
        source: &source,
        target: TARGET,
        expected: &expected,
        deadline: (Instant::now() + time, time.as_secs()),
        report: &|_, _| (),
    };
    copy(maps, &copying).await
}

/// So many chunks of this size in every partition.
fn everywhere(count: usize, bytes: usize) -> Vec<(i32, usize)> {
    let partitions = 0..PARTITIONS;
    partitions
        .flat_map(|partition| vec![(partition, bytes); count])
        .collect()
}

fn is_put(call: &Call) -> bool {
    matches!(call, Call::Put(..))
}

#[tokio::test(start_paused = true)]
async fn all_chunks_are_copied_and_none_of_other_snapshots() {
    let maps = FakeMaps::with(&everywhere(5, 100));
    let source = maps.world().record.as_ref().unwrap().source_map().unwrap();
    // Left behind by a snapshot that was broken off, and by an earlier copy.
    for partition in 0..PARTITIONS {
        maps.world().chunk(&source, 5, partition, 9, 100);
        maps.world().chunk(TARGET, 6, partition, 9, 100);
    }
    let copied = copied(&maps).await.unwrap();
    assert_eq!(copied.vertices.into_iter().collect::<Vec<_>>(), ["counter"]);
    let world = maps.world();
    assert_eq!(world.size(TARGET), 271 * 5 + 1);
    let at = |call| world.calls.iter().rposition(|it| *it == call);
    let last_put = world.calls.iter().rposition(is_put);
    assert!(at(Call::Commit) > last_put, "the commit point is last");
    assert!(
        world
            .calls
            .iter()
            .position(|it| *it == Call::Clear(TARGET.to_owned()))
            < last_put
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_snapshot_is_a_snapshot() {
    let maps = FakeMaps::with(&[]);
    copied(&maps).await.unwrap();
    assert_eq!(maps.world().size(TARGET), 1);
    assert_eq!(maps.count(is_put), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_returned_twice_counts_once() {
    let maps = FakeMaps::with(&everywhere(3, 100));
    maps.world().stutters = true;
    copied(&maps).await.unwrap();
    assert_eq!(maps.world().size(TARGET), 271 * 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_cleared_is_noticed_and_not_committed() {
    let maps = FakeMaps::with(&everywhere(3, 100));
    maps.script(|call, world| {
        if let Call::Fetch(map, 200) = call {
            world.clear(map);
        }
        Ok(())
    });
    let error = copied(&maps).await.unwrap_err();
    assert!(
        matches!(error, CopyError::Overtaken { found } if found < 271 * 3),
        "{error:?}"
    );
    assert_eq!(maps.count(|call| *call == Call::Commit), 0);
}

#[tokio::test(start_paused = true)]
async fn refused_writes_are_made_again_within_the_attempt() {
    let maps = FakeMaps::with(&everywhere(2, 100));
    let mut refusals = 0;
    maps.script(move |call, _| {
        let moves = matches!(call, Call::Put(_, 5 | 6) | Call::Commit | Call::Clear(_));
        refusals += u32::from(moves);
        if moves && refusals <= 10 {
            Err(moving())
        } else {
            Ok(())
        }
    });
    copied(&maps).await.unwrap();
    assert_eq!(maps.world().size(TARGET), 271 * 2 + 1);

    // For good it is not waited.
    maps.script(|call, _| if is_put(call) { Err(moving()) } else { Ok(()) });
    let error = copied(&maps).await.unwrap_err();
    assert!(matches!(error, CopyError::Call(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn when_a_connection_is_lost_the_others_end_their_calls() {
    let maps = FakeMaps::with(&everywhere(40, 100));
    maps.script(|call, _| match call {
        Call::Put(_, 3) => Err(lost()),
        _ => Ok(()),
    });
    let error = copied(&maps).await.unwrap_err();
    assert!(matches!(error, CopyError::Call(_)), "{error:?}");
    assert_eq!(maps.world().open_writes, 0);
    assert_eq!(maps.count(|call| *call == Call::Commit), 0);
    // Nothing new was begun once it was known.
    let fetched = maps.count(|call| matches!(call, Call::Fetch(..)));
    assert!(fetched < 271, "{fetched}");
    // A lost write is never made again: nobody knows whether it was done.
    assert_eq!(maps.count(|call| matches!(call, Call::Put(_, 3))), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_written_whole_is_not_committed() {
    let maps = FakeMaps::with(&everywhere(2, 100));
    maps.script(|call, world| {
        if matches!(call, Call::Size(_)) {
            // An entry was lost with its member.
            if let Some(entries) = world.maps.get_mut(TARGET) {
                entries.pop_first();
            }
        }
        Ok(())
    });
    let error = copied(&maps).await.unwrap_err();
    assert!(
        matches!(&error, CopyError::Damaged(why) if why.contains("541")),
        "{error:?}"
    );
    assert_eq!(maps.count(|call| *call == Call::Commit), 0);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_reads_back_otherwise_is_damage() {
    let maps = FakeMaps::with(&everywhere(1, 100));
    let mut committed = false;
    maps.script(move |call, world| {
        if committed && matches!(call, Call::Validation(_)) {
            let other = super::super::fake::validation(6, 271, 27_100);
            world.validations.insert(TARGET.to_owned(), other);
        }
        committed |= *call == Call::Commit;
        Ok(())
    });
    let error = copied(&maps).await.unwrap_err();
    assert!(
        matches!(&error, CopyError::Damaged(why) if why.contains("record")),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_batches_a_worker_are_held_at_most() {
    // Tiny chunks first, then those of a full size: what was learnt of the former is not believed.
    let mut chunks = everywhere(8, 10);
    chunks.extend(everywhere(24, 128 * 1024));
    let maps = FakeMaps::with(&chunks);
    copied(&maps).await.unwrap();
    let (batches, bytes) = maps.world().most_held;
    assert!((WORKERS..=WORKERS * 2).contains(&batches), "{batches}");
    assert!(bytes <= MEMORY, "{bytes}");
    assert_eq!(maps.world().held, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn chunks_longer_than_a_batch_are_read_one_by_one_and_few_at_once() {
    let long = usize::try_from(MEMORY / 4).unwrap();
    let chunks: Vec<(i32, usize)> = (0..40).map(|partition| (partition, long)).collect();
    let maps = FakeMaps::with(&chunks);
    copied(&maps).await.unwrap();
    assert_eq!(maps.world().size(TARGET), 41);
    let (_, bytes) = maps.world().most_held;
    assert!(bytes <= MEMORY, "{bytes}");

    // One that is longer than all of it comes alone.
    let maps = FakeMaps::with(&[(1, long * 5), (2, long * 5), (2, long * 5)]);
    copied(&maps).await.unwrap();
    assert_eq!(maps.world().most_held.0, 1);
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_ends_its_calls() {
    let maps = FakeMaps::with(&everywhere(100, 100));
    let error = copied_within(&maps, Duration::from_millis(40))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CopyError::Call(ExportError::TooSlow { .. })),
        "{error:?}"
    );
    assert_eq!(maps.world().open_writes, 0);
    assert_eq!(maps.count(|call| *call == Call::Commit), 0);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_few_chunks_is_read_with_one_call() {
    let maps = FakeMaps::with(&[(3, 100), (3, 7), (200, 100)]);
    let source = maps.world().record.as_ref().unwrap().source_map().unwrap();
    maps.world().chunk(&source, 5, 9, 9, 100);
    copied(&maps).await.unwrap();
    let entries = |map: &str| maps.world().maps[map].clone();
    let (read, mut written) = (entries(&source), entries(TARGET));
    assert_eq!(written.len(), 3);
    written.retain(|key, value| read.get(key) != Some(value));
    assert!(written.is_empty(), "in the same partitions, unchanged");
    let reads = |call: &Call| matches!(call, Call::Fetch(..) | Call::Entries(_));
    assert_eq!(maps.count(reads), 1);

    // What lies beside it may be long.
    for partition in 0..PARTITIONS {
        maps.world().chunk(&source, 5, partition, 9, 100);
    }
    copied(&maps).await.unwrap();
    assert_eq!(maps.world().size(TARGET), 3 + 1);
    assert!(maps.count(reads) > 1);
    assert_eq!(maps.count(|call| matches!(call, Call::Entries(_))), 1);
}

#[tokio::test(start_paused = true)]
async fn few_chunks_that_are_overtaken_are_no_copy() {
    let maps = FakeMaps::with(&[(3, 100), (200, 100)]);
    maps.script(|call, world| {
        if let Call::Entries(source) = call {
            world.clear(source);
        }
        Ok(())
    });
    let copied = copied(&maps).await;
    assert!(matches!(copied, Err(CopyError::Overtaken { found: 0 })));
    assert_eq!(maps.count(|call| *call == Call::Commit), 0);
}
