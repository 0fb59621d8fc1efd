//! Histories that were rewritten: held with both commits named, and let in by a person's word.

use jetkeeper::resources::Footing;
use jetkeeper::source::Source;
use jetkeeper::source::git::{ForcePush, GitReference, GitSource};

use super::remote::Remote;
use super::{Scene, looked, shown, text};

/// A repository of two commits, of which the last is in force.
struct Rewritten {
    remote: Remote,
    scene: Scene,
    first: String,
    last: String,
}

impl Rewritten {
    fn new() -> Self {
        let remote = Remote::new();
        remote.write("a.yaml", "a");
        let first = remote.push();
        remote.write("a.yaml", "b");
        let last = remote.push();
        let scene = Scene::of(&remote);
        Self {
            remote,
            scene,
            first,
            last,
        }
    }

    async fn start(&self) -> GitSource {
        let source = self.scene.start().await;
        stand_on(&source, None).await;
        source
    }

    /// What was pushed is held; its hold has both commits.
    async fn held(&self, source: &GitSource, other: &str) {
        let revision = looked(source).await;
        assert_eq!(revision.id, self.last, "what is in force stays");
        assert!(revision.present);
        let trouble = revision.trouble.clone().unwrap();
        let proposal = revision.proposal.clone().expect("it can be let in");
        assert_eq!(proposal.lineage.commit, other);
        assert_eq!(proposal.anchor.commit, self.last);
        for commit in [other, &self.last] {
            assert!(trouble.contains(&commit[..12]), "{trouble}");
        }
    }
}

async fn stand_on(source: &GitSource, released: Option<&str>) {
    let anchor = shown(source).lineage.as_ref().unwrap().anchor();
    source.stand_on(Footing {
        anchor: Some(anchor),
        released: released.map(str::to_owned),
        ..Footing::default()
    });
    source.stood().await;
}

#[tokio::test]
async fn a_force_push_is_held_until_a_person_lets_it_in() {
    let scene = Rewritten::new();
    let source = scene.start().await;
    scene.remote.write("a.yaml", "c");
    let rewritten = scene.remote.push_amended();
    scene.held(&source, &rewritten).await;
    assert_eq!(text(&shown(&source), "a.yaml"), "b");

    stand_on(&source, Some(&rewritten)).await;
    let revision = shown(&source);
    assert_eq!((&revision.id, &revision.trouble), (&rewritten, &None));
    assert!(revision.proposal.is_none());
    assert_eq!(text(&revision, "a.yaml"), "c");
}

#[tokio::test]
async fn a_branch_that_is_set_back_is_held_and_put_right_by_itself() {
    let scene = Rewritten::new();
    let source = scene.start().await;
    scene
        .remote
        .git(&["reset", "--quiet", "--hard", &scene.first]);
    scene.remote.push_as_it_is();
    scene.held(&source, &scene.first).await;

    scene
        .remote
        .git(&["reset", "--quiet", "--hard", &scene.last]);
    scene.remote.write("a.yaml", "d");
    let next = scene.remote.push();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&next, &None));
    assert!(revision.proposal.is_none());
}

#[tokio::test]
async fn a_history_that_has_nothing_in_common_is_held_over_a_restart() {
    let scene = Rewritten::new();
    let source = scene.start().await;
    scene
        .remote
        .git(&["checkout", "--quiet", "--orphan", "other"]);
    scene.remote.write("a.yaml", "e");
    let other = scene.remote.push();
    scene.held(&source, &other).await;
    let anchor = shown(&source).lineage.as_ref().unwrap().anchor();
    drop(source);

    let mut scene = scene;
    scene.scene.footing.anchor = Some(anchor);
    let source = scene.scene.start().await;
    scene.held(&source, &other).await;
}

#[tokio::test]
async fn without_a_clone_nothing_is_shown_but_what_could_be_let_in() {
    let mut scene = Rewritten::new();
    let source = scene.start().await;
    let anchor = shown(&source).lineage.as_ref().unwrap().anchor();
    drop(source);
    scene.remote.write("a.yaml", "c");
    let rewritten = scene.remote.push_amended();
    scene.scene.place = Scene::of(&scene.remote).place;
    scene.scene.footing.anchor = Some(anchor);
    let source = scene.scene.start().await;
    let revision = shown(&source);
    assert!(!revision.present && revision.files.is_empty());
    let proposal = revision.proposal.clone().unwrap();
    assert_eq!(proposal.lineage.commit, rewritten);
}

#[tokio::test]
async fn a_tag_that_is_moved_is_held_even_forward() {
    let mut scene = Rewritten::new();
    scene.remote.git(&["tag", "v1"]);
    scene.remote.push_as_it_is();
    scene.scene.options.reference = GitReference::Tag("v1".to_owned());
    let source = scene.start().await;
    scene.remote.write("a.yaml", "c");
    let moved = scene.remote.push();
    scene.remote.git(&["tag", "--force", "v1"]);
    scene.remote.push_as_it_is();
    scene.held(&source, &moved).await;
}

#[tokio::test]
async fn a_range_goes_up_on_any_branch_and_down_on_none() {
    let mut scene = Rewritten::new();
    let range = semver::VersionReq::parse("^1").unwrap();
    scene.scene.options.reference = GitReference::Semver(range);
    scene.remote.git(&["tag", "v1.0.0", &scene.first]);
    scene.remote.git(&["tag", "v1.1.0"]);
    scene.remote.push_as_it_is();
    let source = scene.start().await;
    scene.remote.git_bare(&["tag", "--delete", "v1.1.0"], "");
    scene.held(&source, &scene.first).await;

    scene
        .remote
        .git(&["reset", "--quiet", "--hard", &scene.first]);
    scene.remote.write("a.yaml", "fixed");
    let fixed = scene.remote.push();
    scene.remote.git(&["tag", "v1.1.1"]);
    scene.remote.push_as_it_is();
    assert_eq!(looked(&source).await.id, fixed);
}

#[tokio::test]
async fn a_force_push_is_followed_where_that_is_wished() {
    let mut scene = Rewritten::new();
    scene.scene.options.force_push = ForcePush::Follow;
    let source = scene.start().await;
    scene.remote.write("a.yaml", "c");
    let rewritten = scene.remote.push_amended();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&rewritten, &None));
}

#[tokio::test]
async fn what_is_asked_about_other_commits_is_told() {
    let scene = Rewritten::new();
    let source = scene.start().await;
    let anchor = shown(&source).lineage.as_ref().unwrap().anchor();
    let gone = "1".repeat(40);
    source.stand_on(Footing {
        anchor: Some(anchor),
        asked: [scene.first.clone(), gone.clone()].into(),
        released: None,
    });
    source.stood().await;
    let lineage = shown(&source).lineage.clone().unwrap();
    assert!(lineage.descends[&scene.first]);
    assert!(!lineage.descends[&gone]);
}
