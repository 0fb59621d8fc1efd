//! A job whose counts must go on, whatever is done with it.

use std::path::PathBuf;

use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::snapshots::counts::Counts;
use crate::support::fixture;
use crate::support::member::Member;

/// A counting job that a daemon keeps.
pub(super) struct Counting {
    pub(super) stage: Stage,
    pub(super) name: String,
    pub(super) file: PathBuf,
    keys: u32,
}

impl Counting {
    /// Declares the job, and waits until it has counted for a while.
    pub(super) fn start(stem: &str, spec: &[&str]) -> Self {
        let member = Member::shared();
        Self::start_on(Stage::on(member), member, stem, spec)
    }

    /// The same on another stage. The counts are written by every member, to a file of this one.
    pub(super) fn start_on(stage: Stage, member: &Member, stem: &str, spec: &[&str]) -> Self {
        Self::of_keys(4, stage, member, stem, spec)
    }

    /// The same with so many keys: each has a chunk of its own, as long as there are more partitions.
    pub(super) fn of_keys(
        keys: u32,
        stage: Stage,
        member: &Member,
        stem: &str,
        spec: &[&str],
    ) -> Self {
        let name = stage.name(stem);
        let file = member.dir().join(format!("{name}.counts"));
        stage.write("jars/counter.jar", jar("counter.jar"));
        let counting = Self {
            stage,
            name,
            file,
            keys,
        };
        counting.declare(spec);
        let mut counting = counting;
        counting.stage.start();
        counting.stage.until_at_rest(&counting.name, Phase::Running);
        counting.goes_on_by(80);
        counting
    }

    pub(super) fn declare(&self, spec: &[&str]) {
        let parameters = format!(
            "parameters: [counts, \"{}\", EXACTLY_ONCE, {:?}]",
            self.keys,
            self.file.display().to_string()
        );
        let mut lines = vec!["jarName: counter.jar", &parameters];
        lines.extend(spec);
        self.stage.declare_as(&self.name, &lines);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts::read(&self.file)
    }

    /// Waits until so many more counts were written.
    pub(super) fn goes_on_by(&self, lines: usize) {
        let before = self.counts().lines();
        self.stage
            .until("it counts", || self.counts().lines() >= before + lines);
    }

    /// The job goes on from all that was counted before: nothing begins anew, nothing is left out.
    pub(super) fn is_continuous(&self) {
        self.goes_on_by(40);
        self.counts().assert_continuous();
    }
}

/// The bytes of a fixture.
pub(super) fn jar(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}
