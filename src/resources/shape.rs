//! Explains why a spec doesn't have the shape of its type: every unknown field, wrong type, wrong
//! choice and missing field at once, where serde stops at the first.
//!
//! What is wrong is taken out of the tree on the way, so that the rest can still be read and judged.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde_json::{Map as JsonMap, Value as Json};

use super::suggest;
use super::tree::{Entry, MOST_PROBLEMS, Map, Meaning, Node, Problem, Scalar, Span, Value, quote};

/// Checks a value against its schema. `owner` is where its key stands.
pub(super) fn check(node: &mut Node<'_>, schema: &Json, path: &str, owner: Span) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_node(node, schema, path, owner, &mut problems);
    problems
}

/// Whether the value is right, as far as it goes; parts that are wrong are gone from it.
fn check_node(
    node: &mut Node<'_>,
    schema: &Json,
    path: &str,
    owner: Span,
    problems: &mut Vec<Problem>,
) -> bool {
    let schema = without_null(schema);
    if let Some(choices) = choices(schema) {
        return check_choice(node, &choices, path, problems);
    }
    if schema.get("type").is_none() {
        return true;
    }
    match &mut node.value {
        Value::Map(map) if has_type(schema, "object") => {
            check_map(map, schema, path, owner, problems)
        }
        Value::List(items) if has_type(schema, "array") => {
            if let Some(item_schema) = schema.get("items") {
                let mut index = 0;
                items.retain_mut(|item| {
                    let path = format!("{path}[{index}]");
                    index += 1;
                    check_node(item, item_schema, &path, item.span, problems)
                });
            }
            true
        }
        Value::Scalar(scalar) if fits(scalar, schema) => true,
        Value::Map(_) | Value::List(_) | Value::Scalar(_) => {
            problems.push(type_problem(node, schema, path));
            false
        }
    }
}

/// Whether everything is there that must be.
fn check_map(
    map: &mut Map<'_>,
    schema: &Json,
    path: &str,
    owner: Span,
    problems: &mut Vec<Problem>,
) -> bool {
    let no_fields = JsonMap::new();
    let fields = schema.get("properties").and_then(Json::as_object);
    let fields = fields.unwrap_or(&no_fields);
    // A mapping whose keys are names that users choose.
    let any = schema
        .get("additionalProperties")
        .filter(|any| any.is_object());
    // Asked first: what is wrong and taken out isn't missing.
    let mut missing = missing_fields(map, schema, path, owner);
    map.entries.retain_mut(|entry| {
        if problems.len() >= MOST_PROBLEMS {
            return false;
        }
        let key = &*entry.key;
        let Some(field) = fields.get(key).or(any) else {
            let meant = suggest::nearest(key, fields.keys().map(String::as_str));
            missing.retain(|(name, _)| Some(*name) != meant);
            problems.push(unknown_field(entry, fields, path));
            return false;
        };
        let path = format!("{path}.{key}");
        entry.node.is_null() || check_node(&mut entry.node, field, &path, entry.key_span, problems)
    });
    problems.extend(missing.into_iter().map(|(_, problem)| problem));
    required(schema).all(|name| map.get(name).is_some())
}

/// Puts some text where required text is missing, so that the rest of the value can be judged.
pub(super) fn stand_in(node: &mut Node<'_>, schema: &'static Json) {
    let span = node.span;
    let Some(map) = node.as_map_mut() else {
        return;
    };
    for name in required(schema)
        .filter(|name| map.get(name).is_none())
        .collect::<Vec<_>>()
    {
        let text = Scalar {
            text: Cow::Borrowed("-"),
            meaning: Meaning::Text,
        };
        map.take(name);
        map.entries.push(Entry {
            key: name.into(),
            key_span: span,
            node: Node {
                span,
                value: Value::Scalar(text),
            },
        });
    }
}

fn required(schema: &Json) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Json::as_array);
    names.into_iter().flatten().filter_map(Json::as_str)
}

/// The required fields that aren't there, and what to say of each.
fn missing_fields<'s>(
    map: &Map<'_>,
    schema: &'s Json,
    path: &str,
    owner: Span,
) -> Vec<(&'s str, Problem)> {
    required(schema)
        .filter(|name| map.get(name).is_none())
        .map(|name| {
            let written = map.entries.iter().find(|entry| entry.key == name);
            let problem = match written {
                Some(entry) => {
                    Problem::error(entry.key_span, format!("`{path}.{name}` has no value"))
                }
                None => Problem::error(owner, format!("`{path}.{name}` is missing")),
            };
            let field = schema.get("properties").and_then(|fields| fields.get(name));
            let description = field.and_then(|field| field.get("description"));
            (
                name,
                problem.help(description.and_then(Json::as_str).map(what_it_is)),
            )
        })
        .collect()
}

/// What a field is, from the comment on its Rust field.
fn what_it_is(description: &str) -> String {
    let text = description.replace('\n', " ");
    let sentence = text
        .split(". ")
        .next()
        .unwrap_or(&text)
        .trim_end_matches('.');
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    format!(
        "it is {}",
        first.into_iter().chain(characters).collect::<String>()
    )
}

fn unknown_field(entry: &Entry<'_>, fields: &JsonMap<String, Json>, path: &str) -> Problem {
    let key = &*entry.key;
    let message = format!("unknown field {} in `{path}`", quote(key));
    let problem = Problem::error(entry.key_span, message);
    let elsewhere = fields.iter().find(|(_, field)| {
        let inner = without_null(field).get("properties");
        inner.is_some_and(|inner| inner.get(key).is_some())
    });
    match elsewhere {
        Some((name, _)) if suggest::nearest(key, fields.keys().map(String::as_str)).is_none() => {
            problem.help(format!("it belongs in `{path}.{name}`"))
        }
        _ => problem.help(suggest::help(key, fields.keys().map(String::as_str))),
    }
}

fn check_choice(
    node: &Node<'_>,
    choices: &[&str],
    path: &str,
    problems: &mut Vec<Problem>,
) -> bool {
    let written = match &node.value {
        Value::Scalar(scalar) => &*scalar.text,
        Value::List(_) | Value::Map(_) => {
            let message = format!("`{path}` must be a word, not {}", node.describe());
            problems.push(
                Problem::error(node.span, message).help(format!("write {}", one_of(choices))),
            );
            return false;
        }
    };
    if choices.contains(&written) {
        return true;
    }
    let help = match suggest::nearest(written, choices.iter().copied()) {
        Some(choice) => format!("did you mean `{choice}`? It is {}", one_of(choices)),
        None => format!("write {}", one_of(choices)),
    };
    let message = format!("`{path}` can't be {}", quote(written));
    problems.push(Problem::error(node.span, message).help(help));
    false
}

fn one_of(choices: &[&str]) -> String {
    format!("one of {}", suggest::list(choices).replace(" and ", " or "))
}

/// Whether a scalar can be read as what the schema says.
fn fits(scalar: &Scalar<'_>, schema: &Json) -> bool {
    match scalar.meaning {
        Meaning::Null => false,
        Meaning::Bool(_) => has_type(schema, "boolean"),
        Meaning::Integer(value) => {
            has_type(schema, "integer") && {
                let (least, most) = bounds(schema);
                (least..=most).contains(&value)
            }
        }
        Meaning::Float(_) => has_type(schema, "number"),
        Meaning::Text => {
            has_type(schema, "string")
                && (!is_duration(schema) || scalar.text.parse::<SignedDuration>().is_ok())
        }
    }
}

fn type_problem(node: &Node<'_>, schema: &Json, path: &str) -> Problem {
    let wanted = if is_duration(schema) {
        "a duration".to_owned()
    } else if has_type(schema, "string") {
        "text".to_owned()
    } else if has_type(schema, "integer") {
        match (bounds(schema), &node.value) {
            ((least, most), Value::Scalar(scalar)) if is_number(scalar) && most < i64::MAX => {
                format!("a whole number from {least} to {most}")
            }
            _ => "a whole number".to_owned(),
        }
    } else if has_type(schema, "boolean") {
        "`true` or `false`".to_owned()
    } else if has_type(schema, "array") {
        "a list".to_owned()
    } else {
        "a mapping".to_owned()
    };
    let message = format!("`{path}` must be {wanted}, not {}", node.describe());
    Problem::error(node.span, message).help(type_help(node, schema))
}

fn type_help(node: &Node<'_>, schema: &Json) -> Option<String> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    let text: Cow<'_, str> = quote(&scalar.text).trim_matches('`').to_owned().into();
    if is_duration(schema) {
        return Some(match scalar.meaning {
            Meaning::Integer(_) => format!("write a unit: `{text}ms`, `{text}s` or `{text}m`"),
            _ => "write hours, minutes, seconds or ms: `24h`, `5m`, `1m30s`, `500ms`".to_owned(),
        });
    }
    if is_time(schema) && matches!(scalar.meaning, Meaning::Integer(_)) {
        return Some(format!("write a unit: `{text}s`, `{text}m` or `{text}h`"));
    }
    if has_type(schema, "string") {
        return Some(format!("put it in quotes: `\"{text}\"`"));
    }
    if has_type(schema, "array") {
        return Some(format!("write a list: `[{text}]`"));
    }
    if has_type(schema, "object") {
        let fields = schema.get("properties").and_then(Json::as_object)?;
        let names: Vec<&String> = fields.keys().collect();
        return (names.len() < 12).then(|| format!("its fields are {}", suggest::list(&names)));
    }
    if has_type(schema, "boolean") {
        return match &*scalar.text.to_lowercase() {
            "yes" | "on" | "y" => Some("write `true`".to_owned()),
            "no" | "off" | "n" => Some("write `false`".to_owned()),
            "true" | "false" => Some("leave the quotes out".to_owned()),
            _ => None,
        };
    }
    let quoted_number = has_type(schema, "integer") && scalar.text.parse::<i64>().is_ok();
    (quoted_number && scalar.meaning == Meaning::Text).then(|| "leave the quotes out".to_owned())
}

fn is_number(scalar: &Scalar<'_>) -> bool {
    matches!(scalar.meaning, Meaning::Integer(_) | Meaning::Float(_))
}

/// The schema for a value that is there: `null` stands for absent everywhere.
fn without_null(schema: &Json) -> &Json {
    let options = schema.get("anyOf").and_then(Json::as_array);
    let option =
        options.and_then(|options| options.iter().find(|option| !has_type(option, "null")));
    option.unwrap_or(schema)
}

/// The words that are allowed, where only some are.
fn choices(schema: &Json) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return Some(words.iter().filter_map(Json::as_str).collect());
    }
    let options = schema.get("oneOf").and_then(Json::as_array)?;
    options
        .iter()
        .map(|option| option.get("const").and_then(Json::as_str))
        .collect()
}

fn has_type(schema: &Json, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

fn is_duration(schema: &Json) -> bool {
    schema
        .get("format")
        .is_some_and(|format| format == "duration")
}

/// Whether it is a text that is read as a time later.
fn is_time(schema: &Json) -> bool {
    schema.get("x-time").is_some_and(|time| *time == true)
}

fn bounds(schema: &Json) -> (i64, i64) {
    let bound = |name| schema.get(name).and_then(Json::as_i64);
    let largest = match schema.get("format").and_then(Json::as_str) {
        Some("uint32") => i64::from(u32::MAX),
        _ => i64::MAX,
    };
    (
        bound("minimum").unwrap_or(i64::MIN),
        bound("maximum").unwrap_or(largest),
    )
}
