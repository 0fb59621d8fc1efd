//! Fixed stories, crashed at every commit: before it is durable, and right after.
//!
//! A crash before the n-th commit loses what the commit held; where it held an outcome, the effect
//! has happened and the next run has to find out. A crash right after it leaves intents whose
//! effects never began.

use std::collections::BTreeMap;
use std::time::Duration;

use jetkeeper::engine::Request;
use jetkeeper::plan::hold::{Hold, Reason, Release};
use jetkeeper::store::memory::FaultKind;

use super::model::in_virtual_time;
use super::pipeline::Pipeline;
use super::source::JobDocument;
use super::world::World;

type Documents = BTreeMap<String, JobDocument>;
type Change = fn(&mut Documents);

/// One thing that happens in a story.
enum Turn {
    /// A user edits documents.
    Edit(Change),
    /// Somebody else submits a job of this name, and a user adopts it once that is asked for.
    Foreign(&'static str),
}

const LIFE: &[(&str, Turn)] = &[
    ("submit", Turn::Edit(|documents| add(documents, "mail"))),
    (
        "suspend",
        Turn::Edit(|documents| edit(documents).state = "Suspended"),
    ),
    (
        "resume",
        Turn::Edit(|documents| edit(documents).state = "Running"),
    ),
    (
        "restart",
        Turn::Edit(|documents| edit(documents).restart_nonce = Some(1)),
    ),
    (
        "configure",
        Turn::Edit(|documents| edit(documents).snapshot_interval = Some(3)),
    ),
    (
        "replace",
        Turn::Edit(|documents| edit(documents).version = 2),
    ),
    (
        "cancel",
        Turn::Edit(|documents| edit(documents).state = "Canceled"),
    ),
    (
        "submit again",
        Turn::Edit(|documents| edit(documents).state = "Running"),
    ),
    ("delete", Turn::Edit(Documents::clear)),
];

const NAMES: &[(&str, Turn)] = &[
    ("somebody's job", Turn::Foreign("mail")),
    ("adopt", Turn::Edit(|documents| add(documents, "mail"))),
    ("rename", Turn::Edit(rename)),
    (
        "edit after the rename",
        Turn::Edit(|documents| edit(documents).state = "Suspended"),
    ),
    ("delete", Turn::Edit(Documents::clear)),
    (
        "declare again",
        Turn::Edit(|documents| add(documents, "mail")),
    ),
];

/// A job whose state nobody gives up.
const STATE: &[(&str, Turn)] = &[
    ("submit", Turn::Edit(add_precious)),
    (
        "upgrade",
        Turn::Edit(|documents| edit(documents).version = 2),
    ),
    (
        "an upgrade that fails at once",
        Turn::Edit(|documents| edit(documents).version = 4),
    ),
    (
        "another upgrade",
        Turn::Edit(|documents| edit(documents).version = 3),
    ),
    (
        "cancel",
        Turn::Edit(|documents| edit(documents).state = "Canceled"),
    ),
    (
        "submit again",
        Turn::Edit(|documents| edit(documents).state = "Running"),
    ),
    (
        "an upgrade that a failure suspends",
        Turn::Edit(|documents| edit(documents).version = 6),
    ),
    ("back", Turn::Edit(|documents| edit(documents).version = 3)),
    ("delete", Turn::Edit(Documents::clear)),
];

#[test]
fn a_stateful_job_s_life_survives_a_crash_at_every_commit() {
    crash_everywhere(STATE, 40);
}

/// What takes several steps with a job whose state nobody gives up.
const CHANGES: [(&str, Change); 5] = [
    ("an upgrade", |documents| edit(documents).version = 2),
    ("one that fails at once", |documents| {
        edit(documents).version = 4;
    }),
    ("one that a failure suspends", |documents| {
        edit(documents).version = 6;
    }),
    ("its end", |documents| edit(documents).state = "Canceled"),
    ("its deletion", Documents::clear),
];

/// A person resumes, suspends or cancels the job at every moment of them.
#[test]
fn what_takes_several_steps_survives_a_person_at_every_moment() {
    for (what, change) in CHANGES {
        for millis in (0..5_000).step_by(250) {
            for deed in ["resume", "suspend", "cancel"] {
                meddle(what, change, millis, deed);
            }
        }
    }
}

fn meddle(what: &str, change: Change, millis: u64, deed: &str) {
    in_virtual_time(async {
        let mut world = World::new(11);
        add_precious(&mut world.documents);
        world.show();
        settle(&mut world).await;
        change(&mut world.documents);
        world.note(&format!("STORY {deed} {millis} ms after {what}"));
        world.show();
        world.pass_time(Duration::from_millis(millis)).await;
        world.lay_hands_on("alpha", deed);
        settle(&mut world).await;
        world.check();
        world.judge().await;
    });
}

#[test]
fn a_job_s_life_survives_a_crash_at_every_commit() {
    crash_everywhere(LIFE, 20);
}

#[test]
fn adoption_and_rename_survive_a_crash_at_every_commit() {
    crash_everywhere(NAMES, 10);
}

fn add(documents: &mut Documents, name: &str) {
    let mut document = JobDocument::new(name, "alpha", Pipeline::Stream);
    document.upgrade = "Stateless";
    document.deletion = "Cancel";
    documents.insert(name.to_owned(), document);
}

fn add_precious(documents: &mut Documents) {
    let document = JobDocument::new("orders", "alpha", Pipeline::Stream);
    documents.insert("orders".to_owned(), document);
}

fn edit(documents: &mut Documents) -> &mut JobDocument {
    documents.values_mut().next().unwrap()
}

fn rename(documents: &mut Documents) {
    let document = documents.remove("mail").unwrap();
    documents.insert("renamed".to_owned(), document);
}

/// Tells the story once without a crash, to count its commits, then once for each crash.
fn crash_everywhere(story: &[(&str, Turn)], least: u64) {
    let commits = tell(story, None);
    assert!(commits >= least, "only {commits} commits");
    for commit in 1..=commits {
        for durable in [false, true] {
            tell(story, Some((commit, durable)));
        }
    }
}

/// Tells the story with one crash at most, and panics unless each turn ends as it should. Tells how
/// many commits it took.
fn tell(story: &[(&str, Turn)], crash: Option<(u64, bool)>) -> u64 {
    in_virtual_time(async {
        let mut world = World::new(7);
        world.note(&format!("STORY with a crash at {crash:?}"));
        if let Some((commit, durable)) = crash {
            world.around.plan_fault(commit, durable, FaultKind::Crash);
        }
        for (name, turn) in story {
            world.note(&format!("TURN {name}"));
            match turn {
                Turn::Edit(edit) => edit(&mut world.documents),
                Turn::Foreign(name) => world.submit_foreign_to("alpha", name),
            }
            world.show();
            settle(&mut world).await;
            world.check();
            world.judge_jobs();
        }
        let commits = world.around.disk.commits();
        world.judge().await;
        commits
    })
}

/// Waits until nothing is left to do; people answer what is asked of them.
async fn settle(world: &mut World) {
    for minute in 0..60 {
        world.pass_time(Duration::from_mins(1)).await;
        let shown = world.shown();
        let unknown = |hold: &Hold| hold.reason == Reason::OutcomeUnknown;
        let unknown = shown.holds.iter().any(unknown);
        let adopt = shown
            .holds
            .iter()
            .find(|hold| hold.release == Release::Adopt);
        if let Some(hold) = adopt {
            let request: Request = world.release(hold);
            world.request(request).await;
        } else if shown.settled && !unknown {
            return;
        } else if minute > 10 && unknown {
            world.give_up_what_is_unknown().await;
        }
    }
    let holds = world.shown().holds.clone();
    world.fail(&format!("did not settle: {holds:?}"));
}
