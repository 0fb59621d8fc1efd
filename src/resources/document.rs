//! One document, checked for itself: what it declares and what is wrong with it.

use std::sync::Arc;

use super::desired::{Annotations, Declared};
use super::excerpt::excerpt;
use super::fault::{Fault, Severity};
use super::hazelcast::HazelcastSpec;
use super::header::{self, Header};
use super::identity::{Digest, Place, ResourceId, SourceName};
use super::jet_job::JetJobSpec;
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::spec::Checked;
use super::tree::{MOST_PROBLEMS, Problem, Span};
use super::{parse, scan, spec};

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
    JetJobSnapshot(Arc<JetJobSnapshotSpec>),
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
    /// A snapshot's job, or the snapshot that a job starts from.
    pub(super) refers_to: Span,
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
            let header = scan::scan(&String::from_utf8_lossy(location.bytes));
            return Some(unusable(location, header, problem));
        }
    };
    let tree = match parse::parse(text) {
        Ok(tree) => tree,
        Err(problem) => return Some(unusable(location, scan::scan(text), problem)),
    };
    let mut problems = tree.problems;
    let mut root = tree.root.filter(|root| !root.is_null())?;
    let mut header = header::read(&root, &mut problems);
    header.identified &= !tree.ambiguous;
    let checked = match (&header.resource, root.as_map_mut()) {
        (Some(resource), Some(map)) => spec::check(map, resource, &header, &mut problems),
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
    for problem in &mut problems {
        problem.hide_source |= header.is_secret;
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
