use super::super::fake::{Call, FakeMaps, JOB, PARTITIONS, World, lost};
use super::*;
use crate::hazelcast::{Heap, Suspension};
use crate::resources::ResourceId;

const TARGET: &str = "__jet.exportedSnapshot.s";

fn export_of(which: WhichSnapshot) -> Export {
    Export {
        name: "s".to_owned(),
        job: JobId(JOB),
        which,
        strategy: None,
        mark: SnapshotMark {
            owner: "keeper".to_owned(),
            resource: ResourceId::jet_job_snapshot("s"),
            job: JobId(JOB),
            begun_at: jiff::Timestamp::UNIX_EPOCH,
            fork: which == WhichSnapshot::Fresh,
        },
        patience: Duration::from_secs(10),
        timeout: Duration::from_hours(1),
    }
}

fn chunks() -> Vec<(i32, usize)> {
    (0..PARTITIONS).map(|partition| (partition, 100)).collect()
}

/// A job that was suspended with snapshot 7.
fn suspended() -> FakeMaps {
    let maps = FakeMaps::with(&chunks());
    maps.world().suspend();
    maps
}

async fn exported(maps: &FakeMaps, export: &Export) -> Result<SnapshotFacts, ExportError> {
    copy_job(maps, export, &|_| ()).await
}

/// The job commits the next snapshot whenever its record is looked at.
fn goes_on(world: &mut World) {
    let next = world.record.as_ref().unwrap().snapshot_id + 1;
    world.commit(next, &chunks());
}

fn nothing_is_left(maps: &FakeMaps) {
    let world = maps.world();
    assert_eq!((world.size(TARGET), world.open_writes), (0, 0));
    assert!(world.marks.is_empty(), "{:?}", world.marks);
    assert!(world.registered.is_empty());
}

fn is_whole(maps: &FakeMaps, facts: &SnapshotFacts) {
    let world = maps.world();
    assert_eq!(world.size(TARGET), chunks().len() + 1);
    assert_eq!(
        world.validations[TARGET].record.snapshot_id,
        facts.snapshot_id
    );
    assert_eq!(world.registered["s"], world.validations[TARGET].data);
    let mark = world.marks["s"].as_string().unwrap();
    let mark: SnapshotMark = serde_json::from_str(&mark).unwrap();
    assert_eq!(mark.job, facts.job);
}

#[tokio::test(start_paused = true)]
async fn of_a_running_job_a_snapshot_is_taken_that_was_begun_since() {
    let maps = FakeMaps::with(&chunks());
    let mut looks = 0;
    maps.script(move |call, world| {
        looks += u32::from(*call == Call::Standing);
        if *call == Call::Standing && looks == 5 {
            goes_on(world);
        }
        Ok(())
    });
    let export = export_of(WhichSnapshot::Fresh);
    let facts = exported(&maps, &export).await.unwrap();
    assert_eq!((facts.snapshot_id, facts.chunks), (8, 271));
    is_whole(&maps, &facts);

    // One that was begun before is no answer: it lacks what happened meanwhile.
    let maps = FakeMaps::with(&chunks());
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(matches!(error, ExportError::NoSnapshot { .. }), "{error:?}");
    nothing_is_left(&maps);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_suspended_is_not_waited_for() {
    let maps = FakeMaps::with(&chunks());
    let mut looks = 0;
    maps.script(move |call, world| {
        looks += u32::from(*call == Call::Standing);
        if looks == 3 {
            world.suspend();
        }
        Ok(())
    });
    let export = export_of(WhichSnapshot::Fresh);
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(error.to_string().contains("was suspended"), "{error}");
    nothing_is_left(&maps);
}

#[tokio::test(start_paused = true)]
async fn overtaken_five_times_it_says_what_helps_and_leaves_nothing() {
    let maps = FakeMaps::with(&chunks());
    maps.script(|call, world| {
        // The job commits faster than it is copied.
        if *call == Call::Standing || matches!(call, Call::Fetch(_, 100)) {
            goes_on(world);
        }
        Ok(())
    });
    let error = exported(&maps, &export_of(WhichSnapshot::Fresh))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("pauseToCopy: Allowed"),
        "{error}"
    );
    assert!(error.to_string().contains("5 times"), "{error}");
    nothing_is_left(&maps);
    let clears = |call: &Call| *call == Call::Clear(TARGET.to_owned());
    assert_eq!(maps.count(clears), 5, "what each attempt left");
}

#[tokio::test(start_paused = true)]
async fn overtaken_twice_it_is_exported_whole_and_of_one_snapshot() {
    let maps = FakeMaps::with(&chunks());
    let mut overtakes = 0;
    maps.script(move |call, world| {
        if *call == Call::Standing {
            goes_on(world);
        }
        if matches!(call, Call::Fetch(_, 100)) && overtakes < 2 {
            overtakes += 1;
            goes_on(world);
        }
        Ok(())
    });
    let facts = exported(&maps, &export_of(WhichSnapshot::Fresh))
        .await
        .unwrap();
    is_whole(&maps, &facts);
}

#[tokio::test(start_paused = true)]
async fn a_validation_record_of_another_snapshot_is_not_believed() {
    let maps = FakeMaps::with(&chunks());
    let mut wrong = 2;
    maps.script(move |call, world| {
        if *call == Call::Standing {
            goes_on(world);
        }
        match call {
            Call::Validation(map) if map != TARGET && wrong > 0 => {
                wrong -= 1;
                let other = super::super::fake::validation(1, 271, 27_100);
                world.validations.insert(map.clone(), other);
            }
            _ => {}
        }
        Ok(())
    });
    let facts = exported(&maps, &export_of(WhichSnapshot::Fresh))
        .await
        .unwrap();
    is_whole(&maps, &facts);
    assert!(facts.snapshot_id > 8);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_leaves_nothing_once_its_last_writes_are_in() {
    let maps = suspended();
    let mut straggler = Some(Instant::now() + Duration::from_secs(3));
    maps.script(move |call, world| {
        if straggler.is_some_and(|at| Instant::now() >= at) {
            // What the member read from the closed socket.
            straggler = None;
            world.chunk(TARGET, 7, 3, 3, 100);
        }
        match call {
            Call::Put(_, 3) if straggler.is_some() => Err(lost()),
            _ => Ok(()),
        }
    });
    let export = export_of(WhichSnapshot::Terminal);
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(error.leaves_writes_open(), "{error:?}");
    nothing_is_left(&maps);
    let facts = exported(&maps, &export).await.unwrap();
    is_whole(&maps, &facts);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_daemon_left_is_cleared_and_its_last_writes_waited_for() {
    let maps = suspended();
    let export = export_of(WhichSnapshot::Terminal);
    let broken = exported(&maps, &export);
    let broken = tokio::time::timeout(Duration::from_millis(15), broken).await;
    assert!(broken.is_err());
    assert!(maps.world().size(TARGET) > 0 && !maps.world().marks.is_empty());
    // Of an even earlier try, with another snapshot.
    maps.world().chunk(TARGET, 6, 5, 5, 100);
    let mut late = Some(Instant::now() + Duration::from_secs(2));
    maps.script(move |_, world| {
        if late.is_some_and(|at| Instant::now() >= at) {
            late = None;
            world.chunk(TARGET, 6, 6, 6, 100);
        }
        Ok(())
    });
    let facts = exported(&maps, &export).await.unwrap();
    is_whole(&maps, &facts);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_reads_back_wrong_each_time_leaves_nothing() {
    let maps = suspended();
    maps.script(|call, world| {
        if *call == Call::Commit {
            // Somebody else's entry, after all was counted.
            world.chunk(TARGET, 1, 1, 1, 1);
        }
        Ok(())
    });
    let error = exported(&maps, &export_of(WhichSnapshot::Terminal))
        .await
        .unwrap_err();
    assert!(matches!(error, ExportError::Damaged(_)), "{error:?}");
    assert_eq!(maps.count(|call| *call == Call::Commit), 5);
    nothing_is_left(&maps);
}

#[tokio::test(start_paused = true)]
async fn what_was_committed_and_not_registered_is_found_and_not_copied_again() {
    let maps = suspended();
    maps.script(|call, _| {
        if *call == Call::Register {
            Err(lost())
        } else {
            Ok(())
        }
    });
    let export = export_of(WhichSnapshot::Terminal);
    exported(&maps, &export).await.unwrap_err();
    assert_eq!(maps.world().size(TARGET), 272, "it is whole and stays");

    maps.script(|_, _| Ok(()));
    let facts = exported(&maps, &export).await.unwrap();
    is_whole(&maps, &facts);
    assert_eq!(facts.stateful.iter().collect::<Vec<_>>(), ["counter"]);
    assert_eq!(maps.count(|call| matches!(call, Call::Put(..))), 271);
    assert_eq!(maps.count(|call| *call == Call::Commit), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_back_now_is_not_cleared() {
    let maps = suspended();
    let export = export_of(WhichSnapshot::Terminal);
    let facts = exported(&maps, &export).await.unwrap();
    for fails in [
        Call::Size(TARGET.to_owned()),
        Call::Fetch(TARGET.to_owned(), 9),
    ] {
        maps.script(move |call, _| if *call == fails { Err(lost()) } else { Ok(()) });
        exported(&maps, &export).await.unwrap_err();
        is_whole(&maps, &facts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_went_on_meanwhile_is_not_said_to_rest() {
    for at in [Call::Put(TARGET.to_owned(), 9), Call::Commit] {
        let maps = suspended();
        maps.script(move |call, world| {
            if *call == at {
                world.record.as_mut().unwrap().suspension = Suspension::None;
            }
            Ok(())
        });
        let error = exported(&maps, &export_of(WhichSnapshot::Terminal))
            .await
            .unwrap_err();
        assert!(matches!(error, ExportError::Changed { .. }), "{error:?}");
        nothing_is_left(&maps);
    }
    // Nor where an earlier try had committed.
    let maps = suspended();
    let export = export_of(WhichSnapshot::Terminal);
    exported(&maps, &export).await.unwrap();
    maps.world().record.as_mut().unwrap().suspension = Suspension::None;
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(
        matches!(error, ExportError::NotCommitted { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_suspended_jobs_snapshot_that_lost_chunks_is_called_damaged() {
    let maps = suspended();
    let source = maps.world().record.as_ref().unwrap().source_map().unwrap();
    maps.world().maps.get_mut(&source).unwrap().pop_first();
    let export = export_of(WhichSnapshot::Terminal);
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(error.to_string().contains("270 of 271"), "{error}");
    nothing_is_left(&maps);

    maps.world().validations.clear();
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(matches!(error, ExportError::Damaged(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn members_without_room_get_nothing() {
    let maps = suspended();
    maps.world().heap = Some(Heap {
        used: 740_000,
        max: 1_000_000,
    });
    let export = export_of(WhichSnapshot::Terminal);
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(matches!(error, ExportError::NoRoom { .. }), "{error:?}");
    assert_eq!(maps.count(|call| matches!(call, Call::Put(..))), 0);
    nothing_is_left(&maps);
    maps.world().heap = Some(Heap {
        used: 100_000,
        max: 1_000_000,
    });
    exported(&maps, &export).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn room_is_looked_for_also_where_the_first_source_was_gone() {
    let maps = FakeMaps::with(&chunks());
    maps.world().heap = Some(Heap {
        used: 740_000,
        max: 1_000_000,
    });
    let mut gone = false;
    maps.script(move |call, world| {
        if *call == Call::Standing {
            goes_on(world);
        }
        if let Call::Validation(map) = call
            && map != TARGET
            && !gone
        {
            gone = true;
            world.clear(map);
        }
        Ok(())
    });
    let export = export_of(WhichSnapshot::Fresh);
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(matches!(error, ExportError::NoRoom { .. }), "{error:?}");
    nothing_is_left(&maps);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_one_resources() {
    let maps = suspended();
    let export = export_of(WhichSnapshot::Terminal);
    let mut other = export.clone();
    other.mark.resource = ResourceId::jet_job_snapshot("other");
    // Both at once: one has it.
    let (one, two) = tokio::join!(exported(&maps, &export), exported(&maps, &other));
    let (facts, taken) = match (one, two) {
        (Ok(facts), Err(taken)) | (Err(taken), Ok(facts)) => (facts, taken),
        both => panic!("{both:?}"),
    };
    assert!(matches!(taken, ExportError::NameTaken { .. }), "{taken:?}");
    is_whole(&maps, &facts);

    // A stranger's, without a mark.
    maps.world().marks.clear();
    let taken = exported(&maps, &export).await.unwrap_err();
    assert!(
        taken.to_string().contains("jetkeeper did not make it"),
        "{taken}"
    );
    assert_eq!(maps.world().size(TARGET), 272);
}

#[tokio::test(start_paused = true)]
async fn a_mark_says_what_became_of_the_last_try() {
    // It broke off while the job ran, and is begun again while the job rests: no fork.
    let maps = suspended();
    let running = export_of(WhichSnapshot::Fresh);
    let sign = async |export: &Export| marks::sign(&maps, &export.name, &export.mark).await;
    sign(&running).await.unwrap();
    let resting = export_of(WhichSnapshot::Terminal);
    let facts = exported(&maps, &resting).await.unwrap();
    is_whole(&maps, &facts);
    let mark = maps.world().marks["s"].as_string().unwrap();
    assert!(mark.contains("\"fork\":false"), "{mark}");

    // The next job of the resource does not take its state for its own.
    let mut next = resting.clone();
    next.job = JobId(JOB + 1);
    next.mark.job = next.job;
    let taken = sign(&next).await.unwrap_err();
    assert!(taken.to_string().contains("earlier job"), "{taken}");
    // But it takes the name where nothing had been committed.
    maps.world().clear(TARGET);
    sign(&next).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_fails_and_leaves_nothing() {
    let maps = suspended();
    let mut export = export_of(WhichSnapshot::Terminal);
    export.timeout = Duration::from_millis(10);
    let error = exported(&maps, &export).await.unwrap_err();
    assert!(matches!(error, ExportError::TooSlow { .. }), "{error:?}");
    nothing_is_left(&maps);
}

#[tokio::test(start_paused = true)]
async fn why_the_last_snapshot_failed_is_told_in_one_bounded_line_that_says_where_it_was_cut() {
    let maps = suspended();
    let said = format!("no login with {}\n\tat Sink.flush", "p".repeat(100_000));
    maps.world().record.as_mut().unwrap().last_snapshot_failure = Some(said);
    let error = exported(&maps, &export_of(WhichSnapshot::Terminal))
        .await
        .unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("the last one failed: no login with ppp"),
        "{told}"
    );
    assert!(told.len() < 600 && told.contains("ppp…)"), "{told}");
}
