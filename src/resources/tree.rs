//! A document as a tree in which every key and value knows where it stands.

use std::borrow::Cow;

use super::fault::Severity;

/// A place in a document; lines and columns count from 0, columns count characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A stretch of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Position,
    pub(super) end: Position,
}

/// The most problems that are told of one document.
pub(super) const MOST_PROBLEMS: usize = 100;

/// Something wrong with a document, before it is known which file the document is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) severity: Severity,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whether the lines around it may hold a secret and must not be shown.
    pub(super) hide_source: bool,
}

impl Problem {
    /// The document can't be used.
    pub(super) fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span,
            message: message.into(),
            help: None,
            hide_source: false,
        }
    }

    /// The document is used all the same.
    pub(super) fn warning(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message)
        }
    }

    /// Says what to write instead.
    pub(super) fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// Keeps the lines around it out of what is shown.
    pub(super) fn hide_source(mut self) -> Self {
        self.hide_source = true;
        self
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) value: Value<'a>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Scalar(Scalar<'a>),
    List(Vec<Node<'a>>),
    Map(Map<'a>),
}

/// A scalar as it is written and what YAML 1.2 takes it for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) meaning: Meaning,
}

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text,
}

/// A mapping; its keys are distinct.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Map<'a> {
    pub(super) entries: Vec<Entry<'a>>,
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) key_span: Span,
    pub(super) node: Node<'a>,
}

impl<'a> Map<'a> {
    /// The entry of this key; none where its value is null, which is as good as absent.
    pub(super) fn get(&self, key: &str) -> Option<&Entry<'a>> {
        let found = self.entries.iter().find(|entry| entry.key == key);
        found.filter(|entry| !entry.node.is_null())
    }

    /// The value of this key.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node<'a>> {
        let found = self.entries.iter_mut().find(|entry| entry.key == key);
        found.map(|entry| &mut entry.node)
    }

    /// Takes the entry of this key out.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry<'a>> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }
}

impl<'a> Node<'a> {
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.meaning == Meaning::Null)
    }

    pub(super) fn as_map(&self) -> Option<&Map<'a>> {
        match &self.value {
            Value::Map(map) => Some(map),
            Value::List(_) | Value::Scalar(_) => None,
        }
    }

    pub(super) fn as_map_mut(&mut self) -> Option<&mut Map<'a>> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            Value::List(_) | Value::Scalar(_) => None,
        }
    }

    /// The text, where it is text and not a number or the like.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if scalar.meaning == Meaning::Text => Some(&scalar.text),
            _ => None,
        }
    }

    /// Where `spec.parameters[3]`, given as `["parameters", "3"]`, stands: the value of the deepest
    /// part of the path that is there.
    pub(super) fn find(&self, path: &[&str]) -> Option<Span> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self.span);
        };
        let child = match &self.value {
            Value::Map(map) => &map.get(first)?.node,
            Value::List(items) => items.get(first.parse::<usize>().ok()?)?,
            Value::Scalar(_) => return None,
        };
        child.find(rest)
    }

    /// What it is, in words, for "must be text, not …".
    pub(super) fn describe(&self) -> String {
        let (what, text) = match &self.value {
            Value::Map(_) => return "a mapping".to_owned(),
            Value::List(_) => return "a list".to_owned(),
            Value::Scalar(Scalar { meaning, text }) => match meaning {
                Meaning::Null => return "nothing".to_owned(),
                Meaning::Bool(_) => ("", text),
                Meaning::Integer(_) | Meaning::Float(_) => ("the number ", text),
                Meaning::Text => ("the text ", text),
            },
        };
        format!("{what}{}", quote(text))
    }
}

/// Somebody else's text for a message: in backquotes, on one line, without control characters, short.
pub(super) fn quote(text: &str) -> String {
    const MOST: usize = 60;
    let mut quoted = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == MOST {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}
