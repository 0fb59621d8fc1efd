//! The invariants about clusters that can't be seen, can't be trusted, or are not the ones we knew.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::observed::{ClusterState, ClusterView, Link, Missing, Seen};
use jetkeeper::plan::step::Outcome;
use jetkeeper::resources::ResourceId;
use serde_json::json;
use uuid::Uuid;

use super::observe::running;
use super::scene::{CLUSTER, OWNER, Scene, hold, member, seconds, words};

type Change = fn(&mut ClusterView);

/// Everything that can be missing of a view, and the hold that it leads to.
const DEFICIENCIES: &[(&str, Reason, Change)] = &[
    ("another cluster's name", Reason::ClusterMismatch, |view| {
        view.link = Link::Down {
            since: view.listed_at.unwrap(),
            error: Some("it isn't called dev".to_owned()),
        };
        view.refused = true;
    }),
    ("no connection", Reason::ClusterUnreachable, |view| {
        view.link = Link::Down {
            since: view.listed_at.unwrap(),
            error: Some("connection refused".to_owned()),
        };
    }),
    ("no id", Reason::ClusterUnknown, |view| {
        view.cluster_id = None;
    }),
    ("no list", Reason::ClusterUnknown, |view| {
        view.jobs = Seen::Unknown;
    }),
    ("no ownership map", Reason::ClusterUnknown, |view| {
        view.ownership = Seen::Unknown;
    }),
    ("no members", Reason::ClusterUnsafe, |view| {
        view.members.clear();
    }),
    ("two ids", Reason::ClusterUnsafe, |view| {
        view.foreign_cluster_id = Some(Uuid::from_u128(7));
    }),
    ("a new master", Reason::ClusterUnsafe, |view| {
        view.master_changed_at = view.listed_at;
    }),
    ("no state", Reason::ClusterUnknown, |view| {
        view.state = Seen::Unknown;
    }),
    ("partitions not known", Reason::ClusterUnknown, |view| {
        view.partitions_safe = Seen::Unknown;
    }),
    ("partitions not safe", Reason::ClusterUnsafe, |view| {
        view.partitions_safe = Seen::Known(false);
    }),
    ("FROZEN", Reason::ClusterUnsafe, |view| {
        view.state = Seen::Known(ClusterState::Frozen);
    }),
    ("PASSIVE", Reason::ClusterUnsafe, |view| {
        view.state = Seen::Known(ClusterState::Passive);
    }),
    ("NO_MIGRATION", Reason::ClusterUnsafe, |view| {
        view.state = Seen::Known(ClusterState::NoMigration);
    }),
    ("IN_TRANSITION", Reason::ClusterUnsafe, |view| {
        view.state = Seen::Known(ClusterState::InTransition);
    }),
];

/// Scenes in which something is due, one for every kind of step.
pub(super) fn due() -> Vec<(&'static str, Scene)> {
    let spec = json!({"deletionPolicy": "Cancel", "upgradePolicy": {"mode": "Stateless"}});
    let with = |more: serde_json::Value| {
        let mut spec = spec.clone();
        let fields = more.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(fields);
        spec
    };
    let changed = |more| {
        let (mut scene, _) = running(spec.clone());
        scene.declare("orders", with(more));
        scene
    };
    let mut claimed = Scene::with(json!({}));
    claimed.pass();
    let mut to_resume = changed(json!({"state": "Suspended"}));
    to_resume.settle();
    let mut to_update = to_resume.clone();
    to_resume.declare("orders", spec.clone());
    to_update.declare("orders", with(json!({"jobConfig": {"timeout": "1h"}})));
    let (mut removed, _) = running(spec.clone());
    removed.delete("orders");
    let mut left = removed.clone();
    left.pass();
    left.learn();
    vec![
        ("claim", Scene::with(json!({}))),
        ("submit", claimed),
        ("suspend", changed(json!({"state": "Suspended"}))),
        ("resume", to_resume),
        ("update", to_update),
        ("restart", changed(json!({"restartNonce": 1}))),
        ("cancel", changed(json!({"state": "Canceled"}))),
        ("cancel", changed(json!({"parameters": ["b"]}))),
        ("cancel", removed),
        ("release", left),
    ]
}

#[test]
fn a_cluster_that_can_not_be_seen_or_trusted_gets_no_step() {
    for (verb, scene) in due() {
        assert_eq!(words(&scene.plan()), verb, "all is well");
        for (what, reason, change) in DEFICIENCIES {
            let mut scene = scene.clone();
            change(scene.view());
            let mut plan = scene.learn();
            plan.holds
                .retain(|hold| *hold.subjects == [ResourceId::jet_job("orders")]);
            assert_eq!(words(&plan), reason.as_str(), "{verb} with {what}");
        }
    }
}

#[test]
fn a_step_begins_as_soon_as_the_cluster_can_be_trusted_again() {
    for (verb, mut scene) in due() {
        let now = scene.now;
        scene.view().master_changed_at = Some(now);
        let plan = scene.learn();
        assert_eq!(plan.next_wake, Some(now + seconds(10)), "{verb}");
        scene.pass_time(seconds(10));
        assert_eq!(words(&scene.learn()), verb);
    }
}

#[test]
fn fewer_members_than_asked_for_get_no_step() {
    let mut scene = Scene::with(json!({}));
    scene.hazelcast(json!({"clusterName": "dev", "minMembers": 2}));
    assert_eq!(words(&scene.plan()), "ClusterUnsafe");
    scene.view().members.insert(member(2));
    let plan = scene.plan();
    assert_eq!(words(&plan), "claim");
    // They may leave before it is carried out.
    assert_eq!(plan.steps[0].expects.min_members, Some(2));
}

#[test]
fn a_cluster_that_takes_no_jars_gets_none_and_the_setting_is_named() {
    let changes: [(Reason, &str, Change); 5] = [
        (Reason::JetDisabled, "jet.enabled", |view| {
            view.jet_enabled = Seen::Known(false);
        }),
        (
            Reason::ResourceUploadDisabled,
            "resource-upload-enabled",
            |view| {
                view.upload_enabled = Seen::Known(false);
            },
        ),
        (Reason::OwnershipMapUnsafe, "eviction", |view| {
            view.ownership_map_fault = Seen::Known(Some("it has eviction".to_owned()));
        }),
        (Reason::ClusterUnknown, "settings", |view| {
            view.upload_enabled = Seen::Unknown;
        }),
        (Reason::ClusterUnknown, "settings", |view| {
            view.ownership_map_fault = Seen::Unknown;
        }),
    ];
    for (reason, word, change) in changes {
        let mut scene = Scene::with(json!({}));
        change(scene.view());
        let held = hold(&scene.plan(), reason);
        assert!(held.message.contains(word), "{}", held.message);
        assert!(scene.plan().steps.is_empty());
        // A job that runs needs none of it.
        let (mut scene, _) = running(json!({}));
        change(scene.view());
        scene.declare("orders", json!({"state": "Suspended"}));
        assert_eq!(words(&scene.plan()), "suspend");
    }
}

#[test]
fn a_cluster_without_addresses_is_named() {
    let mut scene = Scene::with(json!({}));
    scene.views.clear();
    let held = hold(&scene.plan(), Reason::ClusterMismatch);
    assert!(held.message.contains("--cluster dev="), "{}", held.message);
}

#[test]
fn one_cluster_that_is_down_holds_up_only_its_own_jobs() {
    let mut scene = Scene::with(json!({}));
    scene.declare("elsewhere", json!({"hazelcastResourceName": "other"}));
    let mut other = scene.view().clone();
    let now = scene.now;
    other.link = Link::Down {
        since: now,
        error: None,
    };
    scene.views.insert("other".to_owned(), other);
    assert_eq!(words(&scene.plan()), "claim ClusterUnreachable");
}

#[test]
fn a_job_is_gone_only_when_it_was_missing_twice_ten_seconds_apart_under_one_master() {
    let (scene, job) = running(json!({"onStateLoss": {"mode": "StartFresh"}}));
    let now = scene.now;
    let missing = |first: i64, last: i64, master: u128| Missing {
        first_at: now + seconds(first),
        last_at: now + seconds(last),
        master: member(master),
    };
    for (what, seen, expected) in [
        ("never asked for", None, "LookingForJob"),
        ("once", Some(missing(0, 0, 1)), "LookingForJob"),
        (
            "nine seconds apart",
            Some(missing(0, 9, 1)),
            "LookingForJob",
        ),
        (
            "under another master",
            Some(missing(0, 10, 2)),
            "LookingForJob",
        ),
        ("ten seconds apart", Some(missing(0, 10, 1)), "claim"),
    ] {
        let mut scene = scene.clone();
        scene.pass_time(seconds(10));
        scene.jobs().clear();
        if let Some(seen) = seen {
            scene.view().missing.insert(job, seen);
        }
        assert_eq!(words(&scene.learn()), expected, "{what}");
    }
}

#[test]
fn a_job_that_was_gone_and_comes_back_is_not_submitted_a_second_time() {
    let (mut scene, job) = running(json!({"onStateLoss": {"mode": "StartFresh"}}));
    let seen = scene.jobs()[&job].clone();
    scene.lose(job);
    scene.pass();
    assert!(scene.recorded.jobs["orders"].attempt.is_some());
    scene.jobs().insert(job, seen);
    assert_eq!(scene.settle(), [""; 0]);
    assert_eq!(scene.bound("orders"), Some(job));
}

#[test]
fn jobs_of_an_ended_kind_are_not_looked_for() {
    let (mut scene, job) = running(json!({}));
    scene.job(job, |job| job.status = JobStatus::Completed);
    scene.settle();
    // The members forget results after a while.
    scene.jobs().clear();
    assert_eq!(scene.settle(), [""; 0]);
}

/// The same address answers with another cluster id now.
fn other_cluster(scene: &mut Scene) {
    let view = scene.view();
    view.cluster_id = Some(Uuid::from_u128(0xc2));
    view.jobs = Seen::Known([].into());
    view.ownership = Seen::Known([].into());
}

#[test]
fn a_new_empty_cluster_takes_the_place_of_the_old_one() {
    let (mut scene, _) = running(json!({"onStateLoss": {"mode": "StartFresh"}}));
    other_cluster(&mut scene);
    let verbs = scene.settle();
    assert_eq!(verbs, ["claim", "submit"]);
    let id = scene.recorded.clusters[CLUSTER].cluster_id;
    assert_eq!(Some(id), scene.views[CLUSTER].cluster_id);

    // Stateful jobs wait for a word, batch jobs that completed stay completed.
    let (mut scene, _) = running(json!({}));
    let mut completed = scene.clone();
    other_cluster(&mut scene);
    assert_eq!(words(&scene.learn()), "StateLost");
    let job = completed.bound("orders").unwrap();
    completed.job(job, |job| job.status = JobStatus::Completed);
    completed.settle();
    other_cluster(&mut completed);
    assert_eq!(completed.settle(), [""; 0]);
}

#[test]
fn another_cluster_is_not_believed_while_the_old_one_may_be_there() {
    let not_yet: [(&str, &str, Change); 4] = [
        ("it has jobs", "ClusterChanged", |view| {
            let mut scene = Scene::new();
            scene.foreign_job("theirs", JobStatus::Completed);
            view.jobs = scene.view().jobs.clone();
        }),
        (
            "another address answers with the old id",
            "ClusterChanged",
            |view| {
                view.foreign_cluster_id = Some(super::scene::cluster_id());
            },
        ),
        ("its master is new", "ClusterUnsafe", |view| {
            view.master_changed_at = view.listed_at;
        }),
        ("its partitions are not safe", "ClusterUnsafe", |view| {
            view.partitions_safe = Seen::Known(false);
        }),
    ];
    for (what, expected, change) in not_yet {
        let (mut scene, job) = running(json!({"onStateLoss": {"mode": "StartFresh"}}));
        let old = scene.views.clone();
        other_cluster(&mut scene);
        change(scene.view());
        let plan = scene.learn();
        assert_eq!(words(&plan), expected, "{what}");
        assert!(plan.clusters.is_empty(), "{what}");
        // The old one comes back, and nothing was lost.
        scene.views = old;
        assert_eq!(scene.settle(), [""; 0], "{what}");
        assert_eq!(scene.bound("orders"), Some(job), "{what}");
    }
}

#[test]
fn an_upload_to_a_cluster_that_is_gone_is_given_up() {
    let mut scene = Scene::with(json!({}));
    scene.pass();
    let plan = scene.learn();
    let unknown = Outcome::Unknown {
        message: "the connection broke".to_owned(),
    };
    scene.end_with(&plan, &unknown);
    other_cluster(&mut scene);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn an_empty_state_beside_entries_of_ours_stops_everything() {
    let (found, _) = running(json!({}));
    let mut scene = Scene::with(json!({}));
    scene.views = found.views.clone();
    scene.recorded.clusters.clear();
    let plan = scene.plan();
    let why = plan.fatal.clone().unwrap();
    assert!(why.contains("jetkeeper state rebuild"), "{why}");
    assert!(plan.steps.is_empty() && plan.jobs.is_empty());

    // Another owner's entries are no reason.
    scene.settings.owner = "keeper-3".to_owned();
    assert_eq!(scene.plan().fatal, None);
    assert_eq!(words(&scene.plan()), "Conflict");
}

#[test]
fn a_state_that_keeps_other_clusters_only_leaves_that_one_alone() {
    let (found, _) = running(json!({}));
    let mut scene = Scene::with(json!({}));
    scene.declare("elsewhere", json!({"hazelcastResourceName": "other"}));
    scene
        .views
        .insert("other".to_owned(), found.views[CLUSTER].clone());
    assert_eq!(words(&scene.plan()), "claim ClusterMismatch");
    assert_eq!(scene.plan().fatal, None);
}

#[test]
fn rebuilding_finds_the_jobs_again_and_submits_and_deletes_nothing() {
    let spec = json!({"restartNonce": 3, "state": "Restarted"});
    for ended in [false, true] {
        let (mut found, job) = running(spec.clone());
        if ended {
            found.job(job, |job| job.status = JobStatus::Completed);
        }
        let mut scene = Scene::with(spec.clone());
        scene.views = found.views.clone();
        scene.recorded.clusters.clear();
        scene.settings.rebuilding = true;
        assert_eq!(scene.settle(), [""; 0], "ended: {ended}");
        assert_eq!(scene.bound("orders"), Some(job));
        assert_eq!(scene.entries()["orders"].owner, OWNER);
    }
}

#[test]
fn a_rebuilt_job_that_runs_with_another_jar_is_an_upgrade() {
    let (found, _) = running(json!({}));
    let mut scene = Scene::with(json!({}));
    scene.new_jar("orders", "2");
    scene.views = found.views.clone();
    scene.settings.rebuilding = true;
    assert_eq!(words(&scene.learn()), "suspend");
    scene.new_jar("orders", "1");
    assert_eq!(scene.settle(), [""; 0]);
}

#[test]
fn a_rebuilt_record_without_an_entry_holds_until_confirmed() {
    let mut scene = Scene::with(json!({}));
    scene.learn();
    scene.record("orders", |record| record.rebuilt = true);
    let held = hold(&scene.learn(), Reason::Rebuilt);
    scene.assert_at_rest();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}
