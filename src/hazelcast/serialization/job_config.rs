//! A job's configuration, as members serialise it.

use super::input::{Input, Object};
use super::{Data, JOB_CONFIG};
use crate::hazelcast::job_config::{JobConfig, JobConfigTail, ProcessingGuarantee};
use crate::hazelcast::message::DecodeError;

/// Argument that forbids suspending the job when it is false.
const SUSPENDABLE: &str = "__jet.jobIsSuspendable";

/// Reads a configuration. Objects of a class unknown here among the arguments hide only what comes
/// after the arguments, and not whether the job may be suspended.
pub fn decode_job_config(data: &Data) -> Result<JobConfig, DecodeError> {
    let mut fields = data.fields_of(JOB_CONFIG, "job config")?;
    let name = fields.string("job name")?;
    let guarantee = guarantee(fields.object("processing guarantee")?)?;
    let snapshot_interval_millis = fields.long("snapshot interval")?;
    let auto_scaling = fields.bool("auto scaling")?;
    let suspend_on_failure = fields.bool("suspend on failure")?;
    let split_brain_protection = fields.bool("split brain protection")?;
    let resource_ids = resource_ids(&mut fields)?;
    let after_resources = fields.rest();
    let (suspendable, tail) = match rest(&mut fields) {
        Ok((suspendable, tail)) => (suspendable, Some(tail)),
        Err(DecodeError::UnknownObject { .. }) => (find_suspendable(after_resources), None),
        Err(error) => return Err(error),
    };
    Ok(JobConfig {
        name,
        guarantee,
        snapshot_interval_millis,
        auto_scaling,
        suspend_on_failure,
        split_brain_protection,
        resource_ids,
        suspendable,
        tail,
    })
}

fn guarantee(object: Object) -> Result<ProcessingGuarantee, DecodeError> {
    match object {
        Object::Enum(name) => Ok(match name.as_str() {
            "NONE" => ProcessingGuarantee::None,
            "AT_LEAST_ONCE" => ProcessingGuarantee::AtLeastOnce,
            "EXACTLY_ONCE" => ProcessingGuarantee::ExactlyOnce,
            _ => ProcessingGuarantee::Other(name),
        }),
        _ => Err(DecodeError::BadValue {
            what: "processing guarantee",
            value: 0,
        }),
    }
}

fn resource_ids(fields: &mut Input<'_>) -> Result<Vec<String>, DecodeError> {
    let mut ids = Vec::new();
    for _ in 0..fields.int("number of resources")? {
        // Members of 5.4 write no key: the resource has its id all the same.
        let key = fields.object("resource id")?;
        match (key, fields.object("resource")?) {
            (Object::String(id), _) | (_, Object::Resource(id)) => ids.push(id),
            _ => {}
        }
    }
    Ok(ids)
}

/// What comes after the resources.
fn rest(fields: &mut Input<'_>) -> Result<(bool, JobConfigTail), DecodeError> {
    let mut suspendable = true;
    fields.object("serializers")?;
    fields.map("arguments", |key, value| {
        if key == Object::String(SUSPENDABLE.to_owned()) && value == Object::Bool(false) {
            suspendable = false;
        }
    })?;
    fields.object("custom class paths")?;
    fields.object("class loader factory")?;
    let tail = JobConfigTail {
        initial_snapshot_name: fields.string("initial snapshot")?,
        enable_metrics: fields.bool("metrics enabled")?,
        store_metrics: fields.bool("metrics stored")?,
        max_processor_accumulated_records: fields.long("accumulated records")?,
        timeout_millis: fields.long("timeout")?,
    };
    Ok((suspendable, tail))
}

/// Looks for the argument in bytes that cannot be read one after the other: the key and a `false`
/// right behind it.
fn find_suspendable(bytes: &[u8]) -> bool {
    const FALSE: [u8; 5] = [0xff, 0xff, 0xff, 0xfc, 0];
    let pattern = [SUSPENDABLE.as_bytes(), &FALSE].concat();
    !bytes.windows(pattern.len()).any(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::serialization::data::tests::data;

    const VECTORS: &str = include_str!("job_config_vectors.txt");
    const DEFAULT: &str = concat!(
        "00000000fffffffe01ffffd8ec00000000ffffffffffffff9caced00057e72002c636f6d2e68617a656c",
        "636173742e6a65742e636f6e6669672e50726f63657373696e6747756172616e74656500000000000000",
        "001200007872000e6a6176612e6c616e672e456e756d000000000000000012000078707400044e4f4e45",
        "000000000000271001000000000000ffffffe000000000ffffffe000000000ffffffe000000000000000",
        "00ffffffff0100ffffffffffffffff0000000000000000"
    );

    fn vector(name: &str) -> Data {
        let line = VECTORS
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        data(line.expect("the vector exists"))
    }

    #[test]
    fn a_default_config_is_read() {
        let config = decode_job_config(&data(DEFAULT)).unwrap();
        assert_eq!(
            config,
            JobConfig {
                name: None,
                guarantee: ProcessingGuarantee::None,
                snapshot_interval_millis: 10_000,
                auto_scaling: true,
                suspend_on_failure: false,
                split_brain_protection: false,
                resource_ids: Vec::new(),
                suspendable: true,
                tail: Some(JobConfigTail {
                    initial_snapshot_name: None,
                    enable_metrics: true,
                    store_metrics: false,
                    max_processor_accumulated_records: -1,
                    timeout_millis: 0,
                }),
            }
        );
    }

    #[test]
    fn a_jar_is_found_although_members_of_5_4_write_no_key() {
        let config = decode_job_config(&vector("keyless")).unwrap();
        assert_eq!(config.resource_ids, ["counter.jar"]);
        assert!(config.tail.is_some());
    }

    #[test]
    fn everything_behind_a_url_is_read() {
        let config = decode_job_config(&vector("full")).unwrap();
        assert_eq!(config.name.as_deref(), Some("j1"));
        assert_eq!(config.guarantee, ProcessingGuarantee::AtLeastOnce);
        assert!(config.suspend_on_failure && config.split_brain_protection);
        assert!(!config.suspendable);
        let mut ids = config.resource_ids;
        ids.sort();
        assert_eq!(ids, ["x.jar", "y.bin"]);
        let tail = config.tail.unwrap();
        assert_eq!(tail.initial_snapshot_name.as_deref(), Some("snap"));
        assert_eq!(
            (tail.max_processor_accumulated_records, tail.timeout_millis),
            (99, 77)
        );
        assert!(tail.store_metrics);
    }

    #[test]
    fn a_java_object_among_the_arguments_is_stepped_over() {
        let config = decode_job_config(&vector("java")).unwrap();
        assert!(config.suspendable);
        assert_eq!(
            config.tail.unwrap().initial_snapshot_name.as_deref(),
            Some("s2")
        );
    }

    #[test]
    fn an_unknown_argument_hides_only_what_follows_the_arguments() {
        let config = decode_job_config(&vector("bigdec")).unwrap();
        assert_eq!((config.name.as_deref(), config.tail), (Some("j4"), None));
        assert!(!config.suspendable);
    }

    #[test]
    fn cut_off_configs_are_errors_and_broken_ones_never_panic() {
        for name in ["full", "java"] {
            let whole = vector(name);
            let bytes = whole.as_slice();
            for end in 0..bytes.len() {
                let cut = Data::from(bytes::Bytes::copy_from_slice(&bytes[..end]));
                assert!(decode_job_config(&cut).is_err(), "{name} cut at {end}");
            }
            for at in 0..bytes.len() {
                for value in [0x00, 0x70, 0x71, 0x7f, 0xff] {
                    let mut broken = bytes.to_vec();
                    broken[at] = value;
                    drop(decode_job_config(&Data::from(bytes::Bytes::from(broken))));
                }
            }
        }
    }
}
