//! Who signed what: commits and tags that `git` signed with keys of `ssh-keygen` and `gpg`.

use jetkeeper::resources::{Anchor, Revision};
use jetkeeper::source::Source;
use jetkeeper::source::git::{GitReference, GitSource, GitVerify, VerifyMode};

use super::remote::Remote;
use super::signers::{Keyring, Signer};
use super::{Scene, looked, shown};

/// A repository with a source that verifies.
struct Signed {
    remote: Remote,
    keyring: Keyring,
    scene: Scene,
}

impl Signed {
    /// These may sign.
    fn new(keyring: Keyring, allowed: &str, openpgp: &str) -> Self {
        let remote = Remote::new();
        let mut scene = Scene::of(&remote);
        let write =
            |name: &str, text: &str| (!text.is_empty()).then(|| keyring.scratch.write(name, text));
        scene.options.verify = Some(GitVerify {
            mode: VerifyMode::Commits,
            allowed_signers: write("allowed_signers", allowed),
            revoked_signers: None,
            openpgp_keys: write("trusted.asc", openpgp),
            since: None,
        });
        Self {
            remote,
            keyring,
            scene,
        }
    }

    /// One SSH key may sign.
    fn by_ssh() -> (Self, Signer) {
        let keyring = Keyring::new();
        let (signer, line) = keyring.ssh("alice", "ed25519", "");
        (Self::new(keyring, &line, ""), signer)
    }

    fn verify(&mut self) -> &mut GitVerify {
        self.scene.options.verify.as_mut().unwrap()
    }

    /// A signed commit that is shown, and in force.
    async fn start(&self, signer: &Signer) -> (GitSource, String) {
        self.remote.write("a.yaml", "a");
        let commit = self.remote.push_signed(signer);
        let source = self.scene.start().await;
        assert_eq!(shown(&source).id, commit, "{:?}", shown(&source).trouble);
        stand_on(&source).await;
        (source, commit)
    }
}

/// What is shown is in force from now on.
async fn stand_on(source: &GitSource) -> Anchor {
    let anchor = shown(source).lineage.as_ref().unwrap().anchor();
    let footing = jetkeeper::resources::Footing {
        anchor: Some(anchor.clone()),
        ..Default::default()
    };
    source.stand_on(footing);
    source.stood().await;
    anchor
}

/// Why what was pushed is not followed; what is shown is still this.
async fn refused(source: &GitSource, in_force: &str) -> String {
    let revision = looked(source).await;
    assert_eq!(revision.id, in_force, "the last good revision stays");
    assert!(revision.present && revision.proposal.is_none());
    revision.trouble.clone().expect("it is refused")
}

fn signers(revision: &Revision) -> Vec<String> {
    let verified = revision.lineage.as_ref().unwrap().verified.as_ref();
    verified.expect("it is verified").signers.clone()
}

#[tokio::test]
async fn commits_of_every_kind_of_key_are_followed_and_their_signers_told() {
    let keyring = Keyring::new();
    let mut allowed = String::new();
    let mut signers_of = Vec::new();
    for (name, kind) in [("ed", "ed25519"), ("nist", "ecdsa"), ("old", "rsa")] {
        let (signer, line) = keyring.ssh(name, kind, "namespaces=\"git\"");
        allowed.push_str(&line);
        signers_of.push((format!("{name}@example.com (SSH key SHA256:"), signer));
    }
    let pgp = keyring.openpgp("Carol <carol@example.com>", None, "1y");
    signers_of.push(("Carol <carol@example.com> (OpenPGP key ".to_owned(), pgp));
    keyring.gpg(
        &[
            "--quick-generate-key",
            "Dan <dan@example.com>",
            "rsa2048",
            "cert",
            "1y",
        ],
        "",
    );
    let listed = keyring.gpg(&["--with-colons", "--list-keys", "dan@example.com"], "");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = listed.lines().find(|it| it.starts_with("fpr")).unwrap();
    let fingerprint = fingerprint.split(':').nth(9).unwrap().to_owned();
    keyring.gpg(
        &["--quick-add-key", &fingerprint, "rsa2048", "sign", "1y"],
        "",
    );
    let subkey = keyring.signer("dan@example.com");
    signers_of.push(("Dan <dan@example.com> (OpenPGP key ".to_owned(), subkey));
    let trusted = keyring.exported("carol@example.com") + &keyring.exported("dan@example.com");

    let signed = Signed::new(keyring, &allowed, &trusted);
    let (source, _) = signed.start(&signers_of[0].1).await;
    for (name, signer) in &signers_of {
        signed.remote.write("a.yaml", name);
        let commit = signed.remote.push_signed(signer);
        let revision = looked(&source).await;
        assert_eq!(
            (&revision.id, &revision.trouble),
            (&commit, &None),
            "{name}"
        );
        let told = signers(&revision);
        assert!(told.len() == 1 && told[0].starts_with(name), "{told:?}");
        stand_on(&source).await;
    }
}

#[tokio::test]
async fn an_unsigned_commit_in_the_middle_is_named_and_the_last_good_one_stays() {
    let (signed, signer) = Signed::by_ssh();
    let (source, good) = signed.start(&signer).await;
    signed.remote.write("a.yaml", "b");
    let unsigned = signed.remote.push();
    signed.remote.write("a.yaml", "c");
    signed.remote.push_signed(&signer);
    let trouble = refused(&source, &good).await;
    assert!(
        trouble.contains(&format!("commit {unsigned} is not signed")),
        "{trouble}"
    );

    // So after a restart, and nothing of it was read.
    drop(source);
    let source = signed.scene.start().await;
    assert_eq!(shown(&source).id, good);

    // With the middle gone it goes on.
    signed.remote.git(&["reset", "--quiet", "--hard", &good]);
    signed.remote.write("a.yaml", "d");
    let commit = signed.remote.push_signed(&signer);
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
}

#[tokio::test]
async fn a_key_that_nobody_trusts_is_named() {
    let (signed, signer) = Signed::by_ssh();
    let (source, good) = signed.start(&signer).await;
    let (mallory, _) = signed.keyring.ssh("mallory", "ed25519", "");
    let commit = signed.remote.push_signed(&mallory);
    let trouble = refused(&source, &good).await;
    assert!(
        trouble.contains(&commit) && trouble.contains("SSH key SHA256:"),
        "{trouble}"
    );
    assert!(
        trouble.contains("is not among the trusted keys"),
        "{trouble}"
    );

    let mallory = signed
        .keyring
        .openpgp("Mallory <m@example.com>", None, "1y");
    signed.remote.git(&["reset", "--quiet", "--hard", &good]);
    signed.remote.push_signed(&mallory);
    let trouble = refused(&source, &good).await;
    assert!(trouble.contains("OpenPGP key "), "{trouble}");
    assert!(
        trouble.contains("is not among the trusted keys"),
        "{trouble}"
    );
}

#[tokio::test]
async fn a_commit_that_was_changed_after_it_was_signed_is_refused() {
    let (signed, signer) = Signed::by_ssh();
    let (source, good) = signed.start(&signer).await;
    let honest = signed.remote.commit_signed(&signer);
    let object = signed.remote.git(&["cat-file", "commit", &honest]);
    let forged = object.replace("\n\nchange", "\n\nforged");
    assert_ne!(object, forged);
    let args = ["hash-object", "-t", "commit", "-w", "--stdin"];
    let forged = signed.remote.git_with_input(&args, &(forged + "\n"));
    signed.remote.git(&["reset", "--quiet", "--hard", &forged]);
    signed.remote.push_as_it_is();
    let trouble = refused(&source, &good).await;
    assert!(
        trouble.contains(&forged) && trouble.contains("does not fit"),
        "{trouble}"
    );
}

#[tokio::test]
async fn an_expired_key_is_refused_also_where_the_commit_says_it_is_older() {
    // SSH: by the file of those who may sign.
    let keyring = Keyring::new();
    let (signer, line) = keyring.ssh("alice", "ed25519", "");
    let (old, expired) = keyring.ssh("old", "ed25519", "valid-before=\"20250101Z\"");
    let signed = Signed::new(keyring, &(line + &expired), "");
    let (source, good) = signed.start(&signer).await;
    signed.remote.push_signed(&old);
    let trouble = refused(&source, &good).await;
    assert!(
        trouble.contains("was not valid when it was signed"),
        "{trouble}"
    );

    signed.remote.git(&["reset", "--quiet", "--hard", &good]);
    signed.remote.git(&["add", "--all"]);
    let backdated = [("GIT_COMMITTER_DATE", "2024-06-01T00:00:00Z")];
    signed.remote.git_signed_with(
        &old,
        &["commit", "--quiet", "--allow-empty", "-S", "-m", "old"],
        &backdated,
    );
    signed.remote.push_as_it_is();
    let trouble = refused(&source, &good).await;
    assert!(trouble.contains("expired or not valid yet"), "{trouble}");

    // OpenPGP: by what the key says of itself.
    let keyring = Keyring::new();
    let (signer, line) = keyring.ssh("alice", "ed25519", "");
    let then = "20240101T000000";
    keyring.openpgp("Eve <eve@example.com>", Some(then), "1m");
    let trusted = keyring.exported("eve@example.com");
    let signed = Signed::new(keyring, &line, &trusted);
    let (source, good) = signed.start(&signer).await;
    let eve = signed
        .keyring
        .signer_at("eve@example.com", "20240102T000000");
    signed.remote.push_signed(&eve);
    let trouble = refused(&source, &good).await;
    assert!(trouble.contains("OpenPGP key "), "{trouble}");
    assert!(trouble.contains("expired or not valid yet"), "{trouble}");
}

#[tokio::test]
async fn a_revoked_key_is_refused() {
    let keyring = Keyring::new();
    let (signer, line) = keyring.ssh("alice", "ed25519", "");
    let frank = keyring.openpgp("Frank <frank@example.com>", None, "1y");
    let trusted = keyring.exported("frank@example.com");
    let mut signed = Signed::new(keyring, &line, &trusted);
    let (source, _) = signed.start(&signer).await;
    let by_frank = signed.remote.push_signed(&frank);
    assert_eq!(looked(&source).await.id, by_frank);
    stand_on(&source).await;
    signed.remote.push_signed(&frank);
    signed.keyring.revoke("frank@example.com");
    let revoked = signed.keyring.exported("frank@example.com");
    signed.keyring.scratch.write("trusted.asc", revoked);
    let trouble = refused(&source, &by_frank).await;
    assert!(trouble.contains("which is revoked"), "{trouble}");
    drop(source);

    // SSH keys are revoked by a file.
    signed
        .remote
        .git(&["reset", "--quiet", "--hard", &by_frank]);
    let file = signed.keyring.scratch.path().join("alice.pub");
    signed.verify().revoked_signers = Some(file);
    let source = signed.scene.start().await;
    stand_on(&source).await;
    signed.remote.push_signed(&signer);
    let trouble = refused(&source, &by_frank).await;
    assert!(trouble.contains("which is revoked"), "{trouble}");
}

#[tokio::test]
async fn a_merge_of_an_unsigned_branch_is_refused_by_its_commit() {
    let (signed, signer) = Signed::by_ssh();
    let (source, good) = signed.start(&signer).await;
    signed.remote.git(&["checkout", "--quiet", "-b", "side"]);
    signed.remote.write("b.yaml", "b");
    signed.remote.git(&["add", "--all"]);
    signed.remote.git(&["commit", "--quiet", "-m", "side"]);
    let unsigned = signed.remote.git(&["rev-parse", "HEAD"]);
    signed.remote.git(&["checkout", "--quiet", "main"]);
    signed.remote.git_signed(
        &signer,
        &["merge", "--quiet", "--no-ff", "-S", "-m", "merge", "side"],
    );
    signed.remote.push_as_it_is();
    let trouble = refused(&source, &good).await;
    assert!(
        trouble.contains(&format!("commit {unsigned} is not signed")),
        "{trouble}"
    );
}

#[tokio::test]
async fn a_signed_tag_stands_for_its_commit() {
    let (mut signed, signer) = Signed::by_ssh();
    signed.verify().mode = VerifyMode::Tag;
    let range = semver::VersionReq::parse("^1").unwrap();
    signed.scene.options.reference = GitReference::Semver(range);
    let tag = |name: &str, args: &[&str]| {
        signed.remote.write("a.yaml", name);
        let commit = signed.remote.push();
        let all = [&["tag"], args, &["-m", "release", name]].concat();
        signed.remote.git_signed(&signer, &all);
        signed.remote.push_as_it_is();
        commit
    };
    let first = tag("v1.0.0", &["-s"]);
    let source = signed.scene.start().await;
    assert_eq!(shown(&source).id, first, "{:?}", shown(&source).trouble);
    assert!(signers(&shown(&source))[0].starts_with("alice@example.com"));
    stand_on(&source).await;

    tag("v1.1.0", &["-a"]);
    let trouble = refused(&source, &first).await;
    assert!(trouble.contains("tag v1.1.0 is not signed"), "{trouble}");
    let second = tag("v1.2.0", &["-s"]);
    assert_eq!(looked(&source).await.id, second);
    stand_on(&source).await;

    // A tag that was signed under another name is an old one in new clothes.
    let object = signed.remote.git(&["rev-parse", "v1.0.0"]);
    signed
        .remote
        .git_bare(&["update-ref", "refs/tags/v1.9.0", &object], "");
    let trouble = refused(&source, &second).await;
    assert!(
        trouble.contains("signed under the name v1.0.0"),
        "{trouble}"
    );
}

#[tokio::test]
async fn the_first_start_wants_all_of_history_or_what_comes_since_a_commit() {
    let (mut signed, signer) = Signed::by_ssh();
    signed.remote.write("a.yaml", "a");
    let unsigned = signed.remote.push();
    signed.remote.write("a.yaml", "b");
    let commit = signed.remote.push_signed(&signer);
    let source = signed.scene.start().await;
    let revision = shown(&source);
    assert!(!revision.present && revision.id.is_empty());
    let trouble = revision.trouble.clone().unwrap();
    assert!(
        trouble.contains(&format!("commit {unsigned} is not signed")),
        "{trouble}"
    );
    drop(source);

    signed.verify().since = Some(unsigned);
    let source = signed.scene.start().await;
    assert_eq!(shown(&source).id, commit, "{:?}", shown(&source).trouble);
    drop(source);

    signed.verify().since = Some("1".repeat(40));
    let other = Scene::of(&signed.remote);
    signed.scene.place = other.place;
    let trouble = shown(&signed.scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("`verify.since`"), "{trouble}");
}

#[tokio::test]
async fn keys_that_cant_be_read_let_nothing_in_and_are_read_again() {
    let (signed, signer) = Signed::by_ssh();
    let (source, good) = signed.start(&signer).await;
    let file = signed.keyring.scratch.path().join("allowed_signers");
    let allowed = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        "alice@example.com valid-befor=2026 ssh-ed25519 AAAA\n",
    )
    .unwrap();
    signed.remote.write("a.yaml", "b");
    let commit = signed.remote.push_signed(&signer);
    let trouble = refused(&source, &good).await;
    assert!(trouble.contains("`verify.allowedSigners`"), "{trouble}");
    assert!(trouble.contains("line 1"), "{trouble}");
    std::fs::remove_file(&file).unwrap();
    let trouble = refused(&source, &good).await;
    assert!(trouble.contains("can't be read"), "{trouble}");
    std::fs::write(&file, allowed).unwrap();
    assert_eq!(looked(&source).await.id, commit);
}
