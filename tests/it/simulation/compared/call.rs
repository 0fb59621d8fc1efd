//! Calls to compare: chosen by a seed alone, never by an answer, so that both clusters get the same.

use jetkeeper::plan::snapshot::Strategy;
use jetkeeper::plan::step::WhichSnapshot;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// What an upload's jar does, on both clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    Stateless,
    Batch,
    Fails,
    Suspends,
    Silent,
    Twice,
    Joins,
    Throws,
}

/// A job: by the order in which jobs were made, counted on over its end, or one that never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Made(usize),
    Latest,
    Unknown,
}

/// Something that is done to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Suspend,
    Resume,
    Restart,
    Cancel { forceful: bool },
    Update,
}

/// One call through the port, with the looks that it takes to see what came of it. Names, snapshots and
/// entries are numbers: each cluster has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Submit {
        kind: Kind,
        name: usize,
        snapshot: Option<usize>,
    },
    Do(Effect, Which),
    /// The second while the first is still under way. Only pairs whose outcome isn't a matter of time.
    AtOnce(Effect, Effect, Which),
    List,
    Status(Which),
    Config(Which),
    Listen(Which),
    Health,
    Standing(Which),
    Export {
        of: Which,
        which: WhichSnapshot,
        strategy: Option<Strategy>,
        snapshot: usize,
        owner: usize,
    },
    ReadSnapshot(usize),
    ListSnapshots,
    Inspect(usize),
    DeleteSnapshot(usize),
    /// Entries are numbered; none is no entry.
    Write {
        name: usize,
        old: Option<usize>,
        new: Option<usize>,
    },
    Ownership,
}

/// How many names, snapshots and entries there are of each.
pub(super) const NAMES: usize = 2;

const KINDS: [Kind; 14] = [
    Kind::Stream,
    Kind::Stream,
    Kind::Stream,
    Kind::Stream,
    Kind::Stream,
    Kind::Stateless,
    Kind::Stateless,
    Kind::Batch,
    Kind::Fails,
    Kind::Suspends,
    Kind::Silent,
    Kind::Twice,
    Kind::Joins,
    Kind::Throws,
];

/// The calls of a seed.
pub(super) fn sequence(rng: &mut StdRng, length: usize) -> Vec<Call> {
    // Without a job the rest says little.
    let first = Call::Submit {
        kind: *KINDS[..8].choose(rng).unwrap(),
        name: 0,
        snapshot: None,
    };
    let mut calls = vec![first];
    calls.extend((1..length).map(|_| call(rng)));
    calls
}

fn call(rng: &mut StdRng) -> Call {
    match rng.random_range(0..100) {
        0..10 => Call::Submit {
            kind: *KINDS.choose(rng).unwrap(),
            name: rng.random_range(0..NAMES),
            snapshot: None,
        },
        10..14 => Call::Submit {
            kind: Kind::Stream,
            name: rng.random_range(0..NAMES),
            snapshot: Some(rng.random_range(0..NAMES)),
        },
        14..44 => Call::Do(effect(rng), which(rng)),
        44..49 => {
            let first = [Effect::Suspend, Effect::Cancel { forceful: true }];
            let second = [
                Effect::Suspend,
                Effect::Restart,
                Effect::Cancel { forceful: false },
            ];
            let (first, second) = (first.choose(rng).unwrap(), second.choose(rng).unwrap());
            Call::AtOnce(*first, *second, which(rng))
        }
        49..54 => Call::Listen(which(rng)),
        54..57 => Call::List,
        57..60 => Call::Status(which(rng)),
        60..63 => Call::Config(which(rng)),
        63..64 => Call::Health,
        64..69 => Call::Standing(which(rng)),
        69..80 => export(rng),
        80..83 => Call::ReadSnapshot(rng.random_range(0..NAMES)),
        83..85 => Call::ListSnapshots,
        85..88 => Call::Inspect(rng.random_range(0..NAMES)),
        88..90 => Call::DeleteSnapshot(rng.random_range(0..NAMES)),
        90..98 => Call::Write {
            name: rng.random_range(0..NAMES),
            old: entry(rng),
            new: entry(rng),
        },
        _ => Call::Ownership,
    }
}

fn effect(rng: &mut StdRng) -> Effect {
    match rng.random_range(0..12) {
        0..4 => Effect::Suspend,
        4..7 => Effect::Resume,
        7..9 => Effect::Restart,
        9 => Effect::Cancel { forceful: false },
        10 => Effect::Cancel { forceful: true },
        _ => Effect::Update,
    }
}

fn which(rng: &mut StdRng) -> Which {
    match rng.random_range(0..10) {
        0..7 => Which::Latest,
        7..9 => Which::Made(rng.random_range(0..4)),
        _ => Which::Unknown,
    }
}

fn export(rng: &mut StdRng) -> Call {
    let which_snapshot = [
        WhichSnapshot::Fresh,
        WhichSnapshot::Terminal,
        WhichSnapshot::Terminal,
        WhichSnapshot::Last,
    ];
    Call::Export {
        of: which(rng),
        which: *which_snapshot.choose(rng).unwrap(),
        strategy: match rng.random_range(0..6) {
            0 => Some(Strategy::Native),
            1..3 => None,
            _ => Some(Strategy::Copy),
        },
        snapshot: rng.random_range(0..NAMES),
        owner: usize::from(rng.random_range(0..6) == 0),
    }
}

fn entry(rng: &mut StdRng) -> Option<usize> {
    let entry = rng.random_range(0..=NAMES);
    (entry < NAMES).then_some(entry)
}
