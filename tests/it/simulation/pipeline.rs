//! What a jar does in the simulation. The jar's name says it: `stream-v2.jar`.

use std::time::Duration;

use jetkeeper::plan::job::Guarantee;
use rand::Rng;
use rand::rngs::StdRng;

/// What `main` and the job of a jar do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pipeline {
    /// Runs for good and has state.
    Stream,
    /// Runs for good and has none.
    Stateless,
    /// Completes.
    Batch,
    /// Fails a while after it began to run.
    Fails,
    /// `main` takes long.
    Slow,
    /// `main` submits nothing.
    Silent,
    /// `main` submits two jobs; the second is refused.
    Twice,
    /// `main` throws before it submits.
    Throws,
}

/// What becomes of a version of any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    None,
    /// It fails before it runs.
    AtStart,
    /// It fails after a while.
    Fails,
    /// It is suspended by its failure after a while.
    Suspends,
}

impl Mishap {
    /// That of what an upload submitted; other jobs have none.
    pub(crate) fn of(deployed: Option<&(String, Vec<String>)>) -> Self {
        deployed.map_or(Self::None, |(jar, _)| Self::of_jar(jar))
    }

    /// That of the jar of this name.
    pub(crate) fn of_jar(name: &str) -> Self {
        match name.rsplit("-v").next() {
            Some("4.jar") => Self::AtStart,
            Some("5.jar") => Self::Fails,
            Some("6.jar") => Self::Suspends,
            _ => Self::None,
        }
    }
}

/// All of them, the usual ones more often.
const ALL: [(Pipeline, &str); 13] = [
    (Pipeline::Stream, "stream"),
    (Pipeline::Stream, "stream"),
    (Pipeline::Stream, "stream"),
    (Pipeline::Stream, "stream"),
    (Pipeline::Stateless, "stateless"),
    (Pipeline::Stateless, "stateless"),
    (Pipeline::Stateless, "stateless"),
    (Pipeline::Batch, "batch"),
    (Pipeline::Fails, "fails"),
    (Pipeline::Slow, "slow"),
    (Pipeline::Silent, "silent"),
    (Pipeline::Twice, "twice"),
    (Pipeline::Throws, "throws"),
];

impl Pipeline {
    pub(crate) fn random(rng: &mut StdRng) -> Self {
        ALL[rng.random_range(0..ALL.len())].0
    }

    /// What the jar of this name does.
    pub(crate) fn of_jar(name: &str) -> Self {
        let found = ALL.iter().find(|(_, stem)| name.starts_with(stem));
        found.map(|(pipeline, _)| *pipeline).unwrap()
    }

    pub(crate) fn jar(self, version: u32) -> String {
        let stem = ALL
            .iter()
            .find(|(pipeline, _)| *pipeline == self)
            .unwrap()
            .1;
        format!("{stem}-v{version}.jar")
    }

    pub(crate) fn guarantee(self) -> Guarantee {
        match self {
            Self::Stateless | Self::Batch => Guarantee::None,
            _ => Guarantee::ExactlyOnce,
        }
    }

    /// How long `main` takes until it submits.
    pub(crate) fn main_takes(self, rng: &mut StdRng) -> Duration {
        Duration::from_millis(match self {
            Self::Slow => rng.random_range(20_000..200_000),
            _ => rng.random_range(5..2_000),
        })
    }
}
