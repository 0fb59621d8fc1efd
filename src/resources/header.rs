//! Tells which resource a document declares: `apiVersion`, `kind` and `metadata`.

use super::desired::Annotations;
use super::identity::{Kind, ResourceId};
use super::schema::{API_VERSION, KINDS};
use super::tree::{Entry, MOST_PROBLEMS, Map, Node, Problem, Span, Value, quote};
use super::{name, operator, suggest};

/// What the head of a document says.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Which resource it is, where that can be told and it is one of ours.
    pub(super) resource: Option<ResourceId>,
    /// Whether it is known which of our resources the document declares, or that it declares none.
    pub(super) identified: bool,
    /// Where the name stands, else the kind, else the document.
    pub(super) at: Span,
    /// The annotations that matter.
    pub(super) annotations: Annotations,
    /// `metadata.namespace` and where it stands.
    pub(super) namespace: Option<(String, Span)>,
    /// Whether it is, or may hold, a secret, and must not be shown.
    pub(super) is_secret: bool,
}

/// Reads the head of a document.
pub(super) fn read(root: &Node<'_>, problems: &mut Vec<Problem>) -> Header {
    let start = Span {
        start: root.span.start,
        end: root.span.start,
    };
    let mut header = Header {
        at: start,
        ..Header::default()
    };
    let Some(map) = root.as_map() else {
        let message = format!("a resource must be a mapping, not {}", root.describe());
        problems.push(Problem::error(root.span, message).help(first_lines()));
        return header;
    };
    let kind = map.get("kind").and_then(|entry| entry.node.as_text());
    header.is_secret = matches!(kind, Some("Secret" | "List"));
    let kind = match read_kind(map, start, problems) {
        Verdict::Ours(kind) => kind,
        Verdict::NotOurs => {
            header.identified = true;
            return header;
        }
        Verdict::Unknown => return header,
    };
    if let Some(entry) = map.get("kind") {
        header.at = entry.node.span;
    }
    check_fields(map, problems);
    let Some(metadata) = map.get("metadata") else {
        problems.push(missing_name(header.at));
        return header;
    };
    let Some(fields) = metadata.node.as_map() else {
        let message = format!(
            "`metadata` must be a mapping, not {}",
            metadata.node.describe()
        );
        problems.push(Problem::error(metadata.node.span, message));
        return header;
    };
    let meant_name = check_metadata_fields(fields, problems);
    header.namespace = read_namespace(fields, problems);
    header.annotations = read_annotations(fields, problems);
    let Some(name) = fields.get("name") else {
        if !meant_name {
            problems.push(missing_name(metadata.key_span));
        }
        return header;
    };
    header.at = name.node.span;
    header.resource = read_name(name, kind, problems).map(|name| ResourceId { kind, name });
    header.identified = header.resource.is_some();
    header
}

/// What `apiVersion` and `kind` say.
enum Verdict {
    Ours(Kind),
    NotOurs,
    Unknown,
}

fn read_kind(map: &Map<'_>, start: Span, problems: &mut Vec<Problem>) -> Verdict {
    let api_version = map.get("apiVersion");
    let Some(kind) = map.get("kind") else {
        problems.push(match api_version {
            Some(entry) => Problem::error(entry.key_span, "`kind` is missing")
                .help("add `kind: JetJob` or `kind: Hazelcast`".to_owned()),
            None => Problem::error(
                start,
                "this is no resource: it has no `apiVersion` and `kind`",
            )
            .help(first_lines()),
        });
        return Verdict::Unknown;
    };
    let written = kind.node.as_text().unwrap_or_default();
    let Some(known) = KINDS.into_iter().find(|known| known.as_str() == written) else {
        return other_kind(kind, api_version, problems);
    };
    match api_version {
        None => problems.push(
            Problem::error(kind.key_span, "`apiVersion` is missing")
                .help(format!("add `apiVersion: {API_VERSION}`")),
        ),
        Some(entry) if entry.node.as_text() != Some(API_VERSION) => problems.push(
            Problem::error(
                entry.node.span,
                format!("a {known} can't have this `apiVersion`"),
            )
            .help(format!("write `{API_VERSION}`")),
        ),
        Some(_) => {}
    }
    Verdict::Ours(known)
}

fn other_kind(
    kind: &Entry<'_>,
    api_version: Option<&Entry<'_>>,
    problems: &mut Vec<Problem>,
) -> Verdict {
    let Some(written) = kind.node.as_text() else {
        let message = format!("`kind` must be a word, not {}", kind.node.describe());
        problems.push(Problem::error(kind.node.span, message));
        return Verdict::Unknown;
    };
    let ours = KINDS.map(Kind::as_str);
    let api_version = api_version
        .and_then(|entry| entry.node.as_text())
        .unwrap_or_default();
    let is_ours = suggest::nearest(api_version, [API_VERSION]).is_some()
        || api_version.starts_with("hazelcast.com/");
    let (message, help, verdict) = match written {
        "Secret" => (
            "secrets don't belong in a source".to_owned(),
            "leave this document out; for `secretName: s` put each key into the file `s/KEY` of the \
             secrets directory, or give it to systemd as the credential `s.KEY`"
                .to_owned(),
            Verdict::NotOurs,
        ),
        "List" => (
            "a `List` isn't read".to_owned(),
            "write each of its items as a document of its own, with `---` between".to_owned(),
            Verdict::Unknown,
        ),
        _ if is_ours && operator::OTHER_KINDS.contains(&written) => (
            format!("the kind {} is only for the Kubernetes operator", quote(written)),
            format!("move it out of this source; here are {}", suggest::list(&ours)),
            Verdict::NotOurs,
        ),
        _ => match suggest::nearest(written, ours) {
            Some(near) => (
                format!("there is no kind {}", quote(written)),
                format!("did you mean `{near}`?"),
                Verdict::Unknown,
            ),
            None => (
                format!("the kind {} is not known here", quote(written)),
                format!("known are {}; move others out of this source", suggest::list(&ours)),
                if is_ours || api_version.is_empty() {
                    Verdict::Unknown
                } else {
                    Verdict::NotOurs
                },
            ),
        },
    };
    problems.push(Problem::error(kind.node.span, message).help(help));
    verdict
}

fn first_lines() -> String {
    format!(
        "a resource starts with `apiVersion: {API_VERSION}` and `kind: JetJob`; keep other YAML out \
         of this source"
    )
}

fn missing_name(at: Span) -> Problem {
    Problem::error(at, "`metadata.name` is missing")
        .help("add `metadata:` with `name: …`".to_owned())
}

fn check_fields(map: &Map<'_>, problems: &mut Vec<Problem>) {
    const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    let unknown = map
        .entries
        .iter()
        .filter(|entry| !FIELDS.contains(&&*entry.key));
    for entry in unknown.take(MOST_PROBLEMS) {
        let message = format!("unknown field {}", quote(&entry.key));
        let problem = Problem::error(entry.key_span, message);
        problems.push(match suggest::nearest(&entry.key, FIELDS) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("fields of the resource belong in `spec`".to_owned()),
        });
    }
}

/// Reports unknown fields; tells whether one of them was meant to be the name.
fn check_metadata_fields(fields: &Map<'_>, problems: &mut Vec<Problem>) -> bool {
    let known = operator::METADATA_FIELDS;
    let unknown = fields
        .entries
        .iter()
        .filter(|entry| !known.contains(&&*entry.key));
    let mut meant_name = false;
    for entry in unknown.take(MOST_PROBLEMS) {
        let message = format!("unknown field {} in `metadata`", quote(&entry.key));
        let near = suggest::nearest(&entry.key, known.iter().copied());
        meant_name |= near == Some("name");
        let help = near.map(|near| format!("did you mean `{near}`?"));
        problems.push(Problem::error(entry.key_span, message).help(help));
    }
    meant_name
}

fn read_namespace(fields: &Map<'_>, problems: &mut Vec<Problem>) -> Option<(String, Span)> {
    let entry = fields.get("namespace")?;
    let Some(namespace) = entry.node.as_text() else {
        let message = format!(
            "`metadata.namespace` must be text, not {}",
            entry.node.describe()
        );
        problems.push(Problem::error(entry.node.span, message));
        return None;
    };
    Some((namespace.to_owned(), entry.node.span))
}

fn read_name(entry: &Entry<'_>, kind: Kind, problems: &mut Vec<Problem>) -> Option<String> {
    let span = entry.node.span;
    let Some(name) = entry.node.as_text() else {
        let message = format!(
            "`metadata.name` must be text, not {}",
            entry.node.describe()
        );
        let help = match &entry.node.value {
            Value::Scalar(scalar) => Some(format!("put it in quotes: `\"{}\"`", scalar.text)),
            Value::List(_) | Value::Map(_) => None,
        };
        problems.push(Problem::error(span, message).help(help));
        return None;
    };
    let Some(fault) = name::resource_name_fault(name) else {
        return Some(name.to_owned());
    };
    let message = format!("{} can't be a resource's name: {fault}", quote(name));
    let nearest = name::as_resource_name(name).filter(|nearest| nearest != name);
    let help = nearest.map(|nearest| match kind {
        Kind::JetJob => {
            format!("did you mean `{nearest}`? The job's own name goes into `spec.name`")
        }
        Kind::Hazelcast | Kind::JetJobSnapshot => format!("did you mean `{nearest}`?"),
    });
    problems.push(Problem::error(span, message).help(help));
    None
}

fn read_annotations(fields: &Map<'_>, problems: &mut Vec<Problem>) -> Annotations {
    const PREFIX: &str = "jetkeeper.io/";
    let mut annotations = Annotations::default();
    let Some(entry) = fields.get("annotations") else {
        return annotations;
    };
    let Some(map) = entry.node.as_map() else {
        let message = format!(
            "`annotations` must be a mapping, not {}",
            entry.node.describe()
        );
        problems.push(Problem::error(entry.node.span, message));
        return annotations;
    };
    for entry in map
        .entries
        .iter()
        .filter(|entry| entry.key.starts_with(PREFIX))
        .take(MOST_PROBLEMS)
    {
        let Some(name) = entry.key.strip_prefix(PREFIX) else {
            continue;
        };
        let (target, on, off) = match name {
            "reconcile" => (&mut annotations.reconcile_disabled, "disabled", "enabled"),
            "adopt" => (&mut annotations.adopt, "true", "false"),
            "prune" => (&mut annotations.prune_disabled, "disabled", "enabled"),
            _ => {
                let message = format!("unknown annotation {}", quote(&entry.key));
                let known = ["reconcile", "adopt", "prune"].map(|name| format!("{PREFIX}{name}"));
                let help = suggest::help(&entry.key, known.iter().map(String::as_str));
                problems.push(Problem::error(entry.key_span, message).help(help));
                continue;
            }
        };
        match entry.node.as_text() {
            Some(value) if value == on => *target = true,
            Some(value) if value == off => {}
            _ => {
                let message = format!(
                    "the annotation `{}` can't be {}",
                    entry.key,
                    entry.node.describe()
                );
                let help = format!("write `\"{on}\"` or `\"{off}\"`, as text");
                problems.push(Problem::error(entry.node.span, message).help(help));
            }
        }
    }
    annotations
}
