//! The JSON Schema of our documents, made from the Rust types.
//!
//! Editors get it from `jetkeeper schema`. The loader explains faults with the same one, so that both
//! know the same fields.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::hazelcast::HazelcastSpec;
use super::identity::Kind;
use super::jet_job::JetJobSpec;
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::operator;

/// The only `apiVersion`.
pub const API_VERSION: &str = "hazelcast.com/v1alpha1";

/// The kinds that can be declared.
pub(super) const KINDS: [Kind; 3] = [Kind::Hazelcast, Kind::JetJob, Kind::JetJobSnapshot];

/// What a written duration looks like. The loader is a little more liberal (`5 minutes`).
const DURATION_PATTERN: &str = "^(P[0-9A-Za-z.]+|[0-9.]+ ?[a-z]+([ ,]*[0-9.]+ ?[a-z]+)*)$";

/// The JSON Schema (draft 2020-12) of a document of any kind.
pub fn schema() -> Json {
    let documents: Vec<Json> = KINDS.into_iter().map(document_schema).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jetkeeper resource",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "oneOf": documents,
    })
}

/// The schema of `spec`: what the Rust types say, and the fields that are the operator's alone. Durations
/// have `format: duration`.
pub(super) fn spec_schema(kind: Kind) -> &'static Json {
    static HAZELCAST: LazyLock<Json> =
        LazyLock::new(|| with_operator_fields(schema_of::<HazelcastSpec>(), Kind::Hazelcast));
    static JET_JOB: LazyLock<Json> =
        LazyLock::new(|| with_operator_fields(schema_of::<JetJobSpec>(), Kind::JetJob));
    static JET_JOB_SNAPSHOT: LazyLock<Json> = LazyLock::new(|| {
        with_operator_fields(schema_of::<JetJobSnapshotSpec>(), Kind::JetJobSnapshot)
    });
    match kind {
        Kind::Hazelcast => &HAZELCAST,
        Kind::JetJob => &JET_JOB,
        Kind::JetJobSnapshot => &JET_JOB_SNAPSHOT,
    }
}

/// The schema of a type, as `shape` explains faults with.
pub fn schema_of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn with_operator_fields(mut schema: Json, kind: Kind) -> Json {
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        add_operator_fields(kind, properties);
    }
    schema
}

fn document_schema(kind: Kind) -> Json {
    let mut spec = spec_schema(kind).clone();
    for_editors(&mut spec);
    let required: &[&str] = match kind {
        Kind::Hazelcast => &["apiVersion", "kind", "metadata"],
        Kind::JetJob | Kind::JetJobSnapshot => &["apiVersion", "kind", "metadata", "spec"],
    };
    json!({
        "title": kind.as_str(),
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind.as_str()},
            "metadata": metadata_schema(),
            "spec": spec,
            "status": {"description": "Written by the Kubernetes operator; ignored here."},
        },
    })
}

fn metadata_schema() -> Json {
    let switch = |first: &str, second: &str| json!({"enum": [first, second]});
    let mut properties = json!({
        "name": {
            "description": "The resource's name, unique among the resources of its kind.",
            "type": "string",
            "maxLength": 253,
            "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        },
        "namespace": {
            "description": "Accepted for the operator's sake; all documents must name the same.",
            "type": "string",
        },
        "annotations": {
            "type": "object",
            "properties": {
                "jetkeeper.io/reconcile": switch("disabled", "enabled"),
                "jetkeeper.io/adopt": switch("true", "false"),
                "jetkeeper.io/prune": switch("disabled", "enabled"),
            },
        },
    });
    if let Some(properties) = properties.as_object_mut() {
        for field in operator::METADATA_FIELDS {
            properties.entry(*field).or_insert_with(|| json!({}));
        }
    }
    json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn add_operator_fields(kind: Kind, properties: &mut Map<String, Json>) {
    for field in operator::spec_fields(kind) {
        let note = json!({"description": "For the Kubernetes operator; ignored here."});
        properties.insert((*field).to_owned(), note);
    }
    for renamed in operator::renamed_fields(kind) {
        let holder = match renamed.within {
            None => Some(&mut *properties),
            Some(field) => properties.get_mut(field).and_then(properties_mut),
        };
        if let Some(holder) = holder
            && let Some(mut field) = holder.get(renamed.new).cloned()
        {
            field["deprecated"] = json!(true);
            holder.insert(renamed.old.to_owned(), field);
        }
    }
}

/// The properties of an object's schema, of an optional one too.
fn properties_mut(schema: &mut Json) -> Option<&mut Map<String, Json>> {
    if schema.get("anyOf").is_some() {
        let options = schema.get_mut("anyOf")?.as_array_mut()?;
        return options
            .iter_mut()
            .find_map(|option| option.get_mut("properties")?.as_object_mut());
    }
    schema.get_mut("properties")?.as_object_mut()
}

/// Puts descriptions on one line and says durations the way people write them.
fn for_editors(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            if let Some(Json::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if object
                .get("format")
                .is_some_and(|format| format == "duration")
            {
                object.remove("format");
                object.insert("pattern".to_owned(), json!(DURATION_PATTERN));
                object.insert("examples".to_owned(), json!(["30s", "5m", "1h30m", "24h"]));
            }
            object.values_mut().for_each(for_editors);
        }
        Json::Array(items) => items.iter_mut().for_each(for_editors),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
