//! One document, checked for itself: what it declares and what is wrong with it.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desired::{Annotations, Declared};
use super::excerpt::excerpt;
use super::fault::{Fault, Severity};
use super::hazelcast::HazelcastSpec;
use super::header::{self, Header};
use super::identity::{Digest, Kind, Place, ResourceId, SourceName};
use super::jet_job::JetJobSpec;
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::rules::{self, Report};
use super::schema::spec_schema;
use super::tree::{MOST_PROBLEMS, Map, Node, Problem, Span, Value};
use super::{deserialize, normalize, operator, parse, shape, suggest};

/// A document, checked for itself.
#[derive(Debug)]
pub(super) struct Document {
    /// Which resource it declares, where that can be told.
    pub(super) resource: Option<ResourceId>,
    /// Whether it is known which of our resources it declares, or that it declares none.
    pub(super) identified: bool,
    /// What it declares, where it can be used.
    pub(super) content: Content,
    /// The digest of the normalised spec and the annotations that matter.
    pub(super) digest: Digest,
    /// The annotations that matter.
    pub(super) annotations: Annotations,
    /// `metadata.namespace`.
    pub(super) namespace: Option<String>,
    /// Where things stand that are compared with other documents.
    pub(super) marks: Marks,
    /// What is wrong with it, with excerpts.
    pub(super) faults: Vec<Fault>,
}

impl Document {
    /// It and its spec, for use.
    pub(super) fn declared<S>(&self, spec: &Arc<S>, location: Location<'_>) -> Arc<Declared<S>> {
        Arc::new(Declared {
            place: location.place(self.marks.name),
            spec: Arc::clone(spec),
            digest: self.digest,
            annotations: self.annotations.clone(),
        })
    }
}

/// What a document declares.
#[derive(Debug, Default)]
pub(super) enum Content {
    Hazelcast(Arc<HazelcastSpec>),
    JetJob(Arc<JetJobSpec>),
    JetJobSnapshot,
    /// Nothing that could be used.
    #[default]
    Faulty,
}

/// Where things stand in a document that are compared with other documents.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    pub(super) name: Span,
    pub(super) namespace: Span,
    pub(super) cluster: Span,
    pub(super) job_name: Span,
    pub(super) jar: Span,
}

/// Where a document is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Location<'a> {
    pub(super) source: &'a SourceName,
    pub(super) path: &'a str,
    /// How many lines of the file stand before the document.
    pub(super) lines_before: u32,
    /// The document itself.
    pub(super) bytes: &'a [u8],
}

impl Location<'_> {
    /// The place of a span.
    pub(super) fn place(&self, span: Span) -> Place {
        Place {
            source: self.source.clone(),
            path: self.path.to_owned(),
            line: self
                .lines_before
                .saturating_add(span.start.line)
                .saturating_add(1),
            column: span.start.column.saturating_add(1),
        }
    }

    /// The fault that a problem is, in this document.
    pub(super) fn fault(&self, problem: Problem, resource: Option<&ResourceId>) -> Fault {
        let snippet = if problem.hide_source {
            None
        } else {
            excerpt(self.bytes, self.lines_before, self.path, problem.span)
        };
        Fault {
            severity: problem.severity,
            place: self.place(problem.span),
            resource: resource.cloned(),
            message: problem.message,
            help: problem.help,
            snippet,
        }
    }
}

/// Reads and checks a document; none where it is empty.
pub(super) fn read(location: Location<'_>) -> Option<Document> {
    let text = match std::str::from_utf8(location.bytes) {
        Ok(text) => text,
        Err(error) => {
            let problem = encoding_problem(location.bytes, error.valid_up_to());
            let header = header::scan(&String::from_utf8_lossy(location.bytes));
            return Some(unusable(location, header, problem));
        }
    };
    let tree = match parse::parse(text) {
        Ok(tree) => tree,
        Err(problem) => return Some(unusable(location, header::scan(text), problem)),
    };
    let mut problems = tree.problems;
    let mut root = tree.root.filter(|root| !root.is_null())?;
    let mut header = header::read(&root, &mut problems);
    header.identified &= !tree.ambiguous;
    let checked = match (&header.resource, root.as_map_mut()) {
        (Some(resource), Some(map)) => check_spec(map, resource, &header, &mut problems),
        _ => Checked::default(),
    };
    Some(finish(location, header, checked, problems))
}

fn unusable(location: Location<'_>, header: Header, problem: Problem) -> Document {
    finish(location, header, Checked::default(), vec![problem])
}

fn finish(
    location: Location<'_>,
    header: Header,
    checked: Checked,
    mut problems: Vec<Problem>,
) -> Document {
    let is_faulty = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    problems.sort_by_key(|problem| problem.span.start);
    let hidden = problems.len().saturating_sub(MOST_PROBLEMS);
    problems.truncate(MOST_PROBLEMS);
    if hidden > 0 {
        let message = format!("there are {hidden} more faults in this document");
        problems.push(Problem::error(header.at, message));
    }
    let resource = header.resource.as_ref();
    let faults = problems
        .into_iter()
        .map(|problem| location.fault(problem, resource))
        .collect();
    let (namespace, namespace_span) = header.namespace.unzip();
    Document {
        faults,
        content: if is_faulty {
            Content::Faulty
        } else {
            checked.content
        },
        digest: checked.digest,
        marks: Marks {
            name: header.at,
            namespace: namespace_span.unwrap_or_default(),
            ..checked.marks
        },
        resource: header.resource,
        identified: header.identified,
        annotations: header.annotations,
        namespace,
    }
}

/// A spec after its checks.
#[derive(Default)]
struct Checked {
    content: Content,
    digest: Digest,
    marks: Marks,
}

fn check_spec(
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
                    jar: at("jarName").unwrap_or(owner),
                    ..Marks::default()
                },
            })
        }
        Kind::JetJobSnapshot => {
            let rules = rules::jet_job_snapshot;
            let read: Option<JetJobSnapshotSpec> =
                read_spec(&mut spec, owner, resource.kind, problems, rules);
            if read.is_some() {
                problems.push(
                    Problem::warning(header.at, "this version does not manage snapshots yet").help(
                        "the document is kept in mind, and nothing is deleted because of it"
                            .to_owned(),
                    ),
                );
            }
            Checked {
                content: Content::JetJobSnapshot,
                ..Checked::default()
            }
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
        unsupported(map, "tls", "connect with TLS", problems);
        unsupported(map, "credentials", "log in with credentials", problems);
    }
}

/// Refuses what the cluster needs and this version can't do: never is a connection tried without it.
fn unsupported(map: &mut Map<'_>, field: &str, what: &str, problems: &mut Vec<Problem>) {
    let Some(entry) = map.take(field).filter(|entry| !entry.node.is_null()) else {
        return;
    };
    let help = format!(
        "no connection is tried without it; take `{field}` out only if the members don't ask for it"
    );
    let problem = Problem::error(entry.key_span, format!("this version can't {what} yet"));
    problems.push(problem.help(help).hide_source());
}

fn encoding_problem(bytes: &[u8], valid_up_to: usize) -> Problem {
    let valid = String::from_utf8_lossy(bytes.get(..valid_up_to).unwrap_or_default());
    let lines = valid.matches('\n').count();
    let column = valid
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count();
    let mut span = Span::default();
    span.start.line = u32::try_from(lines).unwrap_or(u32::MAX);
    span.start.column = u32::try_from(column).unwrap_or(u32::MAX);
    span.end = span.start;
    let looks_like_utf_16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    let message = if looks_like_utf_16 {
        "this is UTF-16, not UTF-8"
    } else {
        "this is no UTF-8 text"
    };
    Problem::error(span, message).help("save the file as UTF-8".to_owned())
}
