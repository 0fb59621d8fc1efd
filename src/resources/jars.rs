//! Finds where a job's jar comes from.

use std::path::Path;

use super::jet_job::JetJobSpec;
use super::revision::{JarOrigin, Revision};

/// Whether a file of this path is a jar, by its name.
pub(super) fn is_jar(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "jar")
}

/// Where the jar of a job comes from, whose document is in the file of this path. None where the spec
/// names no jar at all, which the rules refuse.
pub(super) fn origin(spec: &JetJobSpec, path: &str, revision: &Revision) -> Option<JarOrigin> {
    if let Some(path) = &spec.jar_on_member {
        return Some(JarOrigin::Member { path: path.clone() });
    }
    if let Some(url) = &spec.remote_url {
        return Some(JarOrigin::Remote {
            url: url.clone(),
            secret_name: spec.remote_secret_name.clone(),
        });
    }
    let jar_name = spec.jar_name.as_ref()?;
    if let Some(bucket) = &spec.bucket_config {
        return Some(JarOrigin::Bucket {
            uri: bucket.bucket_uri.clone(),
            jar_name: jar_name.clone(),
            secret_name: bucket.secret_name.clone(),
        });
    }
    let beside = match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{jar_name}"),
        None => jar_name.clone(),
    };
    let shared = format!("jars/{jar_name}");
    let mut candidates = vec![beside];
    if !candidates.contains(&shared) {
        candidates.push(shared);
    }
    let found = candidates
        .iter()
        .find_map(|candidate| revision.jars.get(candidate))
        .cloned();
    Some(JarOrigin::Source { candidates, found })
}
