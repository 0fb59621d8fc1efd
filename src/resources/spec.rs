//! Reads the spec of a document, and tells everything that is wrong with it.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desired::Annotations;
use super::document::{Content, Marks};
use super::header::Header;
use super::identity::{Digest, Kind, ResourceId};
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::rules::{self, Report};
use super::schema::spec_schema;
use super::tree::{Entry, Map, Node, Problem, Span, Value};
use super::{deserialize, normalize, operator, shape, suggest};

/// A spec after its checks.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) content: Content,
    pub(super) digest: Digest,
    pub(super) marks: Marks,
}

/// Checks the spec of a document's root, whose head says which resource it is.
pub(super) fn check(
    root: &mut Map<'_>,
    resource: &ResourceId,
    header: &Header,
    problems: &mut Vec<Problem>,
) -> Checked {
    let written = root.take("spec").filter(|entry| !entry.node.is_null());
    let (mut spec, owner) = match written {
        Some(entry) => (entry.node, entry.key_span),
        None => (
            Node {
                span: header.at,
                value: Value::Map(Map::default()),
            },
            header.at,
        ),
    };
    special_fields(&mut spec, resource.kind, problems);
    match resource.kind {
        Kind::Hazelcast => {
            let read = read_spec(&mut spec, owner, resource.kind, problems, rules::hazelcast);
            read.map_or_else(Checked::default, |spec| Checked {
                digest: digest(&spec, &header.annotations),
                content: Content::Hazelcast(Arc::new(spec)),
                marks: Marks::default(),
            })
        }
        Kind::JetJob => {
            let read = read_spec(&mut spec, owner, resource.kind, problems, |spec, report| {
                normalize::drop_empty(spec, &resource.name);
                rules::jet_job(spec, report);
                normalize::order(spec);
            });
            let at = |field: &str| spec.find(&[field]);
            read.map_or_else(Checked::default, |read| Checked {
                digest: digest(&read, &header.annotations),
                content: Content::JetJob(Arc::new(read)),
                marks: Marks {
                    cluster: at("hazelcastResourceName").unwrap_or(owner),
                    job_name: at("name").unwrap_or(header.at),
                    refers_to: at("initialSnapshotResourceName").unwrap_or(owner),
                    jar: at("jarName").unwrap_or(owner),
                    ..Marks::default()
                },
            })
        }
        Kind::JetJobSnapshot => {
            let rules = rules::jet_job_snapshot;
            let read: Option<JetJobSnapshotSpec> =
                read_spec(&mut spec, owner, resource.kind, problems, rules);
            let at = |field: &str| spec.find(&[field]);
            read.map_or_else(Checked::default, |read| Checked {
                digest: digest(&read, &header.annotations),
                content: Content::JetJobSnapshot(Arc::new(read)),
                marks: Marks {
                    refers_to: at("jetJobResourceName").unwrap_or(owner),
                    ..Marks::default()
                },
            })
        }
    }
}

fn digest(spec: &impl Serialize, annotations: &Annotations) -> Digest {
    Digest::of_json(&(spec, annotations))
}

/// Reads a spec and applies its rules; tells everything that is wrong with it.
fn read_spec<S: DeserializeOwned>(
    node: &mut Node<'_>,
    owner: Span,
    kind: Kind,
    problems: &mut Vec<Problem>,
    rules: impl FnOnce(&mut S, &mut Report<'_, '_>),
) -> Option<S> {
    let (mut spec, complete): (S, bool) = match deserialize::read(node) {
        Ok(spec) => (spec, true),
        Err(first) => {
            let found = shape::check(node, spec_schema(kind), "spec", owner);
            if found.is_empty() {
                // The type is stricter than its schema; serde's own words have to do.
                let message = format!("`spec.{}`: {}", first.path(), first.inner());
                problems.push(Problem::error(owner, message));
            }
            problems.extend(found);
            shape::stand_in(node, spec_schema(kind));
            (deserialize::read(node).ok()?, false)
        }
    };
    let mut report = Report {
        spec: node,
        owner,
        complete,
        problems,
    };
    rules(&mut spec, &mut report);
    Some(spec)
}

/// Takes out the fields that aren't ours to read: the operator's, renamed ones, and what this version
/// can't do.
fn special_fields(spec: &mut Node<'_>, kind: Kind, problems: &mut Vec<Problem>) {
    let Some(map) = spec.as_map_mut() else {
        return;
    };
    for renamed in operator::renamed_fields(kind) {
        let holder = match renamed.within {
            None => Some(&mut *map),
            Some(field) => map.get_mut(field).and_then(Node::as_map_mut),
        };
        let Some(holder) = holder else { continue };
        if let Some(mut entry) = holder.take(renamed.old) {
            let message = format!("`{}` is called `{}`", renamed.old, renamed.new);
            let help = format!("write `{}`", renamed.new);
            problems.push(Problem::warning(entry.key_span, message).help(help));
            entry.key = renamed.new.into();
            if holder.get(renamed.new).is_none() {
                holder.entries.push(entry);
            }
        }
    }
    let ignored: Vec<(Span, String)> = map
        .entries
        .extract_if(.., |entry| {
            operator::spec_fields(kind).contains(&&*entry.key)
        })
        .map(|entry| (entry.key_span, entry.key.into_owned()))
        .collect();
    if let Some((first, _)) = ignored.first() {
        let names: Vec<&str> = ignored.iter().map(|(_, name)| name.as_str()).collect();
        let (verb, what) = if names.len() == 1 {
            ("is", "field")
        } else {
            ("are", "fields")
        };
        let message = format!(
            "{} {verb} for the Kubernetes operator and ignored",
            suggest::list(&names)
        );
        let help = format!("jetkeeper starts no members; the {what} may stay");
        problems.push(Problem::warning(*first, message).help(help));
    }
    if kind == Kind::Hazelcast {
        credentials_written_out(map, problems);
    }
}

/// Refuses credentials that stand in the document, without showing them.
pub(super) fn credentials_written_out(map: &mut Map<'_>, problems: &mut Vec<Problem>) {
    let written_out = map.get("credentials").is_some_and(|entry| {
        let fields = entry.node.as_map().map(|fields| &fields.entries);
        let only_a_name = |fields: &Vec<_>| fields.iter().all(is_secret_name);
        !entry.node.is_null() && !fields.is_some_and(only_a_name)
    });
    if !written_out {
        return;
    }
    let Some(entry) = map.take("credentials") else {
        return;
    };
    let help = "put them into a secret NAME with the keys `username` and `password`, or `token` \
                (docs/jobs.md), and write `credentials: {secretName: NAME}`";
    let message = "only `secretName` belongs into `credentials`: no secret is written here";
    let problem = Problem::error(entry.key_span, message);
    problems.push(problem.help(help.to_owned()).hide_source());
}

fn is_secret_name(entry: &Entry<'_>) -> bool {
    entry.key == "secretName"
}
