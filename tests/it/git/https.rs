//! Repositories behind https: who the host is, and who we are to it.

use super::remote::Remote;
use super::server::{HOSTS, Server};
use super::{Scene, looked, shown, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_a_repository_behind_https() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.write("b.jar", "b");
    remote.push();
    let server = Server::start(&remote).await;
    let mut scene = Scene::at(&server.url());

    // Who the host is comes first.
    let trouble = shown(&scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("can't prove who it is"), "{trouble}");
    let authority = scene.place.write("ca.pem", &server.certificate);
    scene.options.ca_file = Some(authority);
    let trouble = shown(&scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("no `secretName` is given"), "{trouble}");

    scene.options.secret_name = Some("repository".to_owned());
    let trouble = shown(&scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("`password`"), "{trouble}");
    scene.place.write("secrets/repository/token", "wrong\n");
    let source = scene.start().await;
    let trouble = shown(&source).trouble.clone().unwrap();
    assert!(trouble.contains("lets us not in"), "{trouble}");
    assert!(!trouble.contains("wrong"), "{trouble}");

    // By name and password.
    scene.place.write("secrets/named/username", "keeper\n");
    scene.place.write("secrets/named/password", "hush\n");
    let mut named = scene.options.clone();
    named.secret_name = Some("named".to_owned());
    let by_name = super::start("named", &named, &scene.repositories()).await;
    assert_eq!(text(&shown(&by_name), "a.yaml"), "a");

    // Another authority is of no use, whatever this machine trusts.
    let other = rcgen::generate_simple_self_signed(HOSTS.map(str::to_owned)).unwrap();
    named.ca_file = Some(scene.place.write("other.pem", other.cert.pem()));
    let refused = super::start("named", &named, &scene.repositories()).await;
    let trouble = shown(&refused).trouble.clone().unwrap();
    assert!(trouble.contains("can't prove who it is"), "{trouble}");

    // The secret is read anew.
    scene.place.write("secrets/repository/token", "hush\n");
    let revision = looked(&source).await;
    assert_eq!(revision.trouble, None);
    assert_eq!(text(&revision, "a.yaml"), "a");
    remote.write("a.yaml", "c");
    let commit = remote.push();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
}

/// Another host would get the secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_host_is_not_followed() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.push();
    let server = Server::start(&remote).await;
    let moved = server.url().replace("/jobs.git", "/moved/jobs.git");
    let mut scene = Scene::at(&moved);
    let authority = scene.place.write("ca.pem", &server.certificate);
    scene.options.ca_file = Some(authority);
    scene.options.secret_name = Some("repository".to_owned());
    scene.place.write("secrets/repository/token", "hush\n");
    let revision = shown(&scene.start().await);
    assert!(revision.trouble.is_some(), "{revision:?}");
    assert!(revision.files.is_empty(), "{revision:?}");
}
