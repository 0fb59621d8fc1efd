//! A job whose jar is in a bucket, on a real member and a real S3 server.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::counting::jar;
use super::person::RUNTIME;
use super::stage::Stage;
use crate::buckets::s3_server::{KEYS, S3Server, SECRET_KEY};
use crate::buckets::write_secret;
use crate::support::scratch::Scratch;

#[test]
fn a_job_from_a_bucket_runs_once_its_secret_is_mended_and_holds_new_bytes() {
    let server = RUNTIME.block_on(S3Server::start());
    let upload = |name: &str| {
        RUNTIME.block_on(server.upload("jobs", "prod/orders.jar", &jar(name)));
    };
    server.make("jobs");
    upload("counter.jar");
    let secrets = Scratch::new();
    write_secret(secrets.path(), "br-secret-s3", &KEYS);
    let wrong = [("secret-access-key", "hush-hush-hush-hash")];
    write_secret(secrets.path(), "br-secret-s3", &wrong);
    let mut stage = Stage::shared();
    let name = stage.name("from-bucket");
    let bucket = format!(
        "bucketConfig: {{bucketURI: {:?}, secretName: br-secret-s3}}",
        server.uri("jobs/prod")
    );
    let parameters = format!("parameters: [{name}, \"2\", NONE]");
    stage.declare_as(&name, &["jarName: orders.jar", &parameters, &bucket]);
    let directory = secrets.path().display().to_string();
    stage.start_with(&["--secrets", &directory, "--log", "trace"]);
    let words = ["SignatureDoesNotMatch", "mend the secret `br-secret-s3`"];
    stage.until_held(&name, Reason::JarNotFound, &words);
    assert!(stage.person.jobs(&name).is_empty());

    // The YAML stays as it is.
    write_secret(secrets.path(), "br-secret-s3", &KEYS);
    let first = stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);

    upload("counter-v2.jar");
    stage.reconcile();
    let words = ["orders.jar", "new ones"];
    let hold = stage.until_held(&name, Reason::JarChanged, &words);
    let held = stage.until_phase(&name, Phase::Running);
    assert_eq!(held.status.id, first.status.id);
    stage.confirm(&hold, &[]);
    stage.until_job(&name, "is replaced by the new bytes", |job| {
        job.status.id != first.status.id
    });
    stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.submits(&name), 2);

    stage.terminate().code(0);
    for secret in [SECRET_KEY, wrong[0].1] {
        assert!(!stage.log().contains(secret), "a secret is logged");
        assert!(stage.state_files_with(secret).is_empty());
    }
}
