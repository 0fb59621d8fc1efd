//! What no healthy server does: refusals that take bad clocks and old tokens, and servers that hang.

use std::time::Duration;

use jetkeeper::artifacts::{ArtifactOptions, JarProblem, JarView};

use super::s3_server::{KEYS, SECRET_KEY};
use super::{jars_with, often, request};
use crate::artifacts::server::{Answer, Server, answer};
use crate::artifacts::{DEADLINE, jar};

/// What Amazon's server answers with this code.
fn refusal(head: &str, code: &str, more: &str) -> Answer {
    let xml = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{SECRET_KEY}</Message>{more}</Error>"
    );
    answer(head, xml.as_bytes())
}

#[tokio::test]
async fn a_token_a_clock_and_a_region_are_told_apart() {
    let server = Server::start(|path, _| match path {
        "jobs/old.jar" => refusal("400 Bad Request", "ExpiredToken", ""),
        "jobs/late.jar" => {
            let head = "403 Forbidden\r\nDate: Mon, 05 Jan 2026 10:00:00 GMT";
            refusal(head, "RequestTimeTooSkewed", "")
        }
        "jobs/far.jar" => refusal(
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            "<Region>eu-west-3</Region>",
        ),
        "jobs/moved.jar" => refusal(
            "301 Moved Permanently\r\nx-amz-bucket-region: eu-west-2",
            "PermanentRedirect",
            "",
        ),
        "jobs/none.jar" => refusal("404 Not Found", "NoSuchBucket", ""),
        "jobs/cold.jar" => refusal("403 Forbidden", "InvalidObjectState", ""),
        // Read no further than it takes.
        _ => answer("403 Forbidden", &vec![b'x'; 5_000_000]),
    })
    .await;
    let mut jars = jars_with(&KEYS, |_| {}).await;
    let uri = format!("s3://jobs?endpoint=http://{}", server.address);
    for (name, problem, words) in [
        ("old.jar", JarProblem::Denied, "renew the secret `br`"),
        (
            "late.jar",
            JarProblem::FetchFailed,
            "set this machine's clock",
        ),
        (
            "far.jar",
            JarProblem::FetchFailed,
            "write `region=eu-west-3`",
        ),
        (
            "moved.jar",
            JarProblem::FetchFailed,
            "write `region=eu-west-2`",
        ),
        (
            "none.jar",
            JarProblem::NotFound,
            "there is no bucket `jobs`; correct `bucketURI`",
        ),
        ("cold.jar", JarProblem::FetchFailed, "archived"),
        ("other.jar", JarProblem::Denied, "grant s3:GetObject"),
    ] {
        let (found, message) = jars.unavailable(&request(&uri, name)).await;
        assert_eq!(found, problem, "{message}");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("hush"), "{message}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_goes_away_is_given_up() {
    let bytes = jar("a.Main", 1000);
    let server = Server::start(move |path, _| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nLast-Modified: Mon, 05 Jan 2026 10:00:00 GMT\r\n\
             Content-Length: {}\r\n\r\n",
            bytes.len()
        );
        let half = [head.as_bytes(), &bytes[..500]].concat();
        match path {
            "jobs/silent.jar" => Answer::Stall(Vec::new()),
            "jobs/half.jar" => Answer::Stall(half),
            _ => Answer::Send(half),
        }
    })
    .await;
    let hurried = |options: &mut ArtifactOptions| {
        options.stall_timeout = Duration::from_millis(100);
        options.total_timeout = DEADLINE / 4;
    };
    let mut jars = jars_with(&KEYS, hurried).await;
    let uri = format!("s3://jobs?endpoint=http://{}", server.address);
    for name in ["silent.jar", "half.jar", "cut.jar"] {
        let (problem, message) = jars.unavailable(&request(&uri, name)).await;
        assert_eq!(problem, JarProblem::FetchFailed, "{name}: {message}");
        assert!(message.contains("could not be reached"), "{message}");
    }
    assert!(jars.cached().is_empty());
}

#[tokio::test]
async fn a_server_that_heeds_no_conditions_is_not_listened_to_for_what_is_known() {
    let whole = |tag: &str, padding: usize| {
        let bytes = jar("a.Main", padding);
        let length = bytes.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nETag: {tag}\r\nLast-Modified: Mon, 05 Jan 2026 10:00:00 GMT\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        [head.into_bytes(), bytes]
    };
    let server = Server::start(move |_, before| match before {
        0 => Answer::Send(whole("\"one\"", 1).concat()),
        // Its bytes would be waited for in vain.
        1 | 2 => Answer::Stall(whole("\"one\"", 1)[0].clone()),
        _ => Answer::Send(whole("\"two\"", 2).concat()),
    })
    .await;
    let mut jars = jars_with(&KEYS, often).await;
    let uri = format!("s3://jobs?endpoint=http://{}", server.address);
    let request = request(&uri, "a.jar");
    jars.want([request.clone()]);
    let first = jars.ready(&request).await.digest;
    let other = |view: &JarView| matches!(view, JarView::Ready(it) if it.digest != first);
    jars.until(&request, other).await;
}
