//! Many seeds, each a world of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::verdict::Tally;
use super::world::World;

const SEEDS: u64 = 200;

/// Runs something in tokio's paused time, where nothing but the simulation decides what is next.
pub(super) fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(future)
}

fn run(seed: u64) -> (Tally, Vec<String>) {
    in_virtual_time(async move {
        let mut world = World::new(seed);
        world.trouble().await;
        world.calm().await;
        let tally = world.judge().await;
        (tally, world.lines())
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number, is {text:?}")),
    )
}

#[test]
fn every_seed_converges_and_breaks_no_invariant() {
    let seeds = match number("JETKEEPER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("SEEDS").unwrap_or(SEEDS) + 1,
    };
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
    let judged = tally.as_declared + tally.held;
    assert!(
        tally.as_declared * 2 > judged,
        "too much is only held to prove anything: {tally:?}"
    );
}
