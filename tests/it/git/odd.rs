//! What Git can hold and is not followed is told, and never passes for deleted.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::remote::Remote;
use super::{Scene, shown, text};

#[tokio::test]
async fn links_submodules_pointers_and_odd_names_are_told() {
    let remote = Remote::new();
    remote.write("good.yaml", "good");
    remote.link("link.yaml", "good.yaml");
    remote.link("out.yaml", "/etc/passwd");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    remote.write("pointer.jar", pointer);
    let odd = remote.scratch.path().join("tree");
    fs::write(odd.join(OsStr::from_bytes(b"odd-\xff.yaml")), "odd").unwrap();
    let commit = remote.push();
    let module = format!("160000,{commit},module");
    remote.git(&["update-index", "--add", "--cacheinfo", &module]);
    remote.git(&["commit", "--quiet", "-m", "with a submodule"]);
    let commit = remote.push_as_it_is();

    let scene = Scene::of(&remote);
    let revision = shown(&scene.start().await);
    assert_eq!((&revision.id, revision.present), (&commit, true));
    assert_eq!(revision.files.keys().collect::<Vec<_>>(), ["good.yaml"]);
    assert!(revision.jars.is_empty());
    for (path, words) in [
        ("link.yaml", "links in a repository are not followed"),
        ("out.yaml", "links in a repository are not followed"),
        ("pointer.jar", "pointer of Git LFS"),
        ("odd-\u{fffd}.yaml", "not UTF-8"),
        ("module", "submodule"),
    ] {
        let told = revision.unreadable.get(path);
        assert!(
            told.is_some_and(|told| told.contains(words)),
            "{path}: {told:?}"
        );
    }
    assert_eq!(revision.unreadable.len(), 5, "{:?}", revision.unreadable);
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_told() {
    let remote = Remote::new();
    remote.write("good.yaml", "good");
    remote.push();
    let blob = remote.git_bare(&["hash-object", "-w", "--stdin"], "evil");
    let inner = remote.git_bare(&["mktree"], &format!("100644 blob {blob}\tevil.yaml\n"));
    let entries = format!(
        "040000 tree {inner}\t..\n040000 tree {inner}\t.git\n100644 blob {blob}\tok.yaml\n"
    );
    let tree = remote.git_bare(&["mktree"], &entries);
    let commit = remote.git_bare(&["commit-tree", "-m", "odd", &tree], "");
    remote.git_bare(&["update-ref", "refs/heads/main", &commit], "");

    let scene = Scene::of(&remote);
    let revision = shown(&scene.start().await);
    assert_eq!(revision.id, commit);
    assert_eq!(revision.files.keys().collect::<Vec<_>>(), ["ok.yaml"]);
    assert_eq!(text(&revision, "ok.yaml"), "evil");
    let told = &revision.unreadable[".."];
    assert!(told.contains("would lead elsewhere"), "{told}");
}
