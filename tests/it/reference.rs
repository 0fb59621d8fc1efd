//! `docs/reference.md` is what `jetkeeper schema` says, for people. `make reference` writes it anew.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use crate::support::program::Program;

const PAGE: &str = "docs/reference.md";

const HEAD: &str = "\
# YAML reference

Every field of the documents, made from the schema that `jetkeeper schema` prints and `jetkeeper validate` checks with; `make reference`
writes this page anew. What happens when is in [jobs.md](jobs.md) and [snapshots.md](snapshots.md).

All documents have `apiVersion: hazelcast.com/v1alpha1`, `kind`, `metadata.name` (letters in lower case, digits, `-` and `.`) and `spec`.
`metadata.namespace` may be there and must be the same everywhere; other metadata of Kubernetes is ignored. Annotations that matter:
`jetkeeper.io/reconcile: disabled`, `jetkeeper.io/adopt: \"true\"`, `jetkeeper.io/prune: disabled`. Durations are written `30s`, `5m`, `1h30m`.
";

const IGNORED: &str = "For the Kubernetes operator; ignored here.";

#[test]
fn the_reference_of_the_yaml_is_that_of_the_schema() {
    let schema = Program::run(["schema"]).code(0).stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut page = HEAD.to_owned();
    for document in schema["oneOf"].as_array().unwrap() {
        kind(document, &mut page);
    }
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let there = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        there == page,
        "{PAGE} is not that of the schema: run `make reference`"
    );
}

fn kind(document: &Value, page: &mut String) {
    let name = document["properties"]["kind"]["const"].as_str().unwrap();
    let spec = &document["properties"]["spec"];
    writeln!(page, "\n## {name}\n").unwrap();
    writeln!(page, "| field of `spec` | type | default | meaning |").unwrap();
    writeln!(page, "| --- | --- | --- | --- |").unwrap();
    let mut ignored = Vec::new();
    fields(spec, "", page, &mut ignored);
    if !ignored.is_empty() {
        let names: Vec<String> = ignored.iter().map(|name| format!("`{name}`")).collect();
        writeln!(
            page,
            "\nOf the operator alone, named in a warning and ignored: {}.",
            names.join(" ")
        )
        .unwrap();
    }
}

/// The fields of an object, those that must be there first.
fn fields(object: &Value, below: &str, page: &mut String, ignored: &mut Vec<String>) {
    let required: Vec<&str> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut properties: Vec<(&String, &Value)> = object["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    properties.sort_by_key(|(name, _)| (!required.contains(&name.as_str()), name.as_str()));
    for (name, field) in properties {
        let path = format!("{below}{name}");
        if field["description"] == IGNORED {
            ignored.push(path);
            continue;
        }
        let default = match field.get("default") {
            _ if required.contains(&name.as_str()) => "**required**".to_owned(),
            Some(Value::Null) | None => "–".to_owned(),
            // Its own fields say theirs.
            Some(Value::Object(_)) => String::new(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(other) => format!("`{other}`"),
        };
        let (kind, meaning) = (type_of(field), meaning(field));
        writeln!(page, "| `{path}` | {kind} | {default} | {meaning} |").unwrap();
        let (inner, suffix) = match structure(field) {
            field if field["items"]["properties"].is_object() => (&field["items"], "[]."),
            field => (field, "."),
        };
        fields(inner, &format!("{path}{suffix}"), page, ignored);
    }
}

/// Of what may be absent, that which may be there.
fn structure(field: &Value) -> &Value {
    let options = field["anyOf"].as_array().into_iter().flatten();
    let mut options = options.filter(|option| option["type"] != "null");
    options.next().unwrap_or(field)
}

fn type_of(field: &Value) -> String {
    let field = structure(field);
    if field["oneOf"].is_array() || field["enum"].is_array() {
        return "one of".to_owned();
    }
    let named = match &field["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words = named
        .into_iter()
        .filter(|name| *name != "null")
        .map(|name| match name {
            "string" if field["examples"].is_array() => "duration".to_owned(),
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "`true`, `false`".to_owned(),
            "array" => format!("list of {}", type_of(&field["items"])),
            other => other.to_owned(),
        });
    words.collect::<Vec<_>>().join(" or ")
}

fn meaning(field: &Value) -> String {
    let field_itself = structure(field);
    let mut text = field["description"]
        .as_str()
        .or_else(|| field_itself["description"].as_str())
        .unwrap_or_default()
        .to_owned();
    let choices = field_itself["oneOf"].as_array().into_iter().flatten();
    for choice in choices {
        let (Some(value), Some(meaning)) =
            (choice["const"].as_str(), choice["description"].as_str())
        else {
            continue;
        };
        write!(text, " `{value}`: {}", first_small(meaning)).unwrap();
    }
    if field["deprecated"] == true {
        text.push_str(" (An old name, taken with a warning.)");
    }
    text.replace('|', "\\|").trim().to_owned()
}

/// Names in code stay as they are.
fn first_small(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
