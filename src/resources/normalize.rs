//! Writes one wish in one way, so that other words for it are no change.

use super::jet_job::JetJobSpec;

/// Takes out what means the same as its absence.
///
/// The operator takes empty text for absent, and the resource's name for the job's.
pub(super) fn drop_empty(spec: &mut JetJobSpec, resource_name: &str) {
    for field in [
        &mut spec.name,
        &mut spec.main_class,
        &mut spec.jar_name,
        &mut spec.initial_snapshot_resource_name,
        &mut spec.initial_snapshot_name,
        &mut spec.jar_on_member,
        &mut spec.jar_sha256,
        &mut spec.remote_secret_name,
    ] {
        field.take_if(|text| text.is_empty());
    }
    spec.remote_url.take_if(|url| url.expose().is_empty());
    spec.name.take_if(|name| name == resource_name);
    if let Some(config) = &mut spec.bucket_config {
        config.secret_name.take_if(|secret| secret.is_empty());
    }
}

/// Orders what has no order, and writes digests in lower case.
pub(super) fn order(spec: &mut JetJobSpec) {
    if let Some(digest) = &mut spec.jar_sha256 {
        digest.make_ascii_lowercase();
    }
    spec.secret_parameters
        .sort_by_key(|parameter| parameter.index);
}
