//! Jars behind URLs: which bytes are in force, and what is written down of the URL.

use std::sync::Arc;

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::record::JobRecord;
use jetkeeper::resources::Digest;
use serde_json::json;

use super::observe::running;
use super::scene::{hold, ready, words};

#[test]
fn new_bytes_behind_a_url_hold_and_the_job_goes_on() {
    let (mut scene, job) = running(json!({"remoteURL": "https://host/orders.jar"}));
    let first = scene.jars[&scene.jar_request("orders")].clone();
    scene.set_jar("orders", ready(&Digest::of(b"newer")));
    assert_eq!(words(&scene.learn()), "JarChanged");
    assert_eq!(scene.bound("orders"), Some(job));
    scene.assert_at_rest();
    // The old bytes are back.
    scene.set_jar("orders", first);
    assert_eq!(words(&scene.learn()), "-");
}

#[test]
fn a_token_of_a_url_is_in_no_record_and_its_bytes_stay_pinned_over_a_restart() {
    let url = json!({"remoteURL": "https://host/orders.jar?token=hush"});
    let (mut scene, _) = running(url.clone());
    let record = serde_json::to_string(&*scene.recorded.jobs["orders"]).unwrap();
    assert!(!record.contains("hush"), "{record}");
    assert!(record.contains("https://host/orders.jar?[redacted "));

    let read: JobRecord = serde_json::from_str(&record).unwrap();
    let generation = read.generation;
    scene
        .recorded
        .jobs
        .insert("orders".to_owned(), Arc::new(read));
    scene.assert_at_rest();
    scene.set_jar("orders", ready(&Digest::of(b"newer")));
    hold(&scene.learn(), Reason::JarChanged);
    assert_eq!(scene.recorded.jobs["orders"].generation, generation);

    // Another token is another URL.
    scene.declare(
        "orders",
        json!({"remoteURL": "https://host/orders.jar?token=other"}),
    );
    scene.learn();
    assert_eq!(scene.recorded.jobs["orders"].generation, generation + 1);
}
