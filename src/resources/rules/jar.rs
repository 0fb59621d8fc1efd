//! Where the jar comes from, and what in it is run.

use super::super::bucket::BucketUri;
use super::super::jars;
use super::super::jet_job::{BucketConfig, JetJobSpec};
use super::super::tree::{Problem, quote};
use super::Report;

/// The origin must be one, and look like one.
pub(super) fn origin(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    let origins: Vec<&str> = [
        ("jarOnMember", spec.jar_on_member.is_some()),
        ("remoteURL", spec.remote_url.is_some()),
        ("bucketConfig", spec.bucket_config.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, is_there)| is_there.then_some(field))
    .collect();
    if let [kept, .., second] = origins.as_slice() {
        let message = format!("`{kept}` and `{second}` each say where the jar is");
        report.error(&[second], message, "keep one of them".to_owned());
    }
    match (&spec.jar_name, &spec.jar_on_member) {
        (None, None) if report.complete => report.error(
            &[],
            "`spec.jarName` is missing",
            "name a jar beside this file or in `jars/`; only `jarOnMember` needs none".to_owned(),
        ),
        (Some(_), Some(_)) => report.error(
            &["jarOnMember"],
            "`jarName` and `jarOnMember` name two jars",
            "keep `jarOnMember` for a jar that the members have, else `jarName`".to_owned(),
        ),
        _ => {}
    }
    if let Some(jar_name) = &spec.jar_name {
        check_jar_name(jar_name, origins.is_empty() && report.complete, report);
    }
    if let Some(url) = &spec.remote_url {
        remote_url(url.expose(), report);
    }
    remote_secret(spec, report);
    if let Some(config) = &spec.bucket_config {
        bucket(config, &["bucketConfig"], report);
    }
    if spec
        .jar_on_member
        .as_deref()
        .is_some_and(|path| path.chars().any(char::is_control))
    {
        report.error(
            &["jarOnMember"],
            "`spec.jarOnMember` has control characters",
            None,
        );
    }
    if let Some(digest) = &spec.jar_sha256
        && (digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        let help = "64 hex digits, as `sha256sum` prints them".to_owned();
        report.error(&["jarSha256"], "`spec.jarSha256` is no SHA-256", help);
    }
}

fn check_jar_name(jar_name: &str, in_source: bool, report: &mut Report<'_, '_>) {
    if jar_name.contains(['/', '\\']) {
        report.error(
            &["jarName"],
            format!(
                "`spec.jarName` is a file name, not a path: {}",
                quote(jar_name)
            ),
            "put the jar beside this file or in `jars/` at the top of the source".to_owned(),
        );
    } else if jar_name.chars().any(char::is_control) {
        report.error(&["jarName"], "`spec.jarName` has control characters", None);
    } else if in_source && !jars::is_jar(jar_name) {
        let help = format!("did you mean {}?", quote(&format!("{jar_name}.jar")));
        report.error(&["jarName"], "`spec.jarName` must end in `.jar`", help);
    }
}

fn remote_url(url: &str, report: &mut Report<'_, '_>) {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or("");
    let odd = |character: char| character.is_whitespace() || character.is_control();
    if host.contains('@') {
        let span = report.spec.find(&["remoteURL"]).unwrap_or(report.owner);
        let problem = Problem::error(span, "`spec.remoteURL` holds a user name or password")
            .help("leave it out; whoever reads this source reads it too".to_owned());
        report.problems.push(problem.hide_source());
    } else if host.is_empty() || host.starts_with(':') || url.contains(odd) {
        let span = report.spec.find(&["remoteURL"]).unwrap_or(report.owner);
        let problem = Problem::error(span, "`spec.remoteURL` is no http or https URL")
            .help("like `https://repo.example.com/jobs/orders.jar`".to_owned());
        // What follows may be a token.
        let told = if url.contains(['?', '#']) {
            problem.hide_source()
        } else {
            problem
        };
        report.problems.push(told);
    }
}

/// A token goes to a server that is named, by a connection that nobody listens to.
fn remote_secret(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    let field = &["remoteSecretName"];
    let Some(secret) = &spec.remote_secret_name else {
        return;
    };
    report.resource_name(field, secret);
    match &spec.remote_url {
        None => report.error(
            field,
            "`spec.remoteSecretName` is of use with `remoteURL` alone",
            "add `remoteURL`, or leave it out; the secret of a bucket is in `bucketConfig`"
                .to_owned(),
        ),
        Some(url) if !carries_secrets(url.expose()) => report.error(
            field,
            "a token would be sent over http for all to read",
            "write an https URL; http is taken from this machine alone".to_owned(),
        ),
        Some(_) => {}
    }
}

fn carries_secrets(url: &str) -> bool {
    const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
    let Some(rest) = url.strip_prefix("http://") else {
        return true;
    };
    LOOPBACK.iter().any(|host| {
        let rest = rest.strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
    })
}

/// A bucket must be of a kind that we can read.
pub(super) fn bucket(config: &BucketConfig, path: &[&str], report: &mut Report<'_, '_>) {
    let within = |field: &'static str| [path, &[field]].concat();
    let uri = within("bucketURI");
    // What is misspelt may be a password, or the key of an account.
    let may_be_secret = config.bucket_uri.contains(['?', '#', '@']);
    for fault in BucketUri::parse(&config.bucket_uri)
        .err()
        .unwrap_or_default()
    {
        let span = report.spec.find(&uri).unwrap_or(report.owner);
        let problem = Problem::error(span, fault.to_string()).help(fault.help());
        report.problems.push(if may_be_secret {
            problem.hide_source()
        } else {
            problem
        });
    }
    if let Some(secret) = &config.secret_name {
        report.resource_name(&within("secretName"), secret);
    }
}

/// A Java class name: identifiers with dots between. Nested classes have a `$`.
pub(super) fn main_class(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    let Some(class) = &spec.main_class else {
        return;
    };
    let is_identifier = |part: &str| {
        let mut characters = part.chars();
        let first = characters.next();
        first.is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | '$'))
            && characters.all(|other| other.is_alphanumeric() || matches!(other, '_' | '$'))
    };
    let file_ending = class
        .strip_suffix(".class")
        .or_else(|| class.strip_suffix(".java"));
    if file_ending.is_none() && class.split('.').all(is_identifier) {
        return;
    }
    let guess = file_ending.unwrap_or(class).replace(['/', '\\'], ".");
    let help = if guess != *class && guess.split('.').all(is_identifier) {
        format!("did you mean {}?", quote(&guess))
    } else {
        "write the full class name, like `com.example.Orders`".to_owned()
    };
    let message = format!("{} is no class name", quote(class));
    report.error(&["mainClass"], message, help);
}
