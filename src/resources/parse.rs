//! Parses one document into a tree, within limits, and reports duplicate keys at their place.
//!
//! Aliases and merge keys (`<<`) are resolved here, and what they stand for counts towards the limits,
//! so that a small file can't ask for much memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::tree::MOST_PROBLEMS;
use super::tree::{Entry, Map, Node, Position, Problem, Scalar, Span, Value, quote};
use super::{scalar, syntax};

/// The deepest nesting.
pub(super) const MOST_LEVELS: usize = 64;
/// The most keys and values of a document, aliases replaced by what they stand for.
pub(super) const MOST_NODES: usize = 100_000;

/// A parsed document: nothing at all where it is empty.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) root: Option<Node<'a>>,
    /// What is wrong, though the tree could be built.
    pub(super) problems: Vec<Problem>,
    /// Whether a key that says which resource it is was there twice, as where a `---` is missing: the
    /// document may hide another resource.
    pub(super) ambiguous: bool,
}

/// Parses a document that `split` has cut out. The error is the one that stopped it.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, Problem> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    let breaks = syntax::line_breaks(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax::explain(&error, text))?;
        if matches!(event, Event::StreamEnd) {
            break;
        }
        let mut span = convert(span);
        // What is empty at the end of a text is found behind its last line.
        if span.start.line > breaks {
            span.start = syntax::within(text, span.start);
            span.end = span.start;
        }
        builder.take(event, span)?;
    }
    Ok(Tree {
        root: builder.root,
        problems: builder.problems,
        ambiguous: builder.ambiguous,
    })
}

/// Builds the tree from the parser's events.
#[derive(Default)]
struct Builder<'a> {
    root: Option<Node<'a>>,
    open: Vec<Open<'a>>,
    anchors: HashMap<usize, Anchored<'a>>,
    nodes: usize,
    problems: Vec<Problem>,
    ambiguous: bool,
}

/// What an alias stands for.
struct Anchored<'a> {
    node: Node<'a>,
    nodes: usize,
    height: usize,
}

/// A list or mapping whose end hasn't come yet.
struct Open<'a> {
    start: Position,
    anchor: usize,
    /// How many nodes there were before it.
    nodes_before: usize,
    /// The height of its highest child.
    height: usize,
    inside: Inside<'a>,
}

enum Inside<'a> {
    List(Vec<Node<'a>>),
    Map(Map<'a>, Option<(Cow<'a, str>, Span)>),
}

impl<'a> Builder<'a> {
    fn take(&mut self, event: Event<'a>, span: Span) -> Result<(), Problem> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) if self.root.is_none() => {}
            Event::DocumentStart(_) => {
                return Err(Problem::error(span, "a second document starts here")
                    .help("put `---` on a line of its own before it".to_owned()));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = self.scalar(text, style, tag.as_deref(), span);
                let node = Node {
                    span,
                    value: Value::Scalar(scalar),
                };
                self.count(1, span)?;
                self.place(node, anchor, 1, 0)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(
                    span,
                    anchor,
                    tag.as_deref(),
                    "seq",
                    Inside::List(Vec::new()),
                )?;
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Map(Map::default(), None);
                self.open(span, anchor, tag.as_deref(), "map", inside)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: Cow<'a, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Scalar<'a> {
        let plain = style == ScalarStyle::Plain;
        let meaning = match tag {
            None => scalar::meaning(&text, plain),
            Some(tag) => scalar::tagged_meaning(&text, tag, plain).unwrap_or_else(|| {
                self.refuse_tag(tag, span);
                scalar::meaning(&text, plain)
            }),
        };
        Scalar { text, meaning }
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Span) {
        let name = quote(&format!("{}{}", tag.handle, tag.suffix));
        self.problems.push(
            Problem::error(span, format!("the tag {name} means nothing here"))
                .help("leave the tag out".to_owned()),
        );
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<&Tag>,
        fitting_tag: &str,
        inside: Inside<'a>,
    ) -> Result<(), Problem> {
        if let Some(tag) = tag.filter(|tag| !scalar::is_core(tag, fitting_tag)) {
            self.refuse_tag(tag, span);
        }
        check_levels(self.open.len() + 1, span)?;
        self.count(1, span)?;
        self.open.push(Open {
            start: span.start,
            anchor,
            nodes_before: self.nodes - 1,
            height: 0,
            inside,
        });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.inside {
            Inside::List(items) => Value::List(items),
            Inside::Map(map, _) => Value::Map(self.finish_map(map)?),
        };
        let node = Node {
            span: Span {
                start: open.start,
                end: span.end,
            },
            value,
        };
        let nodes = self.nodes.saturating_sub(open.nodes_before);
        self.place(node, open.anchor, nodes, open.height + 1)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Problem> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(
                Problem::error(span, "this alias stands inside what it stands for")
                    .help("write the value out".to_owned()),
            );
        };
        let (nodes, height) = (anchored.nodes, anchored.height);
        check_levels(self.open.len() + height, span)?;
        self.count(nodes, span)?;
        if let Some(anchored) = self.anchors.get(&anchor) {
            // A fault in what an alias stands for is shown where it is written, at the anchor.
            let node = anchored.node.clone();
            self.place(node, 0, nodes, height)?;
        }
        Ok(())
    }

    /// Puts a finished value where it belongs: as key, value, item, or the whole document.
    fn place(
        &mut self,
        node: Node<'a>,
        anchor: usize,
        nodes: usize,
        height: usize,
    ) -> Result<(), Problem> {
        if anchor > 0 {
            let node = node.clone();
            let anchored = Anchored {
                node,
                nodes,
                height,
            };
            self.anchors.insert(anchor, anchored);
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.height = open.height.max(height);
        match &mut open.inside {
            Inside::List(items) => items.push(node),
            Inside::Map(map, pending) => match pending.take() {
                Some((key, key_span)) => map.entries.push(Entry {
                    key,
                    key_span,
                    node,
                }),
                None => match node.value {
                    Value::Scalar(scalar) => *pending = Some((scalar.text, node.span)),
                    Value::List(_) => {
                        return Err(Problem::error(node.span, "a list can't be a key"));
                    }
                    Value::Map(_) => {
                        return Err(Problem::error(node.span, "a mapping can't be a key")
                            .help("if `{{ }}` is from a template, fill it in first".to_owned()));
                    }
                },
            },
        }
        Ok(())
    }

    /// Reports duplicate keys, keeps the first of each, and follows merge keys.
    fn finish_map(&mut self, mut map: Map<'a>) -> Result<Map<'a>, Problem> {
        let mut keys: Vec<(&str, usize)> = Vec::with_capacity(map.entries.len());
        keys.extend(map.entries.iter().enumerate().map(|(i, e)| (&*e.key, i)));
        keys.sort_unstable();
        let duplicates: HashSet<usize> = keys
            .chunk_by(|a, b| a.0 == b.0)
            .flat_map(|same| same.iter().skip(1).map(|(_, index)| *index))
            .collect();
        if !duplicates.is_empty() {
            self.drop_duplicates(&mut map, &duplicates);
        }
        match map.take("<<") {
            Some(merge) => merged(map, merge),
            None => Ok(map),
        }
    }

    fn drop_duplicates(&mut self, map: &mut Map<'a>, duplicates: &HashSet<usize>) {
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (index, entry) in map.entries.drain(..).enumerate() {
            let side = if duplicates.contains(&index) {
                &mut dropped
            } else {
                &mut kept
            };
            side.push(entry);
        }
        map.entries = kept;
        if dropped.iter().any(|entry| self.names_resource(&entry.key)) {
            self.ambiguous = true;
            if self.open.is_empty() {
                dropped.truncate(1);
            }
        }
        for entry in dropped.iter().take(MOST_PROBLEMS) {
            self.problems.push(duplicate_problem(map, entry));
        }
    }

    /// Whether this key of the mapping that was just closed says which resource the document declares.
    fn names_resource(&self, key: &str) -> bool {
        match self.open.as_slice() {
            [] => matches!(key, "apiVersion" | "kind" | "metadata"),
            [root] => {
                let in_metadata =
                    matches!(&root.inside, Inside::Map(_, Some((outer, _))) if outer == "metadata");
                in_metadata && key == "name"
            }
            _ => false,
        }
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MOST_NODES {
            return Err(Problem::error(
                span,
                format!("the document has more than {MOST_NODES} values, aliases written out"),
            )
            .help("use fewer aliases, or split it into several documents".to_owned()));
        }
        Ok(())
    }
}

fn check_levels(levels: usize, span: Span) -> Result<(), Problem> {
    if levels > MOST_LEVELS {
        let message = format!("the document is nested more than {MOST_LEVELS} levels deep");
        return Err(Problem::error(span, message));
    }
    Ok(())
}

/// The mapping with the keys that it doesn't have itself taken from what `<<` names.
fn merged<'a>(mut map: Map<'a>, merge: Entry<'a>) -> Result<Map<'a>, Problem> {
    let sources = match merge.node.value {
        Value::List(items) => items,
        value => vec![Node {
            value,
            ..merge.node
        }],
    };
    let mut known: HashSet<Cow<'a, str>> = map.entries.iter().map(|e| e.key.clone()).collect();
    for source in sources {
        let Value::Map(source) = source.value else {
            let message = "`<<` takes a mapping, or a list of them";
            return Err(Problem::error(merge.key_span, message));
        };
        let new = source
            .entries
            .into_iter()
            .filter(|entry| known.insert(entry.key.clone()));
        map.entries.extend(new);
    }
    Ok(map)
}

fn duplicate_problem(map: &Map<'_>, entry: &Entry<'_>) -> Problem {
    let key = quote(&entry.key);
    let problem = Problem::error(entry.key_span, format!("{key} is here twice"));
    let first = map.entries.iter().find(|known| known.key == entry.key);
    let line = first.map_or(0, |known| known.key_span.start.line);
    let above = entry.key_span.start.line.saturating_sub(line);
    if entry.key_span.start.column == 0 && matches!(&*entry.key, "apiVersion" | "kind") {
        return problem.help("if a new resource starts here, put `---` before it".to_owned());
    }
    problem.help(match above {
        0 => "keep one of them".to_owned(),
        1 => "keep one of them; the first is on the line above".to_owned(),
        _ => format!("keep one of them; the first is {above} lines above"),
    })
}

fn convert(span: saphyr_parser::Span) -> Span {
    Span {
        start: position(span.start),
        end: position(span.end),
    }
}

pub(super) fn position(marker: saphyr_parser::Marker) -> Position {
    Position {
        line: u32::try_from(marker.line().saturating_sub(1)).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col()).unwrap_or(u32::MAX),
    }
}
