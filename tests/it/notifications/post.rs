//! Single requests: what is sent, what is refused, and what of an answer is told.

use std::time::Duration;

use jetkeeper::notifications::{HttpPost, Post, PostError, Reply, Request};
use jetkeeper::secrets::SecretString;

use super::receiver::Receiver;

const NOW: Duration = Duration::ZERO;

fn request(url: &str) -> Request {
    Request {
        url: SecretString::new(url),
        headers: vec![("Authorization", SecretString::new("Bearer t0ken"))],
        body: b"{}".to_vec(),
        ca_file: None,
    }
}

async fn post(url: &str) -> Result<Reply, PostError> {
    HttpPost::default().post(request(url)).await
}

#[tokio::test]
async fn an_answer_is_told_without_what_was_secret_in_the_request() {
    let receiver = Receiver::start(
        "429 Too Many\r\nRetry-After: 7\r\n\r\nno Bearer t0ken\u{1b}[31m, not again",
        NOW,
    );
    let reply = post(&receiver.url("/hook")).await.unwrap();
    assert_eq!(
        (reply.status, reply.retry_after),
        (429, Some(Duration::from_secs(7)))
    );
    assert_eq!(reply.text, "no [redacted] [31m, not again");
    let got = receiver.got();
    assert_eq!(got[0].path, "/hook");
    assert_eq!(got[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(got[0].header("content-type"), Some("application/json"));
    assert!(
        got[0]
            .header("user-agent")
            .unwrap()
            .starts_with("jetkeeper/")
    );
}

#[tokio::test]
async fn nobody_is_led_elsewhere_and_nothing_goes_over_the_network_in_the_clear() {
    let elsewhere = Receiver::start("200 OK", NOW);
    let location: &'static str =
        Box::leak(format!("307 Elsewhere\r\nLocation: {}", elsewhere.url("/")).into_boxed_str());
    let receiver = Receiver::start(location, NOW);
    assert_eq!(post(&receiver.url("/")).await.unwrap().status, 307);
    assert_eq!(elsewhere.got().len(), 0);

    for url in [
        "http://192.0.2.1/hush",
        "ftp://127.0.0.1/hush",
        "hush",
        "file:///hush",
    ] {
        let refused = post(url).await.unwrap_err();
        assert!(matches!(refused, PostError::Unusable(_)), "{url}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
    }
    let away = post("http://127.0.0.1:1/hush").await.unwrap_err();
    assert!(matches!(away, PostError::NoAnswer(_)), "{away}");
    assert!(!away.to_string().contains("hush"), "{away}");
}

#[tokio::test]
async fn a_large_answer_is_not_read_to_its_end() {
    let large: &'static str =
        Box::leak(format!("400 Bad\r\n\r\n{}", "x".repeat(1 << 20)).into_boxed_str());
    let receiver = Receiver::start(large, NOW);
    let reply = post(&receiver.url("/")).await.unwrap();
    assert_eq!((reply.status, reply.text.len()), (400, 300));
}
