//! Reads one YAML document as a type of ours and tells every fault at once: how the configuration is
//! read, with the same words and excerpts as manifests.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::document::Location;
use super::fault::Fault;
use super::identity::SourceName;
use super::schema::schema_of;
use super::tree::{Map, Node, Problem, Span, Value};
use super::{deserialize, parse, shape, spec};

/// A document that was read, and what is wrong with it.
#[derive(Debug)]
pub struct Reading<'a, T> {
    /// Its value, without what is wrong; the default where nothing of it could be read.
    pub value: T,
    /// What is wrong, in order of finding.
    pub faults: Vec<Fault>,
    /// Whether nothing was taken out of the value; only then is what it lacks missing.
    pub complete: bool,
    source: SourceName,
    path: &'a str,
    bytes: &'a [u8],
    root: Node<'a>,
}

/// Reads a document. `what` names the whole in messages (unknown field … in …).
pub fn read<'a, T>(what: &str, path: &'a str, bytes: &'a [u8]) -> Reading<'a, T>
where
    T: DeserializeOwned + JsonSchema + Default,
{
    let mut reading = Reading {
        value: T::default(),
        faults: Vec::new(),
        complete: true,
        source: SourceName(what.to_owned()),
        path,
        bytes,
        root: Node {
            span: Span::default(),
            value: Value::Map(Map::default()),
        },
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        reading.tell(Problem::error(Span::default(), "this is no UTF-8 text"));
        reading.complete = false;
        return reading;
    };
    let tree = match parse::parse(text) {
        Ok(tree) => tree,
        Err(problem) => {
            reading.tell(problem);
            reading.complete = false;
            return reading;
        }
    };
    for problem in tree.problems {
        reading.tell(problem);
    }
    let Some(mut root) = tree.root.filter(|root| !root.is_null()) else {
        return reading;
    };
    let whole = root.span;
    for problem in written_out(&mut root) {
        reading.tell(problem);
    }
    for problem in shape::check(&mut root, &schema_of::<T>(), what, whole) {
        reading.tell(problem);
    }
    match deserialize::read(&root) {
        Ok(value) => reading.value = value,
        // The type is stricter than its schema; serde's own words have to do.
        Err(error) if reading.faults.is_empty() => {
            let message = format!("`{}`: {}", error.path(), error.inner());
            reading.tell(Problem::error(whole, message));
        }
        Err(_) => {}
    }
    reading.root = root;
    reading.complete = reading.faults.is_empty();
    reading
}

/// Credentials that stand in `clusters` instead of the name of a secret: told before anything else looks at them,
/// because that would show them.
fn written_out(root: &mut Node<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let clusters = root.as_map_mut().and_then(|root| root.get_mut("clusters"));
    let clusters = clusters.and_then(Node::as_map_mut);
    for cluster in clusters.into_iter().flat_map(|map| &mut map.entries) {
        if let Some(cluster) = cluster.node.as_map_mut() {
            spec::credentials_written_out(cluster, &mut problems);
        }
    }
    problems
}

impl<T> Reading<'_, T> {
    /// Adds a fault at `sources[0].git`, given as `["sources", "0", "git"]`.
    pub fn refuse(&mut self, at: &[&str], message: impl Into<String>, help: impl Into<String>) {
        let span = self.root.find(at).unwrap_or_default();
        self.tell(Problem::error(span, message).help(help.into()));
    }

    fn tell(&mut self, problem: Problem) {
        let location = Location {
            source: &self.source,
            path: self.path,
            lines_before: 0,
            bytes: self.bytes,
        };
        self.faults.push(location.fault(problem, None));
    }
}
