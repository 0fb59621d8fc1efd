//! What a test waits for: each a condition with a deadline, which tells what was there when it passed.

use jetkeeper::api::wire::List;
use jetkeeper::engine::JobResource;
use jetkeeper::engine::published::SnapshotResource;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::{Hold, Reason};
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;
use crate::support::wait::{PATIENCE, promptly, within};

impl Stage {
    /// Waits for a condition; shows what the daemon thinks where it never comes.
    pub(super) fn until(&self, what: &str, condition: impl FnMut() -> bool) {
        if !within(PATIENCE, condition) {
            self.in_vain(what);
        }
    }

    /// Waits until the daemons began more than so many steps that read like this, whoever they are of;
    /// returns at once, while the step is under way.
    pub(super) fn until_step_after(&self, before: usize, words: &str) {
        let began = promptly(PATIENCE, || self.all_steps(words) > before);
        if !began {
            self.in_vain(&format!("a step begins: {words}"));
        }
    }

    fn in_vain(&self, what: &str) -> ! {
        let jobs = self.cli(&["get", "jobs", "-o", "yaml"]);
        panic!(
            "waited {PATIENCE:?} in vain: {what}\n--- the log:\n{}\n--- the jobs:\n{}{}",
            self.log(),
            jobs.stdout,
            jobs.stderr
        );
    }

    pub(super) fn until_job(
        &self,
        name: &str,
        what: &str,
        mut is_so: impl FnMut(&JobResource) -> bool,
    ) -> JobResource {
        let mut found = None;
        self.until(&format!("{name} {what}"), || {
            found = self.job(name).filter(|job| is_so(job));
            found.is_some()
        });
        found.unwrap()
    }

    pub(super) fn until_phase(&self, name: &str, phase: Phase) -> JobResource {
        self.until_job(name, &format!("is {phase:?}"), |job| {
            job.status.phase == phase
        })
    }

    /// Waits until a snapshot is in this state.
    pub(super) fn until_snapshot(&self, name: &str, state: SnapshotState) -> SnapshotResource {
        let mut found = None;
        self.until(&format!("{name} is {state:?}"), || {
            found = self.snapshot(name).filter(|it| it.status.state == state);
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until a snapshot is held for this reason, with these words for whoever has to act.
    pub(super) fn until_snapshot_held(&self, name: &str, reason: Reason, words: &[&str]) {
        self.until(
            &format!("{name} is held: {reason}, saying {words:?}"),
            || {
                let holds = self.snapshot(name).map(|it| it.status.holds.clone());
                let told = |hold: &Hold| {
                    hold.reason == reason && words.iter().all(|words| hold.message.contains(words))
                };
                holds.is_some_and(|holds| holds.iter().any(told))
            },
        );
    }

    /// Waits until a job is in a phase and nothing is held.
    pub(super) fn until_at_rest(&self, name: &str, phase: Phase) -> JobResource {
        self.until_job(name, &format!("is {phase:?}, nothing held"), |job| {
            job.status.phase == phase && job.status.holds.is_empty()
        })
    }

    /// Waits until a job is held for this reason, with these words for whoever has to act.
    pub(super) fn until_held(&self, name: &str, reason: Reason, words: &[&str]) -> Hold {
        let told = |hold: &Hold| words.iter().all(|words| hold.message.contains(words));
        let what = format!("is held: {reason}, saying {words:?}");
        let job = self.until_job(name, &what, |job| {
            hold_of(job, reason).is_some_and(|h| told(&h))
        });
        hold_of(&job, reason).unwrap()
    }

    /// Waits until deletions are held for this reason, with these words.
    pub(super) fn until_mass_deletion(&self, reason: Reason, words: &[&str]) -> Hold {
        let mut found = None;
        self.until(
            &format!("deletions are held: {reason}, saying {words:?}"),
            || {
                let list: Option<List<Hold>> = self.ask("/v1/holds");
                let holds = list.map(|list| list.items).unwrap_or_default();
                found = holds.into_iter().find(|hold| {
                    hold.reason == reason && words.iter().all(|words| hold.message.contains(words))
                });
                found.is_some()
            },
        );
        found.unwrap()
    }

    /// Waits until the `SlowMain` that was given this word has begun on a member.
    pub(super) fn until_main_begins(&self, member: &Member, word: &str) {
        let told = format!("main begins: {word}");
        self.until("main begins", || member.log().contains(&told));
    }

    /// Waits until an event of this kind was told of a job.
    pub(super) fn until_event(&self, name: &str, kind: EventKind) {
        self.until(&format!("{name}: {kind:?}"), || self.count(name, kind) > 0);
    }
}

fn hold_of(job: &JobResource, reason: Reason) -> Option<Hold> {
    let mut holds = job.status.holds.iter();
    holds.find(|hold| hold.reason == reason).cloned()
}
