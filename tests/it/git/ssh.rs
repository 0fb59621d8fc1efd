//! Repositories behind SSH, on a real `sshd`.

use std::process::Command;

use super::remote::Remote;
use super::sshd::Sshd;
use super::{Scene, looked, shown, text};
use crate::support::program::Program;

/// A repository behind this `sshd`, and a source of it whose secret has the user's key.
fn scene(remote: &Remote, sshd: &Sshd) -> Scene {
    let mut scene = Scene::at(&sshd.url(&remote.bare()));
    scene.options.secret_name = Some("repository".to_owned());
    scene
        .place
        .write("secrets/repository/identity", sshd.user_key());
    scene
}

fn remote() -> (Remote, String) {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.write("b.jar", "bytes of a jar");
    let commit = remote.push();
    (remote, commit)
}

async fn trouble(scene: &Scene) -> String {
    let revision = shown(&scene.start().await);
    let trouble = revision.trouble.clone();
    trouble.unwrap_or_else(|| panic!("it was let in: {revision:?}"))
}

#[tokio::test]
async fn a_key_opens_a_repository_whose_host_is_known() {
    let (remote, commit) = remote();
    let sshd = Sshd::start(&["ed25519", "ecdsa"]);
    let mut scene = scene(&remote, &sshd);
    scene.options.known_hosts = Some(sshd.line("ed25519"));
    let source = scene.start().await;
    let revision = shown(&source);
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
    assert_eq!(text(&revision, "a.yaml"), "a");
    assert_eq!(
        std::fs::read(&revision.jars["b.jar"].location).unwrap(),
        b"bytes of a jar"
    );

    remote.write("a.yaml", "c");
    let commit = remote.push();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
}

/// Of several types of keys a host is asked for one that it is known by.
#[tokio::test]
async fn a_host_is_known_by_any_of_its_keys() {
    let (remote, commit) = remote();
    let sshd = Sshd::start(&["ed25519", "ecdsa", "rsa"]);
    let mut scene = scene(&remote, &sshd);
    for kind in ["ecdsa", "rsa", "ed25519"] {
        let file = scene.place.write("known_hosts", sshd.line(kind));
        scene.options.known_hosts_file = Some(file.clone());
        assert_eq!(shown(&scene.start().await).id, commit, "{kind}");
        // A name that is hashed is one too.
        let hashed = Command::new("ssh-keygen")
            .arg("-Hf")
            .arg(&file)
            .output()
            .unwrap();
        assert!(hashed.status.success());
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("|1|"));
        let revision = shown(&scene.start().await);
        assert_eq!(
            (&revision.id, &revision.trouble),
            (&commit, &None),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_known_is_not_connected_to() {
    let (remote, _) = remote();
    let sshd = Sshd::start(&["ed25519"]);
    let mut scene = scene(&remote, &sshd);
    let shown = sshd.fingerprint("ed25519");
    let wrong_port = sshd.line("ed25519").replace(&sshd.port.to_string(), "22");
    let plain = sshd
        .line("ed25519")
        .replace(&format!("[127.0.0.1]:{}", sshd.port), "127.0.0.1");
    for known in [String::new(), wrong_port, plain] {
        scene.options.known_hosts = Some(known.clone());
        let trouble = trouble(&scene).await;
        assert!(
            trouble.contains("is not among the known hosts"),
            "{known}: {trouble}"
        );
        assert!(trouble.contains(&shown), "{trouble}");
    }
    let revoked = sshd.line("ed25519");
    let (_, key) = revoked.split_once(' ').unwrap();
    scene.options.known_hosts = Some(format!("{revoked}@revoked * {key}"));
    let trouble = trouble(&scene).await;
    assert!(trouble.contains("is revoked"), "{trouble}");
    assert_eq!(sshd.attempts(), 0, "it was tried to log in");
}

#[tokio::test]
async fn another_key_of_a_host_is_told_with_both_fingerprints() {
    let (remote, commit) = remote();
    let mut sshd = Sshd::start(&["ed25519"]);
    let mut scene = scene(&remote, &sshd);
    scene.options.known_hosts = Some(sshd.line("ed25519"));
    let source = scene.start().await;
    assert_eq!(shown(&source).id, commit);
    let known = sshd.fingerprint("ed25519");
    let (mut before, logins) = (vec!["ed25519"], sshd.logins());
    // Of the same type, and of one that was not known at all.
    for kind in ["ed25519", "ecdsa"] {
        sshd.replace_keys(&before, &[kind]);
        before = vec![kind];
        remote.write("a.yaml", kind);
        remote.push();
        let revision = looked(&source).await;
        let trouble = revision.trouble.clone().unwrap();
        for fingerprint in [&known, &sshd.fingerprint(kind)] {
            assert!(trouble.contains(fingerprint), "{kind}: {trouble}");
        }
        assert_eq!(text(&revision, "a.yaml"), "a", "the last good one stays");
    }
    assert_eq!(sshd.logins(), logins);
}

#[tokio::test]
async fn keys_of_each_type_log_in_with_and_without_a_passphrase() {
    let (remote, commit) = remote();
    let sshd = Sshd::start(&["ed25519"]);
    let mut scene = scene(&remote, &sshd);
    scene.options.known_hosts = Some(sshd.line("ed25519"));
    for (kind, passphrase) in [
        ("ed25519", "hush"),
        ("rsa", ""),
        ("rsa", "hush"),
        ("ecdsa", ""),
    ] {
        let key = sshd.let_in(&format!("{kind}{passphrase}"), kind, passphrase);
        scene.place.write("secrets/repository/identity", key);
        scene
            .place
            .write("secrets/repository/passphrase", passphrase);
        let revision = shown(&scene.start().await);
        let came = (&revision.id, &revision.trouble);
        assert_eq!(came, (&commit, &None), "{kind} {passphrase:?}");
    }
}

#[tokio::test]
async fn a_key_that_can_not_log_in_is_told() {
    let (remote, _) = remote();
    let sshd = Sshd::start(&["ed25519"]);
    let mut scene = scene(&remote, &sshd);
    scene.options.known_hosts = Some(sshd.line("ed25519"));
    let other = Sshd::start(&["ed25519"]);
    let locked = sshd.let_in("locked", "ed25519", "hush");
    for (key, passphrase, words) in [
        (other.user_key(), "", "refuses what the secret says"),
        (locked.clone(), "wrong-hush", "can't be used"),
        ("no key at all".to_owned(), "", "can't be used"),
    ] {
        scene.place.write("secrets/repository/identity", key);
        scene
            .place
            .write("secrets/repository/passphrase", passphrase);
        let trouble = trouble(&scene).await;
        assert!(
            trouble.contains("lets us not in") && trouble.contains(words),
            "{trouble}"
        );
        assert!(
            !trouble.contains("hush") && !trouble.contains("no key at all"),
            "{trouble}"
        );
    }
}

#[tokio::test]
async fn a_host_key_is_learnt_on_request() {
    let sshd = Sshd::start(&["ed25519"]);
    let (remote, _) = remote();
    let url = sshd.url(&remote.bare());
    let learnt = Program::run(["config", "learn-host-key", &url]).code(0);
    assert_eq!(learnt.stdout, sshd.line("ed25519"));
    let told = learnt.stderr;
    assert!(told.contains(&sshd.fingerprint("ed25519")), "{told}");
    assert_eq!(sshd.attempts(), 0);
    Program::run(["config", "learn-host-key", "https://host/jobs.git"]).code(1);
    Program::run(["config", "learn-host-key", "nonsense"]).code(2);
}
