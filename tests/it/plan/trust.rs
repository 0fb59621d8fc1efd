//! Which revision may be in force, and where that is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use jetkeeper::plan::hold::{HoldClass, Reason, Release};
use jetkeeper::plan::observed::{Observed, Seen};
use jetkeeper::plan::ownership::{AnchorEntry, anchor_key};
use jetkeeper::plan::record::{Pause, Recorded, SourceRecord};
use jetkeeper::plan::step::{Action, Outcome};
use jetkeeper::plan::{PlanInput, trust};
use jetkeeper::resources::{Footing, Lineage, Motion, Proposal, SourceName};
use serde_json::json;

use super::observe::running;
use super::scene::{CLUSTER, OWNER, SOURCE, Scene, hold, seconds, words};

fn source() -> SourceName {
    SourceName(SOURCE.to_owned())
}

/// A commit of a branch; of which others it descends, as far as that was asked.
fn lineage(commit: &str, descends: &[(&str, bool)]) -> Lineage {
    let descends = descends.iter().map(|(of, does)| ((*of).to_owned(), *does));
    Lineage {
        repository: "https://host/jobs.git".to_owned(),
        reference: "branch main".to_owned(),
        motion: Motion::Descends,
        commit: commit.to_owned(),
        tag: None,
        fetched_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        verified: None,
        descends: descends.collect(),
    }
}

impl Scene {
    /// The source is a repository that shows this, and it is in force.
    fn show(&mut self, lineage: &Lineage) {
        let view = self.source(SOURCE);
        view.revision.clone_from(&lineage.commit);
        view.lineage = Some(Arc::new(lineage.clone()));
        view.proposal = None;
        let now = self.now;
        let sources = &mut self.recorded.sources;
        let record = sources
            .entry(source())
            .or_insert_with(|| Arc::new(SourceRecord::new(String::new(), now)));
        let record = Arc::make_mut(record);
        record.revision.clone_from(&lineage.commit);
        record.anchor = Some(lineage.anchor());
        if self.view().anchors == Seen::Unknown {
            self.view().anchors = Seen::Known(BTreeMap::new());
        }
    }

    fn propose(&mut self, commit: &str) {
        let anchor = self.recorded.sources[&source()].anchor.clone().unwrap();
        let proposal = Proposal {
            lineage: lineage(commit, &[(&anchor.commit, false)]),
            anchor,
        };
        self.source(SOURCE).proposal = Some(Arc::new(proposal));
    }

    /// The commit that the cluster remembers.
    fn remembered(&mut self) -> Option<String> {
        let anchors = self.view().anchors.known().unwrap();
        let entry = anchors.get(&anchor_key(OWNER, &source()))?;
        Some(entry.anchor.commit.clone())
    }

    fn remember_in_cluster(&mut self, commit: &str) {
        let entry = AnchorEntry {
            owner: OWNER.to_owned(),
            source: source(),
            anchor: lineage(commit, &[]).anchor(),
        };
        let key = anchor_key(OWNER, &source());
        self.view().anchors = Seen::Known([(key, entry)].into());
    }

    fn footing(&self) -> Footing {
        let views = self.views.iter();
        let observed = Observed {
            clusters: views
                .map(|(k, v)| (k.clone(), Arc::new(v.clone())))
                .collect(),
            ..Observed::default()
        };
        let input = PlanInput {
            desired: &self.desired,
            recorded: &self.recorded,
            observed: &observed,
            settings: &self.settings,
            now: self.now,
        };
        trust::footing(&source(), &input)
    }
}

/// A job that runs, of a repository whose commit `c1` is in force and remembered by the cluster.
fn in_force() -> Scene {
    let (mut scene, _) = running(json!({}));
    scene.show(&lineage("c1", &[]));
    assert_eq!(scene.settle(), ["anchor"]);
    assert_eq!(scene.remembered().as_deref(), Some("c1"));
    scene
}

#[test]
fn a_commit_in_force_is_written_once_where_its_jobs_are() {
    let mut scene = in_force();
    scene.assert_at_rest();
    scene.pass_time(seconds(3600));
    scene.assert_at_rest();
    scene.show(&lineage("c2", &[("c1", true)]));
    assert_eq!(scene.settle(), ["anchor"]);
    assert_eq!(scene.remembered().as_deref(), Some("c2"));
    // A source without jobs on the cluster leaves nothing there.
    let mut other = Scene::with(json!({"state": "Suspended"}));
    other.show(&lineage("c1", &[]));
    assert!(!other.settle().contains(&"anchor".to_owned()));
}

#[test]
fn an_entry_that_vanished_is_written_again_and_one_just_written_is_not() {
    let mut scene = in_force();
    scene.view().anchors = Seen::Known(BTreeMap::new());
    // That look is older than the write.
    scene.assert_at_rest();
    scene.pass_time(seconds(60));
    scene.view().ownership_asked_at = Some(scene.now);
    assert_eq!(words(&scene.plan()), "anchor");
}

#[test]
fn a_write_that_fails_is_tried_again_after_a_pause() {
    let (mut scene, _) = running(json!({}));
    scene.show(&lineage("c1", &[]));
    let plan = scene.learn();
    let [step] = plan.steps.as_slice() else {
        panic!("one step: {plan:#?}");
    };
    assert!(matches!(step.action, Action::Anchor { .. }));
    let message = "no answer".to_owned();
    scene.finish(step, &Outcome::Unknown { message });
    let waiting = hold(&scene.learn(), Reason::BackingOff);
    assert_eq!(waiting.class, HoldClass::Waiting);
    scene.pass_time(seconds(2));
    assert_eq!(scene.settle(), ["anchor"]);
}

#[test]
fn neither_a_pause_that_is_over_nor_a_clock_that_was_put_back_keeps_a_commit_from_being_written() {
    let (mut scene, _) = running(json!({}));
    scene.show(&lineage("c1", &[]));
    let pause = |until| Pause {
        reason: "maintenance".to_owned(),
        by: "somebody".to_owned(),
        since: scene.now,
        until: Some(until),
    };
    let (on, over) = (pause(scene.now + seconds(1)), pause(scene.now));
    scene.recorded.pauses.insert(None, on);
    assert_eq!(words(&scene.plan()), "Paused");
    scene.recorded.pauses.insert(None, over);
    let plan = scene.plan();
    assert_eq!(words(&plan), "anchor");

    scene.recorded.pauses.clear();
    let message = "no answer".to_owned();
    scene.finish(&plan.steps[0], &Outcome::Unknown { message });
    assert_eq!(words(&scene.plan()), "BackingOff");
    scene.now -= seconds(3600);
    assert_eq!(words(&scene.plan()), "anchor");

    // Nor is one that vanished taken for one that was written later.
    assert_eq!(scene.settle(), ["anchor"]);
    scene.view().anchors = Seen::Known(BTreeMap::new());
    scene.now -= seconds(3600);
    scene.view().ownership_asked_at = Some(scene.now);
    assert_eq!(words(&scene.plan()), "anchor");
}

#[test]
fn a_rewritten_history_is_held_and_a_word_about_it_lets_in_that_commit_alone() {
    let mut scene = in_force();
    scene.propose("c9");
    let held = hold(&scene.learn(), Reason::HistoryRewritten);
    assert_eq!(
        (held.class, held.release),
        (HoldClass::Policy, Release::Confirm)
    );
    assert!(held.message.contains("c9") && held.message.contains("c1"));
    assert_eq!(scene.footing().released, None);

    // Another commit is another question.
    scene.propose("c8");
    let other = hold(&scene.learn(), Reason::HistoryRewritten);
    assert_ne!(other.id, held.id);
    scene.confirm(&held, false);
    hold(&scene.learn(), Reason::HistoryRewritten);
    assert_eq!(scene.footing().released, None, "that word was void");

    scene.confirm(&other, false);
    scene.learn();
    assert_eq!(scene.footing().released.as_deref(), Some("c8"));
    assert!(scene.recorded.confirmations.is_empty());
    let let_in = lineage("c8", &[("c1", false)]);
    let record = scene.recorded.sources.get(&source());
    assert!(trust::admits(record.map(|it| &**it), &let_in));
    let not = lineage("c9", &[("c1", false)]);
    assert!(!trust::admits(record.map(|it| &**it), &not));
    // It is in force, and so is remembered.
    scene.show(&let_in);
    assert_eq!(scene.settle(), ["anchor"]);
    assert_eq!(scene.remembered().as_deref(), Some("c8"));
}

#[test]
fn only_what_goes_on_from_the_anchor_is_planned_with() {
    let scene = in_force();
    let record = scene.recorded.sources.get(&source()).map(|it| &**it);
    for (next, admitted) in [
        (lineage("c1", &[]), true),
        (lineage("c2", &[("c1", true)]), true),
        (lineage("c2", &[("c1", false)]), false),
        // Nobody has said yet.
        (lineage("c2", &[]), false),
    ] {
        assert_eq!(trust::admits(record, &next), admitted, "{next:?}");
    }
    assert!(trust::admits(None, &lineage("c2", &[])));
}

#[test]
fn an_older_commit_is_not_applied_after_state_was_lost() {
    let scene = in_force();
    // The jobs are gone, and so is our state; the cluster remembers, and somebody shows what was before.
    let mut lost = Scene::with(json!({}));
    lost.recorded = Recorded {
        clusters: lost.recorded.clusters.clone(),
        ..Recorded::default()
    };
    lost.now = scene.now;
    lost.show(&lineage("c0", &[]));
    lost.remember_in_cluster("c1");
    let plan = lost.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(words(&plan), "ClusterUnknown", "the source is asked first");
    assert_eq!(lost.footing().asked, ["c1".to_owned()].into());

    let asked = lineage("c0", &[("c1", false)]);
    lost.source(SOURCE).lineage = Some(Arc::new(asked));
    let plan = lost.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    let held = plan.holds.iter().find(|it| it.release == Release::Confirm);
    let held = held.expect("a person can let it in").clone();
    assert_eq!(held.reason, Reason::HistoryRewritten);
    assert!(held.message.contains(CLUSTER) && held.message.contains("c1"));
    assert!(lost.plan().steps.is_empty(), "nothing is done meanwhile");

    // The history goes on: so does the job.
    let mut right = lost.clone();
    right.show(&lineage("c2", &[("c0", true), ("c1", true)]));
    let verbs = right.settle();
    assert!(verbs.contains(&"submit".to_owned()), "{verbs:?}");
    assert_eq!(right.remembered().as_deref(), Some("c2"));

    lost.confirm(&held, false);
    let verbs = lost.settle();
    assert!(verbs.contains(&"submit".to_owned()), "{verbs:?}");
    assert_eq!(lost.remembered().as_deref(), Some("c0"));
}

#[test]
fn what_other_sources_declare_is_not_held_by_it() {
    let mut scene = in_force();
    scene.source("others");
    scene.declare("other", json!({}));
    let declared = Arc::make_mut(scene.desired.jobs.get_mut("other").unwrap());
    declared.place.source = SourceName("others".to_owned());
    scene.show(&lineage("c0", &[("c7", false)]));
    scene.remember_in_cluster("c7");
    let verbs = (0..6)
        .flat_map(|_| scene.pass().steps)
        .map(|step| step.verb());
    let verbs: Vec<&str> = verbs.collect();
    assert_eq!(verbs, ["claim", "submit"]);
}
