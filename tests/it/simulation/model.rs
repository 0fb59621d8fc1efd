//! Many seeds, each a world of its own.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::verdict::Tally;
use super::world::World;

const SEEDS: u64 = 200;

/// How many of them are run twice.
const REPLAYED: u64 = 25;

/// Runs something in tokio's paused time, where nothing but the simulation decides what is next.
pub(super) fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Longer than any world has to last, in its own time.
const WORLD: Duration = Duration::from_hours(24);

fn run(seed: u64) -> (Tally, Vec<String>) {
    in_virtual_time(async move {
        let mut world = World::new(seed);
        let life = async {
            world.trouble().await;
            world.calm().await;
            world.judge().await
        };
        // Time that passes for ever is as good as a hang, and would say nothing.
        let tally = tokio::time::timeout(WORLD, life).await;
        let Ok(tally) = tally else {
            world.fail(&format!("seed {seed} never ended"));
        };
        (tally, world.around.trace.take())
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number, is {text:?}")),
    )
}

/// The seeds to run: the one that the environment names, or as many as it says.
pub(super) fn seeds(usual: u64) -> Range<u64> {
    match number("JETKEEPER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("SEEDS").unwrap_or(usual) + 1,
    }
}

#[test]
fn every_seed_converges_and_breaks_no_invariant() {
    let seeds = seeds(SEEDS);
    let next = AtomicU64::new(seeds.start);
    let results = Mutex::new((Vec::new(), Tally::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || results.lock().unwrap().0.len() >= 3 {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(|| run(seed)));
            let (failed, tally) = &mut *results.lock().unwrap();
            match result {
                Ok((one, _)) => tally.add(one),
                Err(_) => failed.push(seed),
            }
        }
    };
    // Each world has a runtime of its own; worlds share nothing.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (failed, tally) = results.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "seeds {failed:?} failed, their worlds are above; replay one with \
         JETKEEPER_SEED={} cargo test --test it model",
        failed[0]
    );
    println!("{tally:?}");
    let held = tally.held.values().sum::<u32>();
    // Of one world alone that says nothing.
    assert!(
        seeds.end - seeds.start == 1 || tally.as_declared > held,
        "too much is only held to prove anything: {tally:?}"
    );
}

#[test]
fn a_seed_of_the_model_replays() {
    for seed in seeds(REPLAYED) {
        // At once, so that they have different threads, hashers and moments of real time.
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| run(seed).1);
            (run(seed).1, second.join().unwrap())
        });
        assert!(first.len() > 100, "seed {seed} did nothing");
        let differs = first
            .iter()
            .zip(&second)
            .position(|(one, other)| one != other);
        let at = differs.unwrap_or(first.len().min(second.len()));
        assert!(
            first == second,
            "seed {seed} did not go the same way twice: after {} it did {:?}, then {:?}",
            first[..at].last().map_or("", String::as_str),
            first.get(at),
            second.get(at),
        );
    }
}
