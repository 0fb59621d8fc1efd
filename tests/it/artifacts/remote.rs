//! Jars from a server.

use std::collections::BTreeSet;
use std::time::Duration;

use jetkeeper::artifacts::{
    ArtifactOptions, Artifacts, JarProblem, JarRequest, JarView, MainClass,
};
use jetkeeper::resources::{Digest, JarOrigin};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::server::{Answer, Server, answer, chunked, redirect, tagged};
use super::{DEADLINE, Jars, jar, of_class};

#[tokio::test]
async fn a_remote_jar_is_fetched_once_also_over_a_restart() {
    let bytes = jar("a.Main", 100_000);
    let body = bytes.clone();
    let server = Server::start(move |_, _| answer("200 OK", &body)).await;
    let mut jars = Jars::start().await;
    let request = server.request("a.jar");
    let class = of_class(&request, "a.Main");
    jars.want([request.clone(), class.clone()]);
    let facts = jars.ready(&request).await;
    assert_eq!(facts.digest, Digest::of(&bytes));
    assert_eq!(facts.main_class, MainClass::Found("a.Main".into()));
    assert_eq!(jars.ready(&class).await, facts);
    assert_eq!(jars.bytes(&facts.digest).await.unwrap(), bytes);
    jars.want([]);
    jars.want([request.clone()]);
    assert_eq!(jars.ready(&request).await, facts);
    let Jars { scratch, .. } = jars;
    let mut jars = Jars::start_in(scratch, |_| {}).await;
    jars.want([request.clone()]);
    assert_eq!(jars.ready(&request).await, facts);
    assert_eq!(server.hits("a.jar"), 1);
}

#[tokio::test]
async fn new_bytes_come_when_they_are_asked_for() {
    let server = Server::start(|_, before| answer("200 OK", &jar("a.Main", before))).await;
    let mut jars = Jars::start().await;
    let request = server.request("a.jar");
    jars.want([request.clone()]);
    let first = jars.ready(&request).await.digest;
    jars.artifacts.refetch(&request).await;
    let other = |view: &JarView| matches!(view, JarView::Ready(facts) if facts.digest != first);
    jars.until(&request, other).await;
    assert_eq!(server.hits("a.jar"), 2);
}

#[tokio::test]
async fn a_remote_jar_is_looked_at_again_and_what_fails_changes_nothing() {
    let server = Server::start(|asked, before| match (asked, before) {
        ("a.jar", 0) => tagged("one", &jar("a.Main", 1)),
        ("a.jar if not \"one\"", 3) => answer("500 Broken", b""),
        // The page of a proxy, say.
        ("a.jar if not \"one\"", 4) => answer("200 OK", b"<html>"),
        ("a.jar if not \"one\"", 5) => tagged("two", &jar("a.Main", 2)),
        (_, _) => answer("304 Not Modified", b""),
    })
    .await;
    let soon = |options: &mut ArtifactOptions| options.recheck = Duration::from_millis(10);
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), soon).await;
    let request = server.request("a.jar");
    jars.want([request.clone()]);
    let first = jars.ready(&request).await.digest;
    assert_eq!(first, Digest::of(&jar("a.Main", 1)));
    // No view in between says anything else than that it is there.
    let other = |view: &JarView| !matches!(view, JarView::Ready(facts) if facts.digest == first);
    let JarView::Ready(second) = jars.until(&request, other).await else {
        panic!("looking again told something of a jar that is there");
    };
    assert_eq!(second.digest, Digest::of(&jar("a.Main", 2)));
    assert!(server.hits("a.jar") >= 6);

    // What was seen last is what is known after a restart, with the server's word about it.
    let Jars { scratch, .. } = jars;
    let before = server.hits("a.jar");
    let mut jars = Jars::start_in(scratch, |_| {}).await;
    jars.want([request.clone()]);
    assert_eq!(jars.ready(&request).await.digest, second.digest);
    jars.artifacts.refetch(&request).await;
    let asked = async {
        while server.hits("a.jar") <= before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, asked).await.expect("it is asked again");
    assert_eq!(jars.ready(&request).await.digest, second.digest);
}

#[tokio::test]
async fn redirects_are_followed_up_to_a_limit_and_only_to_http() {
    let server = Server::start(|path, _| match path.parse::<usize>() {
        Ok(0) => answer("200 OK", &jar("a.Main", 1)),
        Ok(left) => redirect(&format!("/{}?token=hush", left - 1)),
        Err(_) if path.contains("?token") => {
            let path = path.split('?').next().unwrap();
            match path.parse::<usize>().unwrap() {
                0 => answer("200 OK", &jar("a.Main", 1)),
                left => redirect(&format!("/{}?token=hush", left - 1)),
            }
        }
        Err(_) if path == "ftp" => redirect("ftp://host/a.jar"),
        Err(_) => redirect("file:///etc/passwd"),
    })
    .await;
    let mut jars = Jars::start().await;
    let request = server.request("5");
    jars.want([request.clone()]);
    jars.ready(&request).await;
    for (path, reason) in [
        ("6", "more than 5 redirects"),
        ("file", "no http or https URL"),
        ("ftp", "other than http"),
    ] {
        let (problem, message) = jars.unavailable(&server.request(path)).await;
        assert_eq!(problem, JarProblem::FetchFailed);
        assert!(
            message.contains(reason) && !message.contains("hush"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn refusals_are_told_apart_and_keep_secrets() {
    let server = Server::start(|path, _| answer(&path.replace('_', " "), b"<html>")).await;
    let mut jars = Jars::start().await;
    for (status, expected, part) in [
        ("404_Not_Found", JarProblem::NotFound, "correct `remoteURL`"),
        ("410_Gone", JarProblem::NotFound, "correct `remoteURL`"),
        ("401_Unauthorized", JarProblem::Denied, "401"),
        ("403_Forbidden", JarProblem::Denied, "403"),
        ("500_Broken", JarProblem::FetchFailed, "tried again"),
        ("204_Nothing", JarProblem::FetchFailed, "204"),
        ("200_OK", JarProblem::NotAJar, "not a jar"),
    ] {
        let (problem, message) = jars.unavailable(&server.request(status)).await;
        assert_eq!(problem, expected, "{message}");
        assert!(
            message.contains(part) && !message.contains("hush"),
            "{message}"
        );
        assert!(message.contains(&server.address.to_string()), "{message}");
    }
    for url in ["ftp://user:hush@host/a.jar", "hush"] {
        let request = JarRequest {
            origin: JarOrigin::Remote {
                url: url.into(),
                secret_name: None,
            },
            main_class: None,
        };
        let (problem, message) = jars.unavailable(&request).await;
        assert_eq!(problem, JarProblem::Unsupported);
        assert!(!message.contains("hush"), "{message}");
    }
    assert_eq!(jars.cached(), BTreeSet::new());
}

#[tokio::test]
async fn a_jar_beyond_the_limit_is_refused_however_it_comes() {
    let server = Server::start(|path, _| match path {
        "declared" => Answer::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n".into()),
        _ => Answer::Stall(chunked(&[7; 10_000])),
    })
    .await;
    let set = |options: &mut ArtifactOptions| options.max_jar_size = 5000;
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    for path in ["declared", "undeclared"] {
        let (problem, message) = jars.unavailable(&server.request(path)).await;
        assert_eq!(problem, JarProblem::TooLarge, "{message}");
    }
    assert_eq!(jars.cached(), BTreeSet::new());
}

#[tokio::test]
async fn a_body_that_ends_early_or_rests_is_refused() {
    let whole = jar("a.Main", 1000);
    let half = whole[..500].to_vec();
    let server = Server::start(move |path, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len());
        match path {
            "truncated" => Answer::Send([head.as_bytes(), &half].concat()),
            "chunks" => Answer::Send(chunked(&half)),
            "stalled" => Answer::Stall([head.as_bytes(), &half].concat()),
            "silent" => Answer::Stall(Vec::new()),
            _ => {
                let pieces = whole.chunks(100).map(<[u8]>::to_vec);
                let pieces = [head.into_bytes()].into_iter().chain(pieces).collect();
                Answer::Slow(pieces, Duration::from_millis(20))
            }
        }
    })
    .await;
    let set = |options: &mut ArtifactOptions| {
        options.stall_timeout = Duration::from_millis(500);
        options.progress_interval = Duration::from_millis(10);
    };
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    for (path, part) in [
        ("truncated", "could not be fetched"),
        ("chunks", "could not be fetched"),
        ("stalled", "nothing came for 500ms"),
        ("silent", "nothing came for 500ms"),
    ] {
        let (problem, message) = jars.unavailable(&server.request(path)).await;
        assert_eq!(problem, JarProblem::FetchFailed, "{message}");
        assert!(message.contains(part), "{message}");
    }
    let slow = server.request("slow");
    jars.want([slow.clone()]);
    let total = 1000;
    let halfway = |view: &JarView| {
        matches!(view, JarView::Fetching { bytes, total: Some(all), .. }
            if (1..*all).contains(bytes) && *all > total)
    };
    jars.until(&slow, halfway).await;
    jars.ready(&slow).await;
}

#[tokio::test]
async fn a_download_that_takes_too_long_ends() {
    let server = Server::start(|_, _| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n".to_vec();
        let pieces = [head].into_iter().chain(vec![vec![7]; 10_000]).collect();
        Answer::Slow(pieces, Duration::from_millis(10))
    })
    .await;
    let set = |options: &mut ArtifactOptions| options.total_timeout = Duration::from_millis(300);
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    let (problem, message) = jars.unavailable(&server.request("a.jar")).await;
    assert_eq!(problem, JarProblem::FetchFailed);
    assert!(message.contains("longer than 300ms"), "{message}");
}

#[tokio::test]
async fn a_server_that_recovers_is_asked_again() {
    let server = Server::start(|_, before| {
        if before < 3 {
            answer("503 Busy", b"")
        } else {
            answer("200 OK", &jar("a.Main", 1))
        }
    })
    .await;
    let set = |options: &mut ArtifactOptions| {
        options.retry = (Duration::from_millis(5), Duration::from_millis(20));
    };
    let mut jars = Jars::start_in(tempfile::tempdir().unwrap(), set).await;
    let request = server.request("a.jar");
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::FetchFailed, "{message}");
    let ready = |view: &JarView| matches!(view, JarView::Ready(_));
    jars.until(&request, ready).await;
    assert_eq!(server.hits("a.jar"), 4);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut jars = Jars::start().await;
    let request = JarRequest {
        origin: JarOrigin::Remote {
            url: format!("http://user:hush@{address}/a.jar?hush").into(),
            secret_name: None,
        },
        main_class: None,
    };
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::FetchFailed);
    assert!(
        message.contains("refused") && !message.contains("hush"),
        "{message}"
    );
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_not_fetched_to_its_end() {
    let server = Server::start(|_, _| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n".to_vec();
        Answer::Stall(head)
    })
    .await;
    let mut jars = Jars::start().await;
    let request = server.request("a.jar");
    jars.want([request.clone()]);
    let begun = |view: &JarView| matches!(view, JarView::Fetching { .. });
    jars.until(&request, begun).await;
    timeout(DEADLINE, async {
        while server.hits("a.jar") == 0 || jars.cached().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        jars.want([]);
        while !jars.cached().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the draft is removed");
}

/// A request for what is behind this URL, with the token of the secret `repo`.
fn with_token(url: String) -> JarRequest {
    JarRequest {
        origin: JarOrigin::Remote {
            url: url.into(),
            secret_name: Some("repo".to_owned()),
        },
        main_class: None,
    }
}

#[tokio::test]
async fn a_token_is_sent_to_its_server_and_on_no_redirect_to_another() {
    let bytes = jar("Main", 10);
    let there = bytes.clone();
    let other = Server::start(move |asked, _| match asked {
        "b.jar" => answer("200 OK", &there),
        _ => answer("400 Bad Request", b""),
    })
    .await;
    let (elsewhere, here) = (format!("http://{}/b.jar", other.address), bytes.clone());
    let server = Server::start(move |asked, _| match asked {
        "away.jar with t0ken" => redirect(&elsewhere),
        "near.jar with t0ken" => redirect("/c.jar"),
        "c.jar with t0ken" => answer("200 OK", &here),
        _ => answer("401 Unauthorized", b""),
    })
    .await;
    let mut jars = Jars::start().await;
    let url = |path: &str| format!("http://{}/{path}", server.address);
    let (problem, message) = jars.unavailable(&with_token(url("away.jar"))).await;
    assert_eq!(problem, JarProblem::SecretMissing);
    assert!(
        message.contains("the key `token` of the secret `repo`"),
        "{message}"
    );
    assert_eq!(
        server.hits("away.jar"),
        0,
        "nothing is asked for without it"
    );

    let secret = jars.scratch.path().join("secrets/repo");
    std::fs::create_dir_all(&secret).unwrap();
    std::fs::write(secret.join("token"), "t0ken\n").unwrap();
    let ready = |view: &JarView| matches!(view, JarView::Ready(_));
    for path in ["near.jar", "away.jar"] {
        let request = with_token(url(path));
        jars.want([]);
        jars.want([request.clone()]);
        jars.artifacts.refetch(&request).await;
        jars.until(&request, ready).await;
    }
    assert_eq!(other.hits("b.jar"), 1);

    // What the token opened is not given to who lacks it.
    let open = JarRequest {
        origin: JarOrigin::Remote {
            url: url("near.jar").into(),
            secret_name: None,
        },
        main_class: None,
    };
    let (problem, message) = jars.unavailable(&open).await;
    assert_eq!(problem, JarProblem::Denied);
    assert!(message.contains("remoteSecretName"), "{message}");
}

#[tokio::test]
async fn a_token_that_is_none_is_told_and_not_shown() {
    let mut jars = Jars::start().await;
    let secret = jars.scratch.path().join("secrets/repo");
    std::fs::create_dir_all(&secret).unwrap();
    std::fs::write(secret.join("token"), "hu\nsh").unwrap();
    let request = with_token("http://127.0.0.1:1/a.jar".to_owned());
    let (problem, message) = jars.unavailable(&request).await;
    assert_eq!(problem, JarProblem::SecretMissing);
    assert!(
        message.contains("is no token") && !message.contains("sh\n"),
        "{message}"
    );
}
