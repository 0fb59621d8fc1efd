//! What a spec of the right shape must fulfil besides: bounds, names, what goes together.

use jiff::SignedDuration;

use super::hazelcast::HazelcastSpec;
use super::jet_job::{BucketConfig, JetJobSpec, RestartKind};
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::tree::{Node, Problem, Span, quote};
use super::{jars, name};

/// The longest duration.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The shortest one: members count in milliseconds.
const SHORTEST: SignedDuration = SignedDuration::from_millis(1);
/// The most members that one may ask for.
const MOST_MEMBERS: u32 = 10_000;
/// The most restarts in a row.
const MOST_RESTARTS: u32 = 1000;

/// Collects what the rules find, at the place of the field that they name.
pub(super) struct Report<'r, 'a> {
    /// The `spec`.
    pub(super) spec: &'r Node<'a>,
    /// Where the key `spec` stands.
    pub(super) owner: Span,
    /// Whether the spec was read as it stands; else some of its fields are left out.
    pub(super) complete: bool,
    /// What was found.
    pub(super) problems: &'r mut Vec<Problem>,
}

impl Report<'_, '_> {
    fn error(
        &mut self,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let found = self.spec.find(path).filter(|_| !path.is_empty());
        let span = found.unwrap_or(self.owner);
        self.problems.push(Problem::error(span, message).help(help));
    }

    fn not_empty(&mut self, field: &str, text: &str) {
        if text.trim().is_empty() {
            self.error(&[field], format!("`spec.{field}` is empty"), None);
        }
    }

    fn duration(&mut self, path: &[&str], value: SignedDuration) {
        if value < SHORTEST || value > LONGEST {
            self.error(
                path,
                format!("`{}` is out of range", name_of(path)),
                "from `1ms` to `8784h` (366 days)".to_owned(),
            );
        }
    }

    fn resource_name(&mut self, path: &[&str], name: &str) {
        if let Some(fault) = name::resource_name_fault(name) {
            let message = format!(
                "`spec.{}` can't be {}: {fault}",
                path.join("."),
                quote(name)
            );
            self.error(path, message, None);
        }
    }
}

/// `spec.secretParameters[0].key`.
fn name_of(path: &[&str]) -> String {
    let mut name = String::from("spec");
    for part in path {
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            name.extend(["[", part, "]"]);
        } else {
            name.extend([".", part]);
        }
    }
    name
}

/// The rules of a `Hazelcast`.
pub(super) fn hazelcast(spec: &mut HazelcastSpec, report: &mut Report<'_, '_>) {
    let HazelcastSpec {
        cluster_name,
        addresses,
        min_members,
        max_concurrent_upgrades,
    } = spec;
    report.not_empty("clusterName", cluster_name);
    for (index, address) in addresses.iter().enumerate() {
        if !is_address(address) {
            let message = format!("{} is no address", quote(address));
            let help = format!("write host and port, like `{}`", example_address(address));
            report.error(&["addresses", &index.to_string()], message, help);
        }
    }
    for (field, value) in [
        ("minMembers", min_members),
        ("maxConcurrentUpgrades", max_concurrent_upgrades),
    ] {
        if !(1..=MOST_MEMBERS).contains(value) {
            let message = format!("`spec.{field}` must be from 1 to {MOST_MEMBERS}");
            report.error(&[field], message, None);
        }
    }
}

/// Whether it is `host:port`, `[v6]:port`.
fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let v6 = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_is_fine = if let Some(v6) = v6 {
        v6.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        !host.is_empty() && host.bytes().all(allowed)
    };
    host_is_fine && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn example_address(address: &str) -> String {
    let host = address
        .rsplit("://")
        .next()
        .unwrap_or(address)
        .trim_end_matches('/');
    let candidates = [host.to_owned(), format!("{host}:5701")];
    let fitting = candidates
        .into_iter()
        .find(|candidate| is_address(candidate));
    fitting.unwrap_or_else(|| "10.0.0.1:5701".to_owned())
}

/// The rules of a `JetJobSnapshot`.
pub(super) fn jet_job_snapshot(spec: &mut JetJobSnapshotSpec, report: &mut Report<'_, '_>) {
    report.not_empty("jetJobResourceName", &spec.jet_job_resource_name);
    if let Some(timeout) = spec.timeout {
        report.duration(&["timeout"], timeout);
    }
    if let Some(archive) = &spec.archive {
        bucket(&archive.bucket_config, &["archive", "bucketConfig"], report);
    }
}

/// The rules of a `JetJob`.
pub(super) fn jet_job(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    report.not_empty("hazelcastResourceName", &spec.hazelcast_resource_name);
    if let Some(fault) = spec.name.as_deref().and_then(name::job_name_fault) {
        report.error(
            &["name"],
            format!("`spec.name` can't be a job's name: {fault}"),
            None,
        );
    }
    jar_origin(spec, report);
    main_class(spec, report);
    secret_parameters(spec, report);
    if spec.initial_snapshot_name.is_some() && spec.initial_snapshot_resource_name.is_some() {
        report.error(
            &["initialSnapshotName"],
            "the job can't start from two snapshots",
            "keep `initialSnapshotName` or `initialSnapshotResourceName`".to_owned(),
        );
    }
    durations(spec, report);
    let restart = &spec.restart_policy;
    if restart.max_restarts > MOST_RESTARTS {
        let message = "`spec.restartPolicy.maxRestarts` is out of range";
        let help = format!("at most {MOST_RESTARTS}");
        report.error(&["restartPolicy", "maxRestarts"], message, help);
    }
    if restart.kind == RestartKind::OnFailure && restart.max_restarts == 0 {
        report.error(
            &["restartPolicy", "maxRestarts"],
            "`OnFailure` with no restarts restarts nothing",
            "write `type: Never`, or at least 1".to_owned(),
        );
    }
    if spec
        .job_config
        .max_processor_accumulated_records
        .is_some_and(|most| most < 1 && most != -1)
    {
        report.error(
            &["jobConfig", "maxProcessorAccumulatedRecords"],
            "`spec.jobConfig.maxProcessorAccumulatedRecords` is out of range",
            "at least 1, or -1 for the member's own limit".to_owned(),
        );
    }
}

fn durations(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    for (path, value) in [
        (["upgradePolicy", "timeout"], spec.upgrade_policy.timeout),
        (["restartPolicy", "backoff"], spec.restart_policy.backoff),
        (
            ["onStateLoss", "maxSnapshotAge"],
            spec.on_state_loss.max_snapshot_age,
        ),
        (["timeouts", "submit"], spec.timeouts.submit),
        (["timeouts", "start"], spec.timeouts.start),
        (["timeouts", "suspend"], spec.timeouts.suspend),
    ] {
        report.duration(&path, value);
    }
    if let Some(interval) = spec.job_config.snapshot_interval {
        report.duration(&["jobConfig", "snapshotInterval"], interval);
    }
    // A member takes no time at all for no limit.
    if let Some(timeout) = spec.job_config.timeout.filter(|timeout| !timeout.is_zero()) {
        report.duration(&["jobConfig", "timeout"], timeout);
    }
}

fn jar_origin(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
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
        check_jar_name(jar_name, origins.is_empty(), report);
    }
    if let Some(url) = &spec.remote_url {
        remote_url(url, report);
    }
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
        let help = "like `https://repo.example.com/jobs/orders.jar`".to_owned();
        report.error(
            &["remoteURL"],
            "`spec.remoteURL` is no http or https URL",
            help,
        );
    }
}

fn bucket(config: &BucketConfig, path: &[&str], report: &mut Report<'_, '_>) {
    const SCHEMES: [&str; 4] = ["s3://", "gs://", "azblob://", "file://"];
    let within = |field: &'static str| [path, &[field]].concat();
    let uri = &config.bucket_uri;
    if !SCHEMES.iter().any(|scheme| {
        uri.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty())
    }) {
        report.error(
            &within("bucketURI"),
            format!("{} is no bucket", quote(uri)),
            "like `s3://bucket/path`, `gs://…`, `azblob://…` or `file:///…`".to_owned(),
        );
    }
    if let Some(secret) = &config.secret_name {
        report.resource_name(&within("secretName"), secret);
    }
}

/// A Java class name: identifiers with dots between. Nested classes have a `$`.
fn main_class(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
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

fn secret_parameters(spec: &JetJobSpec, report: &mut Report<'_, '_>) {
    let total = spec.parameters.len() + spec.secret_parameters.len();
    let mut taken = std::collections::BTreeSet::new();
    for (position, parameter) in spec.secret_parameters.iter().enumerate() {
        let position = position.to_string();
        let at = |field: &'static str| ["secretParameters", position.as_str(), field];
        if !taken.insert(parameter.index) {
            let message = format!("two secret parameters have the index {}", parameter.index);
            report.error(&at("index"), message, None);
        } else if report.complete && usize::try_from(parameter.index).map_or(true, |i| i >= total) {
            let message = format!(
                "the index {} is beyond the last parameter: there are {total}, counted from 0",
                parameter.index
            );
            report.error(&at("index"), message, None);
        }
        report.resource_name(&at("secretName"), &parameter.secret_name);
        if !name::is_secret_key(&parameter.key) {
            let message = format!("{} is no key of a secret", quote(&parameter.key));
            let help = "letters, digits, `-`, `_` and `.`".to_owned();
            report.error(&at("key"), message, help);
        }
    }
}
