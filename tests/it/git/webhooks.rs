//! Webhooks at the real program: what each host sends, and what nobody who knows the secret would.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use jetkeeper::source::Source;
use rustix::process::Signal;
use sha2::Sha256;

use super::remote::Remote;
use super::{Scene, comes};
use crate::support::documents::orders;
use crate::support::fixture;
use crate::support::member::Member;
use crate::support::openmetrics::Metrics;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::unique;
use crate::support::wait::{PATIENCE, eventually, within};

/// What is in every secret; in no log, answer or metric.
const SECRET: &str = "hush-hush-hush";

/// The headers of a push as each host sends them, without those that every client sends. `HEX` stands for
/// the HMAC-SHA256 of the body.
const CALLS: &[(&str, &[&str], &str)] = &[
    (
        "GitHub",
        &[
            "User-Agent: GitHub-Hookshot/044aadd",
            "Content-Type: application/json",
            "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "X-GitHub-Event: push",
            "X-GitHub-Hook-ID: 292430182",
            "X-GitHub-Hook-Installation-Target-Type: repository",
            "X-Hub-Signature: sha1=7d38cdd689735b008b3c702edd92eea23791c5f6",
            "X-Hub-Signature-256: sha256=HEX",
        ],
        "{\"ref\":\"refs/heads/main\",\"before\":\"6113728f27ae82c7b1a177c8d03f9e96e0adf246\",\
         \"after\":\"59b20b8d5c6ff8d09518216e87d5e5d7a0e4c6ee\",\"repository\":{\"full_name\":\"team/jobs\"}}",
    ),
    (
        "GitHub",
        &[
            "Content-Type: application/x-www-form-urlencoded",
            "X-GitHub-Event: ping",
            "X-Hub-Signature-256: sha256=HEX",
        ],
        "payload=%7B%22zen%22%3A%22Keep+it+logically+awesome.%22%7D",
    ),
    (
        "GitLab",
        &[
            "User-Agent: GitLab/17.3.0",
            "Content-Type: application/json",
            "X-Gitlab-Event: Push Hook",
            "X-Gitlab-Webhook-UUID: 48e0d6f1-0a1e-4ec2-9d4c-1a7b6c1f1f22",
            "X-Gitlab-Instance: https://gitlab.example.com",
            "X-Gitlab-Token: hush-hush-hush",
        ],
        "{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"project\":{\"path_with_namespace\":\"team/jobs\"}}",
    ),
    (
        "Gitea",
        &[
            "Content-Type: application/json",
            "X-Gitea-Delivery: f6266f16-1bf3-46a5-9ea4-602e06ead473",
            "X-Gitea-Event: push",
            "X-Gitea-Signature: HEX",
            "X-Gogs-Event: push",
            "X-Gogs-Signature: HEX",
            "X-Hub-Signature-256: sha256=HEX",
        ],
        "{\n  \"ref\": \"refs/heads/main\",\n  \"repository\": {\n    \"full_name\": \"team/jobs\"\n  }\n}",
    ),
    (
        "Forgejo",
        &[
            "Content-Type: application/json",
            "X-Forgejo-Event: push",
            "X-Forgejo-Signature: HEX",
            "X-Gitea-Event: push",
            "X-Gitea-Signature: HEX",
            "X-Hub-Signature-256: sha256=HEX",
        ],
        "{\n  \"ref\": \"refs/heads/main\"\n}",
    ),
    (
        "Bitbucket",
        &[
            "User-Agent: Bitbucket-Webhooks/2.0",
            "Content-Type: application/json",
            "X-Event-Key: repo:push",
            "X-Hook-UUID: 9fd5ff4e-2f2b-4b4a-9a43-a4f0c3f1c0de",
            "X-Attempt-Number: 1",
            "X-Hub-Signature: sha256=HEX",
        ],
        "{\"push\":{\"changes\":[{\"new\":{\"type\":\"branch\",\"name\":\"main\"}}]}}",
    ),
    ("Generic", &["X-Signature: sha256=HEX"], ""),
];

fn sign(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Posts these headers and this body; the status and all that was answered.
fn post(address: &str, path: &str, headers: &[String], body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (headers, length) = (headers.join("\r\n"), body.len());
    let line = if headers.is_empty() { "" } else { "\r\n" };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}{line}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Who is refused before the end of the body may be hung up on.
    drop(stream.write_all(body));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let code = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (code, answer)
}

fn signed(host: &str, headers: &[&str], body: &str) -> (String, Vec<String>) {
    let hex = sign(body);
    let headers = headers.iter().map(|header| header.replace("HEX", &hex));
    let path = format!("/hooks/{}", host.to_lowercase());
    (path, headers.collect())
}

fn address(log: &str, what: &str) -> String {
    let (_, rest) = log.split_once(what).unwrap();
    rest.lines().next().unwrap().to_owned()
}

struct Daemon {
    program: Program,
    scratch: Scratch,
    config: PathBuf,
    webhooks: String,
    monitoring: String,
}

impl Daemon {
    /// A daemon whose sources are this repository, one for each host, polled once a day.
    fn start(remote: &Remote, hosts: &[&str]) -> Self {
        let scratch = Scratch::new();
        let sources = hosts.iter().map(|host| {
            let (name, url) = (host.to_lowercase(), remote.url());
            format!(
                "  - name: {name}\n    git: {{url: \"{url}\", interval: 24h, path: {name}}}\n    \
                 webhook: {{type: {host}, secretName: hook}}\n"
            )
        });
        let sources: String = sources.collect();
        scratch.write("secrets/hook/token", format!("{SECRET}\n"));
        let config = scratch.write(
            "jetkeeper.yaml",
            format!(
                "sources:\n{sources}webhooks: {{listen: \"127.0.0.1:0\"}}\nhttp: {{listen: \"127.0.0.1:0\"}}\n\
                 state: {{directory: state}}\nsecrets: {{directory: secrets}}\nowner: {}\n",
                unique("hook-owner"),
            ),
        );
        let args = [
            "run",
            "--log",
            "debug",
            "--config",
            config.to_str().unwrap(),
        ];
        let program = Program::start(args);
        let taken = "webhooks are taken on http://";
        eventually(PATIENCE, "webhooks are taken", || {
            program.stderr().contains(taken)
        });
        let log = program.stderr();
        Self {
            webhooks: address(&log, taken),
            monitoring: address(&log, "monitoring is answered on http://"),
            program,
            scratch,
            config,
        }
    }

    fn run(&self, args: &[&str]) -> String {
        let config = self.config.to_str().unwrap();
        let args = args.iter().copied().chain(["--config", config]);
        Program::run(args).code(0).stdout
    }

    fn calls(&self, source: &str, answer: &str) -> Option<f64> {
        let metrics = crate::support::http::get(&self.monitoring, "/metrics").body;
        assert!(!metrics.contains(SECRET));
        let labels = [("source", source), ("answer", answer)];
        Metrics::read(&metrics).value("jetkeeper_webhook_calls_total", &labels)
    }
}

#[test]
fn what_each_host_sends_is_taken_and_nothing_else() {
    let remote = Remote::new();
    let hosts = [
        "GitHub",
        "GitLab",
        "Gitea",
        "Forgejo",
        "Bitbucket",
        "Generic",
    ];
    for host in hosts {
        remote.write(&format!("{}/README.md", host.to_lowercase()), "no job");
    }
    remote.push();
    let daemon = Daemon::start(&remote, &hosts);
    let mut answers = String::new();
    for (host, headers, body) in CALLS {
        let (path, sent) = signed(host, headers, body);
        let mut post = |path: &str, headers: &[String], body: &str| {
            let (code, answer) = post(&daemon.webhooks, path, headers, body.as_bytes());
            answers += &answer;
            code
        };
        assert_eq!(post(&path, &sent, body), 202, "{host}");
        assert_eq!(post(&path, &sent, body), 202, "{host}: sent again");
        assert_eq!(post(&path, &[], body), 401, "{host}: no proof");
        assert_eq!(post("/hooks/other", &sent, body), 404, "{host}");
        assert_eq!(post("/hooks", &sent, body), 404, "{host}");
        if *host != "GitLab" {
            assert_eq!(post(&path, &sent, "{}"), 401, "{host}: another body");
        }
        let wrong = sign("another body");
        let forged = headers.iter().map(|it| it.replace("HEX", &wrong));
        let forged = forged
            .map(|it| it.replace(SECRET, "hush"))
            .collect::<Vec<_>>();
        assert_eq!(post(&path, &forged, body), 401, "{host}: a wrong proof");
    }
    let get = crate::support::http::ask(&daemon.webhooks, "GET", "/hooks/github", "localhost");
    assert_eq!(get.code, 405);
    assert_eq!(daemon.calls("github", "taken"), Some(4.0));
    assert_eq!(daemon.calls("gitlab", "unproven"), Some(2.0));
    let log = daemon.program.terminate().code(0).stderr;
    let told = log.matches("a call of its webhook was refused").count();
    assert!(told > 6, "{log}");
    let warned = log.matches("further ones are counted").count();
    assert_eq!(warned, 7, "the first after each that was taken: {log}");
    for text in [log, answers] {
        assert!(
            !text.contains(SECRET) && !text.contains(&sign("")),
            "{text}"
        );
    }
}

#[test]
fn what_is_too_much_is_refused_and_holds_nothing_up() {
    let remote = Remote::new();
    remote.write("generic/README.md", "no job");
    remote.write("gitea/README.md", "no job");
    remote.push();
    let daemon = Daemon::start(&remote, &["Generic", "Gitea"]);
    let (path, headers) = signed("Generic", &["X-Signature: sha256=HEX"], "");

    // Those who never send to the end keep nobody out.
    let idle: Vec<TcpStream> = (0..16)
        .map(|_| {
            let mut stream = TcpStream::connect(&daemon.webhooks).unwrap();
            let begun = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n");
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(post(&daemon.webhooks, &path, &headers, b"").0, 202);

    let large = vec![b'x'; 1024 * 1024 + 1];
    let announced = {
        let mut stream = TcpStream::connect(&daemon.webhooks).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = large.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nX-Signature: sha256=00\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(announced.starts_with("HTTP/1.1 413"), "{announced}");

    let codes: Vec<u16> = (0..60)
        .map(|_| post(&daemon.webhooks, &path, &headers, b"").0)
        .collect();
    let count = |code: u16| codes.iter().filter(|it| **it == code).count();
    assert_eq!(count(202) + count(429), 60, "{codes:?}");
    assert!(count(202) >= 20 && count(429) > 0, "{codes:?}");
    let (other, headers) = signed("Gitea", &["X-Gitea-Signature: HEX"], "");
    assert_eq!(post(&daemon.webhooks, &other, &headers, b"").0, 202);
    assert_eq!(daemon.calls("generic", "too large"), Some(1.0));

    // A secret that goes away takes no call, and comes back without a restart.
    let token = daemon.scratch.path().join("secrets/hook/token");
    fs::remove_file(&token).unwrap();
    assert_eq!(post(&daemon.webhooks, &other, &headers, b"").0, 503);
    fs::write(&token, SECRET).unwrap();
    assert_eq!(post(&daemon.webhooks, &other, &headers, b"").0, 202);

    // A reload takes the webhook away, and the source goes on.
    let config = fs::read_to_string(&daemon.config).unwrap();
    let config = config.replace("    webhook: {type: Gitea, secretName: hook}\n", "");
    fs::write(&daemon.config, config).unwrap();
    daemon.program.signal(Signal::HUP);
    eventually(PATIENCE, "the webhook is gone", || {
        post(&daemon.webhooks, &other, &headers, b"").0 == 404
    });
    daemon.program.terminate().code(0);
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_woken_over_and_over_fetches_once_a_second() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.push();
    let mut scene = Scene::of(&remote);
    scene.options.interval = Duration::from_hours(24);
    let source = scene.start().await;
    let (before, began) = (source.questions(), Instant::now());
    within(Duration::from_secs(3), || {
        source.wake();
        false
    });
    let fetched = source.questions() - before;
    let most = began.elapsed().as_secs() + 1;
    assert!((1..=most).contains(&fetched), "{fetched} in {most} s");
    // The last word is heard, too.
    remote.write("a.yaml", "b");
    let commit = remote.push();
    source.wake();
    comes(&source, |revision| revision.id == commit).await;
}

#[test]
fn a_push_runs_as_soon_as_its_webhook_is_called() {
    let remote = Remote::new();
    remote.write("github/README.md", "no job yet");
    remote.push();
    let daemon = Daemon::start(&remote, &["GitHub"]);
    let name = unique("hook");
    let source = |file: &str| format!("github/{file}");
    remote.write(&source("orders.yaml"), orders(Member::shared(), &name));
    remote.write(
        &source("orders.jar"),
        fs::read(fixture("orders.jar")).unwrap(),
    );
    let commit = remote.push();
    // It is polled once a day: nothing but the call can have made it run.
    let (host, headers, body) = CALLS[0];
    let (path, headers) = signed(host, headers, body);
    assert_eq!(
        post(&daemon.webhooks, &path, &headers, body.as_bytes()).0,
        202
    );
    eventually(PATIENCE, "the job runs", || {
        let jobs = daemon.run(&["get", "jobs"]);
        jobs.contains(&name) && jobs.contains(" Running ")
    });
    assert!(daemon.run(&["history"]).contains(&commit[..7]));

    let canceled =
        orders(Member::shared(), &name).replace("  jarName", "  state: Canceled\n  jarName");
    remote.write(&source("orders.yaml"), canceled);
    remote.push();
    assert_eq!(
        post(&daemon.webhooks, &path, &headers, body.as_bytes()).0,
        202
    );
    eventually(PATIENCE, "the job is canceled", || {
        daemon.run(&["get", "jobs"]).contains(" Canceled ")
    });
    daemon.program.terminate().code(0);
}
