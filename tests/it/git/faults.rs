//! Remotes that break off, are asked too often or send too much, and fetches that are killed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::remote::Remote;
use super::server::Server;
use super::{Scene, looked, shown, text};
use crate::support::wait::{PATIENCE, eventually_async};

/// Behind a server that does this instead of what it should.
fn scene(server: &Server, does: &str) -> Scene {
    let mut scene = Scene::at(&server.url_that(does));
    let authority = scene.place.write("ca.pem", &server.certificate);
    scene.options.ca_file = Some(authority);
    scene.options.secret_name = Some("repository".to_owned());
    scene.place.write("secrets/repository/token", "hush\n");
    scene
}

/// Bytes that nothing makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_ends_or_hangs_in_the_middle_is_no_revision() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.write("b.jar", noise(2_000_000));
    let commit = remote.push();
    let server = Server::start(&remote).await;
    let truncated = scene(&server, "truncates");
    let revision = shown(&truncated.start().await);
    assert!(
        !revision.present && revision.trouble.is_some(),
        "{revision:?}"
    );
    assert!(!truncated.clone().join("repository").exists());

    let mut hanging = scene(&server, "hangs");
    hanging.options.stall_timeout = Duration::from_secs(2);
    let revision = shown(&hanging.start().await);
    let trouble = revision.trouble.clone().unwrap();
    assert!(trouble.contains("nothing came for 2s"), "{trouble}");
    assert!(!revision.present);

    let whole = scene(&server, "serves");
    assert_eq!(shown(&whole.start().await).id, commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_is_asked_too_often_is_left_alone() {
    let remote = Remote::new();
    remote.push();
    let server = Server::start(&remote).await;
    let mut scene = scene(&server, "throttles");
    scene.options.interval = Duration::from_millis(50);
    let source = scene.start().await;
    let trouble = shown(&source).trouble.clone().unwrap();
    assert!(trouble.contains("is asked too often"), "{trouble}");
    let asked = server.requests();
    // Many intervals later; that a minute has to pass is tested beside the schedule.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.requests(), asked);
    // A person may ask all the same.
    looked(&source).await;
    assert!(server.requests() > asked);
}

#[tokio::test]
async fn a_remote_that_sends_too_much_is_broken_off() {
    let remote = Remote::new();
    remote.write("b.jar", noise(2_000_000));
    remote.push();
    let mut scene = Scene::of(&remote);
    scene.options.max_size = 500_000;
    let revision = shown(&scene.start().await);
    let trouble = revision.trouble.clone().unwrap();
    assert!(trouble.contains("sends more than 1 MiB"), "{trouble}");
    assert!(!revision.present);
}

#[tokio::test]
async fn packs_become_one_when_they_are_many() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    let first = remote.push();
    let scene = Scene::of(&remote);
    let source = scene.start().await;
    let packs = scene.clone().join("repository/objects/pack");
    let count = || {
        let files = fs::read_dir(&packs).unwrap().flatten();
        let files = files.filter(|file| file.path().extension().is_some_and(|it| it == "pack"));
        files.count()
    };
    // The same one under many names, as if that often something had been fetched.
    let name = fs::read_dir(&packs).unwrap().find_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".pack").map(str::to_owned)
    });
    let name = name.unwrap();
    for copy in 0..60 {
        for ending in ["idx", "pack"] {
            let to = packs.join(format!("pack-{copy:040x}.{ending}"));
            fs::copy(packs.join(format!("{name}.{ending}")), to).unwrap();
        }
    }
    // What is shown stays at hand, though the remote has it no more.
    remote.write("a.yaml", "b");
    let second = remote.push_amended();
    assert_ne!(first, second);
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&second, &None));
    assert_eq!(count(), 1);
    assert_eq!(text(&revision, "a.yaml"), "b");
    remote.write("a.yaml", "c");
    let third = remote.push();
    assert_eq!(looked(&source).await.id, third);
}

/// SIGKILL at any moment leaves a clone that is of use, or none.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_is_killed_leaves_nothing_broken() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.write("b.jar", noise(3_000_000));
    remote.push();
    let scene = Scene::of(&remote);
    let mut last = String::new();
    let mut killed = 0;
    for round in 0..12_u64 {
        let source = scene.start_soon().await;
        let home = scene.clone().join("home");
        tokio::time::sleep(Duration::from_millis(round * 15)).await;
        killed += kill_with_home(&home);
        drop(source);
        if !last.is_empty() && scene.clone().join("shown").exists() {
            assert!(scene.clone().join("repository").exists(), "round {round}");
        }
        let source = scene.start().await;
        let revision = looked(&source).await;
        assert_eq!(revision.trouble, None, "round {round}");
        drop(source);
        remote.write("a.yaml", round.to_string());
        last = remote.push();
        if round == 5 {
            // From here on the clone has to be made anew each time.
            fs::write(scene.clone().join("repository/HEAD"), "nonsense").unwrap();
        }
    }
    let source = scene.start().await;
    eventually_async(PATIENCE, "the last commit is shown", async || {
        looked(&source).await.id == last
    })
    .await;
    assert!(killed > 0, "no process was found to be killed");
}

/// Kills the processes that have this home; tells how many.
fn kill_with_home(home: &Path) -> u32 {
    let variable = format!("HOME={}\0", home.display());
    let mut killed = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut parts = environment.windows(variable.len());
        let id = entry.file_name().into_string().unwrap().parse::<i32>();
        if let (true, Ok(id)) = (parts.any(|it| it == variable.as_bytes()), id) {
            let id = Pid::from_raw(id).unwrap();
            killed += u32::from(kill_process(id, Signal::KILL).is_ok());
        }
    }
    killed
}

/// A remote on this machine has objects too; whose are damaged is found out.
#[tokio::test]
async fn damage_of_a_local_remote_is_not_taken_for_the_clones() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    let commit = remote.push();
    let scene = Scene::of(&remote);
    let source = scene.start().await;
    let clone = fs::metadata(scene.clone().join("repository/HEAD")).unwrap();
    let inode = |of: &fs::Metadata| std::os::unix::fs::MetadataExt::ino(of);
    remote.write("a.yaml", "b");
    remote.push();
    let objects = remote.bare().join("objects");
    let kept = remote.scratch.path().join("kept");
    fs::rename(&objects, &kept).unwrap();
    fs::create_dir(&objects).unwrap();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, revision.present), (&commit, true));
    assert!(revision.trouble.is_some());
    let after = fs::metadata(scene.clone().join("repository/HEAD")).unwrap();
    assert_eq!(inode(&after), inode(&clone), "the clone was replaced");
}
