//! Repositories with more history than anybody reads.

use std::fmt::Write;
use std::time::{Duration, Instant};

use jetkeeper::resources::SourceName;
use jetkeeper::source::git::{FirstFetch, GitSource};

use super::remote::{Remote, noise};
use super::{Scene, looked, shown, text};

const COMMITS: usize = 100_000;
/// How long the first fetch may take where other tests keep the machine busy.
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test]
async fn a_hundred_thousand_commits_are_fetched_once() {
    let remote = Remote::new();
    let mut stream = String::new();
    for number in 0..COMMITS {
        let at = 1_700_000_000 + number;
        let head = "commit refs/heads/main\ncommitter A. Author <author@example.com>";
        write!(stream, "{head} {at} +0000\ndata 1\nx\n").unwrap();
        if number == 0 {
            stream.push_str("M 100644 inline a.yaml\ndata 1\na\n");
        }
        stream.push('\n');
    }
    remote.git_bare(&["fast-import", "--quiet"], &stream);
    let head = remote.git_bare(&["rev-parse", "main"], "");
    let mut scene = Scene::of(&remote);
    scene.options.timeout = PATIENCE;
    let name = SourceName("jobs".to_owned());
    let (options, first) = (scene.options.clone(), FirstFetch::Latest(PATIENCE));
    let began = Instant::now();
    let source = GitSource::start(name, options, &scene.repositories(), first).await;
    let first = began.elapsed();
    let revision = shown(&source);
    assert_eq!((&revision.id, &revision.trouble), (&head, &None));
    assert_eq!(text(&revision, "a.yaml"), "a");

    // One more commit is all that is fetched then.
    let more = "commit refs/heads/main\ncommitter A. Author <author@example.com> 1800000000 +0000\n\
                data 1\nx\nfrom refs/heads/main^0\nM 100644 inline a.yaml\ndata 1\nb\n\n";
    remote.git_bare(&["fast-import", "--quiet"], more);
    let began = Instant::now();
    let revision = looked(&source).await;
    assert_eq!(revision.trouble, None);
    assert_eq!(text(&revision, "a.yaml"), "b");
    assert!(began.elapsed() < first.max(Duration::from_secs(20)));
}

#[tokio::test]
async fn a_repository_on_this_machine_may_be_silent_while_it_is_packed() {
    let remote = Remote::new();
    remote.compresses_nothing();
    remote.write("a.yaml", "a");
    remote.write("unrelated.bin", noise(1, 96 << 20));
    let head = remote.push();
    let mut scene = Scene::of(&remote);
    scene.options.timeout = PATIENCE;
    // Less than that takes, and more than the time between two words about it.
    scene.options.stall_timeout = Duration::from_secs(1);
    let name = SourceName("jobs".to_owned());
    let first = FirstFetch::Latest(PATIENCE);
    let source = GitSource::start(name, scene.options.clone(), &scene.repositories(), first).await;
    let revision = shown(&source);
    assert_eq!((&revision.id, &revision.trouble), (&head, &None));
}
