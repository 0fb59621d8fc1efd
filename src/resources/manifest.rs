//! Writes a job as the YAML that declares it, for jobs that are taken over.

use serde::Serialize;
use serde_yaml::{Mapping, Value as Yaml};

use super::identity::ResourceId;
use super::jet_job::JetJobSpec;
use super::schema::API_VERSION;

/// The document that declares this job. Fields that say what holds anyway are left out.
pub fn to_yaml(resource: &ResourceId, spec: &JetJobSpec) -> Result<String, serde_yaml::Error> {
    let mut spec = serde_yaml::to_value(spec)?;
    let bare: JetJobSpec = serde_yaml::from_str("hazelcastResourceName: ''")?;
    drop_defaults(&mut spec, &serde_yaml::to_value(bare)?);
    let metadata = mapping([("name", resource.name.as_str().into())]);
    let document = mapping([
        ("apiVersion", API_VERSION.into()),
        ("kind", resource.kind.as_str().into()),
        ("metadata", metadata.into()),
        ("spec", spec),
    ]);
    write(&document)
}

/// Writes a value as YAML that reads back as it is. The writer takes separators that are no line breaks
/// in YAML 1.2 for such and indents what follows them; texts with one are written with escapes.
pub fn write(value: &impl Serialize) -> Result<String, serde_yaml::Error> {
    let plain = serde_yaml::to_string(value)?;
    if !plain.contains(SEPARATORS) {
        return Ok(plain);
    }
    let mut stand_in = "separated".to_owned();
    while plain.contains(&stand_in) {
        stand_in.push_str("-text");
    }
    let mut value = serde_yaml::to_value(value)?;
    let mut texts = Vec::new();
    take_out(&mut value, &stand_in, &mut texts);
    let mut written = serde_yaml::to_string(&value)?;
    for (index, text) in texts.iter().enumerate() {
        written = written.replacen(&format!("{stand_in}-{index}."), &escaped(text), 1);
    }
    Ok(written)
}

const SEPARATORS: [char; 3] = ['\u{2028}', '\u{2029}', '\u{feff}'];

/// Puts something in the place of each text with a separator.
fn take_out(value: &mut Yaml, stand_in: &str, texts: &mut Vec<String>) {
    match value {
        Yaml::String(text) if text.contains(SEPARATORS) => {
            let index = texts.len();
            texts.push(std::mem::replace(text, format!("{stand_in}-{index}.")));
        }
        Yaml::Sequence(items) => {
            for item in items {
                take_out(item, stand_in, texts);
            }
        }
        Yaml::Mapping(fields) => {
            for (_, value) in fields.iter_mut() {
                take_out(value, stand_in, texts);
            }
        }
        _ => {}
    }
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let escape = |quoted: String, separator: &char| {
        quoted.replace(*separator, &format!("\\u{:04x}", u32::from(*separator)))
    };
    SEPARATORS.iter().fold(quoted, escape)
}

fn mapping<const N: usize>(fields: [(&str, Yaml); N]) -> Mapping {
    fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

/// Drops what equals its default, within mappings too.
fn drop_defaults(value: &mut Yaml, default: &Yaml) {
    let (Some(fields), Some(defaults)) = (value.as_mapping_mut(), default.as_mapping()) else {
        return;
    };
    fields.retain(|name, value| {
        let default = defaults.get(name);
        if let Some(default) = default {
            drop_defaults(value, default);
        }
        let is_empty = value.as_mapping().is_some_and(Mapping::is_empty);
        default != Some(value) && !is_empty
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_only_what_differs_from_the_defaults() {
        let spec: JetJobSpec = serde_yaml::from_str(
            "{hazelcastResourceName: hazelcast, jarName: orders.jar, state: Suspended, \
             restartNonce: 7, parameters: ['yes', '10'], \
             upgradePolicy: {mode: Stateful, timeout: PT90S}}",
        )
        .unwrap();
        insta::assert_snapshot!(to_yaml(&ResourceId::jet_job("orders"), &spec).unwrap(), @r"
        apiVersion: hazelcast.com/v1alpha1
        kind: JetJob
        metadata:
          name: orders
        spec:
          hazelcastResourceName: hazelcast
          state: Suspended
          jarName: orders.jar
          parameters:
          - yes
          - '10'
          restartNonce: '7'
          upgradePolicy:
            timeout: 1m 30s
        ");
    }
}
