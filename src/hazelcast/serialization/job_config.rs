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
        if let Object::String(id) = fields.object("resource id")? {
            ids.push(id);
        }
        fields.object("resource")?;
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
