//! Uploads: a jar to a member, where its `main` runs, and what the answer proves.

use std::path::Path;

use uuid::Uuid;

use super::refusal::{self, Refusal};
use super::text;
use crate::cluster::port::{Upload, UploadReport};
use crate::hazelcast::{self, Client, ErrorCode, ServerError, UploadError, UploadStage};
use crate::plan::hold::Reason;
use crate::plan::record::UploadOutcome;

/// Small enough for a slow link: members forget an upload that rests for two minutes between parts.
const PART_SIZE: usize = 1024 * 1024;

/// Uploads, once.
pub(super) async fn upload(client: &Client, upload: Upload, member: Option<Uuid>) -> UploadReport {
    let result = match &upload.jar {
        Some(jar) => send(client, &upload, jar).await,
        None => start(client, &upload).await,
    };
    match result {
        Ok(()) => UploadReport {
            outcome: UploadOutcome::Accepted,
            reason: None,
            message: "main returned".to_owned(),
            member,
        },
        Err(Failure::Jar(message)) => not_run(Reason::JarNotFound, message, member),
        Err(Failure::Call(error)) => report(&error, &upload, error.member.or(member)),
    }
}

enum Failure {
    Jar(String),
    Call(UploadError),
}

async fn send(client: &Client, upload: &Upload, jar: &Path) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::Jar(format!("the jar {} can't be read: {error}", jar.display()))
    };
    let file = tokio::fs::File::open(jar).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let request = hazelcast::Upload {
        file_name: upload.file_name.clone(),
        sha256_hex: upload.sha256.clone().unwrap_or_default(),
        snapshot_name: upload.snapshot.clone(),
        job_name: Some(upload.job_name.clone()),
        main_class: upload.main_class.clone(),
        parameters: upload.parameters.clone(),
        // What is told is redacted here, after it was looked at.
        secrets: Vec::new(),
        part_size: PART_SIZE,
        timeout: upload.timeout,
    };
    let sent = client.upload_jar(&request, file, length).await;
    sent.map_err(Failure::Call)
}

async fn start(client: &Client, upload: &Upload) -> Result<(), Failure> {
    let request = hazelcast::MemberUpload {
        path: upload.file_name.clone(),
        snapshot_name: upload.snapshot.clone(),
        job_name: Some(upload.job_name.clone()),
        main_class: upload.main_class.clone(),
        parameters: upload.parameters.clone(),
        secrets: Vec::new(),
        timeout: upload.timeout,
    };
    let sent = client.upload_member_jar(&request).await;
    sent.map_err(Failure::Call)
}

fn not_run(reason: Reason, message: String, member: Option<Uuid>) -> UploadReport {
    UploadReport {
        outcome: UploadOutcome::NotRun,
        reason: Some(reason),
        message,
        member,
    }
}

/// What a failed upload proves.
fn report(error: &UploadError, upload: &Upload, member: Option<Uuid>) -> UploadReport {
    let source = &error.source;
    let before = error.stage == UploadStage::Before;
    match source.server_error().filter(|_| !source.is_not_connected()) {
        Some(server) => answered(server, before, upload, member),
        None if !before => UploadReport {
            outcome: UploadOutcome::Unknown,
            reason: None,
            message: text::chain(source),
            member,
        },
        None if source.is_retryable() || source.authentication().is_some() => {
            let message = refusal::unreached(source);
            not_run(Reason::ClusterUnreachable, message, member)
        }
        None => not_run(Reason::JarInvalid, text::chain(source), member),
    }
}

/// What an upload proves that a member answered with an error.
fn answered(
    server: &ServerError,
    before: bool,
    upload: &Upload,
    member: Option<Uuid>,
) -> UploadReport {
    if let Some(Refusal {
        reason, message, ..
    }) = refusal::disabled(server)
    {
        return not_run(reason, message, member);
    }
    let (mut outcome, reason, message) = said(server, upload);
    if before && outcome != UploadOutcome::Accepted {
        outcome = UploadOutcome::NotRun;
    }
    UploadReport {
        outcome,
        reason,
        message,
        member,
    }
}

fn said(server: &ServerError, upload: &Upload) -> (UploadOutcome, Option<Reason>, String) {
    let text = text::root(server, &upload.secrets);
    if server.mentions("should not call the join() method") {
        let message = "main submitted its job and then called join(), which members refuse; take \
                       the call out of main";
        return (UploadOutcome::Accepted, None, message.to_owned());
    }
    let threw = server.has_class("InvocationTargetException");
    if !threw && refusal::is_indeterminate(server) {
        return (UploadOutcome::Unknown, None, text);
    }
    let path = &upload.file_name;
    if !threw && upload.jar.is_none() && is_file_missing(server, path) {
        let message = format!("the member has no file {path}; every member needs it");
        return (UploadOutcome::NotRun, Some(Reason::JarNotFound), message);
    }
    let name = &upload.job_name;
    let (reason, message) = if server.has_code(ErrorCode::JOB_ALREADY_EXISTS) {
        let message = format!(
            "an active job is called {name:?} already: main submits more than one job, or another \
             program submitted one meanwhile"
        );
        (Reason::Conflict, message)
    } else if is_main_missing(server, upload) {
        let class = upload.main_class.as_deref();
        let class = class.map_or_else(
            || "names no main class in its manifest; set mainClass".to_owned(),
            |class| format!("lacks the main class {class}"),
        );
        (
            Reason::MainClassMissing,
            format!("the jar {class} ({text})"),
        )
    } else if is_no_jar(server) {
        (Reason::JarInvalid, format!("the file is no jar: {text}"))
    } else if is_class_missing(server) {
        let message = format!(
            "{text}: the jar has to bring all classes of the job, and its job has to be submitted \
             by the thread that runs main; build it with everything inside but Hazelcast"
        );
        (Reason::SubmitRefused, message)
    } else if !threw && refusal::is_unsettled(server) {
        (Reason::ClusterUnsafe, text)
    } else {
        (Reason::SubmitRefused, text)
    };
    (UploadOutcome::Refused, Some(reason), message)
}

fn is_file_missing(server: &ServerError, path: &str) -> bool {
    let classes = ["NoSuchFileException", "FileNotFoundException"];
    classes.iter().any(|class| server.has_class(class)) && server.mentions(path)
}

fn is_main_missing(server: &ServerError, upload: &Upload) -> bool {
    let class = upload.main_class.as_deref().unwrap_or("\0");
    let unknown = server.chain.iter().any(|exception| {
        let message = exception.message.as_deref().unwrap_or_default();
        exception.simple_class_name() == "ClassNotFoundException" && message.contains(class)
    });
    unknown || server.mentions("No Main-Class found") || server.mentions("Cannot find main class")
}

fn is_no_jar(server: &ServerError) -> bool {
    let classes = ["ZipException", "ZipError"];
    classes.iter().any(|class| server.has_class(class))
        || server.mentions("not a jar")
        || server.mentions("zip END header not found")
}

fn is_class_missing(server: &ServerError) -> bool {
    let classes = ["ClassNotFoundException", "NoClassDefFoundError"];
    classes.iter().any(|class| server.has_class(class))
        || server.mentions("Class containing the lambda probably missing")
        || server.mentions("SerializedLambda")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::refusal::tests::server;
    use super::*;

    const THREW: (i32, &str, &str) = (0, "java.lang.reflect.InvocationTargetException", "");

    fn proves(before: bool, chain: &[(i32, &str, &str)]) -> (UploadOutcome, Option<Reason>) {
        let upload = Upload {
            file_name: "jetkeeper-0-".to_owned(),
            jar: Some("x.jar".into()),
            sha256: None,
            job_name: "orders".to_owned(),
            snapshot: None,
            main_class: None,
            parameters: vec!["hunter22".to_owned(), "orders".to_owned()],
            secrets: vec!["hunter22".to_owned()],
            timeout: Duration::from_secs(1),
        };
        let report = answered(&server(chain), before, &upload, None);
        assert!(!report.message.contains("hunter22"), "{report:?}");
        (report.outcome, report.reason)
    }

    #[test]
    fn of_the_arguments_only_secrets_are_kept_out_of_what_main_said() {
        let upload = Upload {
            file_name: String::new(),
            jar: None,
            sha256: None,
            job_name: "orders".to_owned(),
            snapshot: None,
            main_class: None,
            parameters: vec!["jdbc:x".to_owned(), "hunter22".to_owned()],
            secrets: vec!["hunter22".to_owned()],
            timeout: Duration::from_secs(1),
        };
        let cause = (0, "java.sql.SQLException", "jdbc:x refuses hunter22");
        let report = answered(&server(&[THREW, cause]), false, &upload, None);
        assert!(
            report.message.contains("jdbc:x refuses [redacted]"),
            "{report:?}"
        );
    }

    #[test]
    fn a_member_that_went_proves_nothing_unless_main_threw() {
        let left = (33, "MemberLeftException", "");
        assert_eq!(proves(false, &[left]).0, UploadOutcome::Unknown);
        assert_eq!(proves(true, &[left]).0, UploadOutcome::NotRun);
        let refused = (UploadOutcome::Refused, Some(Reason::SubmitRefused));
        assert_eq!(proves(false, &[THREW, left]), refused);
    }

    #[test]
    fn a_new_master_is_waited_for() {
        let early = (46, "RetryableHazelcastException", "hunter22");
        let unsafe_now = (UploadOutcome::Refused, Some(Reason::ClusterUnsafe));
        assert_eq!(proves(false, &[early]), unsafe_now);
    }

    #[test]
    fn a_missing_class_is_the_jars_fault_and_a_join_is_none() {
        let lambda = (
            500,
            "JetException",
            "Class containing the lambda probably missing",
        );
        let refused = (UploadOutcome::Refused, Some(Reason::SubmitRefused));
        assert_eq!(proves(false, &[THREW, lambda]), refused);
        let joined = (500, "JetException", "it should not call the join() method");
        assert_eq!(
            proves(false, &[THREW, joined]),
            (UploadOutcome::Accepted, None)
        );
    }
}
