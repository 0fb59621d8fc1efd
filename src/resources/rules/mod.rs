//! What a spec of the right shape must fulfil besides: bounds, names, what goes together.

mod jar;
mod jet_job;

use jiff::SignedDuration;

pub(super) use jet_job::jet_job;

use super::address::address;
use super::hazelcast::{HazelcastSpec, TlsSpec};
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::name;
use super::tree::{Node, Problem, Span, quote};

/// The longest duration.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The shortest one: members count in milliseconds.
const SHORTEST: SignedDuration = SignedDuration::from_millis(1);
/// The most members that one may ask for.
const MOST_MEMBERS: u32 = 10_000;

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
        credentials,
        tls,
        min_members,
        max_concurrent_upgrades,
    } = spec;
    report.not_empty("clusterName", cluster_name);
    for (index, written) in addresses.iter_mut().enumerate() {
        if let Ok(address) = address(written) {
            *written = address;
        } else {
            let message = format!("{} is no address", quote(written));
            let help = format!("write host and port, like `{}`", example_address(written));
            report.error(&["addresses", &index.to_string()], message, help);
        }
    }
    let secret_name = credentials.as_ref().map(|it| it.secret_name.trim());
    if secret_name == Some("") {
        let message = "`spec.credentials.secretName` is empty";
        report.error(&["credentials", "secretName"], message, None);
    }
    if let Some(tls) = tls {
        self::tls(tls, report);
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

/// The rules of a `Hazelcast`'s `tls`.
fn tls(tls: &TlsSpec, report: &mut Report<'_, '_>) {
    for (field, path) in [
        ("caFile", &tls.ca_file),
        ("certFile", &tls.cert_file),
        ("keyFile", &tls.key_file),
    ] {
        if path.as_ref().is_some_and(|path| !path.is_absolute()) {
            let message = format!("`spec.tls.{field}` must begin with `/`");
            let help = "files are looked for on the machine that jetkeeper runs on".to_owned();
            report.error(&["tls", field], message, help);
        }
    }
    if tls.cert_file.is_some() != tls.key_file.is_some() {
        let message = "`spec.tls.certFile` and `spec.tls.keyFile` go together";
        report.error(&["tls"], message, "give both, or none".to_owned());
    }
}

fn example_address(written: &str) -> String {
    let host = written.rsplit("://").next().unwrap_or(written);
    let fitting = address(host.trim_end_matches('/'));
    fitting.unwrap_or_else(|_| "10.0.0.1:5701".to_owned())
}

/// The rules of a `JetJobSnapshot`.
pub(super) fn jet_job_snapshot(spec: &mut JetJobSnapshotSpec, report: &mut Report<'_, '_>) {
    report.not_empty("jetJobResourceName", &spec.jet_job_resource_name);
    if let Some(timeout) = spec.timeout {
        report.duration(&["timeout"], timeout);
    }
    if spec.archive.is_some() {
        report.error(
            &["archive"],
            "this version can't keep snapshots outside of the cluster",
            "remove `archive`; the snapshot stays on the cluster".to_owned(),
        );
    }
    if spec.source.is_some() {
        report.error(
            &["source"],
            "this version can't bring snapshots from an archive",
            "remove `source`; the snapshot is exported from the job".to_owned(),
        );
    }
}
