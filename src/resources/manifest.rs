//! Writes a job as the YAML that declares it, for jobs that are taken over.

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
    serde_yaml::to_string(&mapping([
        ("apiVersion", API_VERSION.into()),
        ("kind", resource.kind.as_str().into()),
        ("metadata", metadata.into()),
        ("spec", spec),
    ]))
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
