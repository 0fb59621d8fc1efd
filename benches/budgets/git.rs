//! Git: what a look at a repository of 10 000 files costs, and how long it takes from a push to a job
//! that runs, where the remote is polled and where it calls.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::clock::{Random, SystemClock};
use jetkeeper::plan::status::Phase;
use jetkeeper::resources::{Footing, SourceName};
use jetkeeper::secrets::FileSecrets;
use jetkeeper::source::Source;
use jetkeeper::source::git::{FirstFetch, GitOptions, GitParts, GitSource, GitUrl, Repositories};
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::documents::{DOCUMENTS, path, text};
use crate::keeper::{milliseconds, monotonic};
use crate::remote::{Remote, noise};
use crate::support::documents::orders;
use crate::support::member::Member;
use crate::support::scratch::Scratch;
use crate::support::{fixture, unique};
use crate::table::{Row, ms, percentile, sorted};

const ROUNDS: usize = 7;
const PUSHES: usize = 20;
/// The shortest interval that can be configured.
const INTERVAL: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_mins(20);
/// More than the least time between two looks.
const BETWEEN: Duration = Duration::from_millis(1_500);
const SECRET: &str = "of-the-webhook";
/// As large a repository as is taken.
const LARGE: u64 = 15;
const LARGE_FILE: usize = 64 * 1024 * 1024;

/// A look at a repository in which nothing, or one file of many, changed.
pub(crate) fn looks() -> Vec<Row> {
    let remote = Remote::new();
    for number in 0..DOCUMENTS {
        remote.write(&path(number), text(number, "Running"));
    }
    remote.push();
    let place = Scratch::new();
    let (mut changed, mut same, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let cold = Runtime::new().unwrap().block_on(async {
        let began = monotonic();
        let source = source(&remote, &place).await;
        let cold = milliseconds(began, monotonic());
        assert_eq!(source.revisions().borrow().files.len(), DOCUMENTS);
        for round in 0..ROUNDS {
            remote.write(&path(round), text(round, "Suspended"));
            let commit = remote.push();
            let began = monotonic();
            source.rescan().await;
            changed.push(milliseconds(began, monotonic()));
            assert_eq!(source.revisions().borrow().id, commit);
            let began = monotonic();
            source.rescan().await;
            same.push(milliseconds(began, monotonic()));
            let began = monotonic();
            let mut git = Command::new("git");
            let git = git.arg("ls-remote").arg(remote.bare()).output();
            assert!(git.unwrap().status.success());
            asked.push(milliseconds(began, monotonic()));
        }
        cold
    });
    let [changed, same, asked] = [changed, same, asked].map(|times| percentile(&sorted(times), 50));
    vec![
        Row {
            what: "look at 10 000 files in Git, one changed / clone and read of all",
            ours: ms(changed),
            theirs: ms(cold),
            ratio: changed / cold,
            allowed: None,
        },
        Row {
            what: "look at the same where nothing changed / `git ls-remote`",
            ours: ms(same),
            theirs: ms(asked),
            ratio: same / asked,
            allowed: None,
        },
    ]
}

async fn source(remote: &Remote, place: &Scratch) -> GitSource {
    let mut options = GitOptions::new(GitUrl::parse(&remote.url()).unwrap());
    options.interval = LONG;
    options.timeout = LONG;
    let repositories = Repositories::new(GitParts {
        directory: place.path().join("git"),
        program: PathBuf::from(env!("CARGO_BIN_EXE_jetkeeper")),
        secrets: Arc::new(FileSecrets::default()),
        entropy: Arc::new(Random::from_os()),
        clock: Arc::new(SystemClock),
        footing: Some(Footing::default()),
    });
    let name = SourceName("bench".to_owned());
    GitSource::start(name, options, &repositories, FirstFetch::Latest(LONG)).await
}

/// Push → RUNNING, by poll and by webhook.
pub(crate) fn pushes() -> Vec<Row> {
    let runtime = Runtime::new().unwrap();
    let [polled, told] = [false, true].map(|hooked| runtime.block_on(times(hooked)));
    let row = |what, percent, times: &[f64]| {
        let time = percentile(times, percent);
        Row {
            what,
            ours: ms(time),
            theirs: ms(INTERVAL.as_secs_f64() * 1000.0),
            ratio: time / (INTERVAL.as_secs_f64() * 1000.0),
            allowed: None,
        }
    };
    vec![
        row("push → RUNNING by poll / interval, p50", 50, &polled),
        row("the same, p99", 99, &polled),
        row("push and webhook → RUNNING / the same, p50", 50, &told),
        row("the same, p99", 99, &told),
    ]
}

/// Of some pushes, each of another job, until it runs; in order.
async fn times(hooked: bool) -> Vec<f64> {
    let member = Member::options().start();
    let (remote, place) = (Remote::new(), Scratch::new());
    remote.write("orders.jar", fs::read(fixture("orders.jar")).unwrap());
    remote.push();
    place.write("secrets/hook/token", SECRET);
    let interval = if hooked { LONG } else { INTERVAL };
    let config = format!(
        "sources:\n  - name: bench\n    git: {{url: \"{}\", interval: {}s}}\n    webhook: {{type: GitLab, \
         secretName: hook}}\nwebhooks: {{listen: \"127.0.0.1:0\"}}\nsecrets: {{directory: secrets}}\n\
         owner: bench\nstate: {{directory: state}}\nprune: {{maxDeletions: 100, maxDeletionsPercent: 100}}\n",
        remote.url(),
        interval.as_secs()
    );
    let config = place.write("jetkeeper.yaml", config);
    let mut daemon = Daemon::configured(&config, &place.path().join("state")).await;
    daemon.settles().await;
    let (log, said) = (daemon.log(), "webhooks are taken on http://");
    let address = log.split_once(said).unwrap().1.lines().next().unwrap();
    let mut times = Vec::new();
    for _ in 0..PUSHES {
        // A remote is asked at most once a second, and the last push was a moment ago.
        tokio::time::sleep(BETWEEN).await;
        let name = unique("pushed");
        remote.write("orders.yaml", orders(&member, &name));
        let began = monotonic();
        remote.push();
        if hooked {
            call(address);
        }
        let running = daemon.tells(&name, Some(Phase::Running)).await;
        times.push(milliseconds(began, running));
    }
    sorted(times)
}

/// What a GitLab sends after a push.
fn call(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST /hooks/bench HTTP/1.1\r\nHost: {address}\r\n");
    let rest = format!("X-Gitlab-Token: {SECRET}\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all((head + &rest).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

/// A repository with 960 MiB that nobody reads, and a document.
pub(crate) fn large() -> Vec<Row> {
    let remote = Remote::new();
    remote.compresses_nothing();
    remote.write("a.yaml", "a");
    for number in 1..=LARGE {
        remote.write(
            &format!("unrelated-{number}.bin"),
            noise(number, LARGE_FILE),
        );
    }
    remote.push();
    let place = Scratch::new();
    let clone = place.path().join("by-git").display().to_string();
    let (ours, theirs) = Runtime::new().unwrap().block_on(async {
        let began = monotonic();
        let source = source(&remote, &place).await;
        let ours = milliseconds(began, monotonic());
        let revision = Arc::clone(&source.revisions().borrow());
        assert_eq!(revision.trouble, None);
        assert_eq!(revision.files.len(), 1);
        let began = monotonic();
        let git = Command::new("git")
            .args(["clone", "--quiet", "--bare", "--no-local"])
            .args([&remote.url(), &clone])
            .status();
        assert!(git.unwrap().success());
        (ours, milliseconds(began, monotonic()))
    });
    vec![Row {
        what: "clone of 960 MiB that nobody reads / `git clone`",
        ours: ms(ours),
        theirs: ms(theirs),
        ratio: ours / theirs,
        allowed: None,
    }]
}
