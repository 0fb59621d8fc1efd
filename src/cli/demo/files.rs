//! The files of the demo: copies of samples, and what configures the daemon and the member.

use std::fs;
use std::path::Path;

use super::super::error::{CliError, Result};
use super::repository::Repository;

pub(super) fn missing(what: &Path) -> CliError {
    CliError::failed(format!("{} is not there", what.display()))
        .hint("`make demo` fetches Hazelcast and builds the sample jars")
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map_err(|error| unreadable(from, error))?;
    Ok(())
}

pub(super) fn unreadable(what: &Path, error: std::io::Error) -> CliError {
    if error.kind() == std::io::ErrorKind::NotFound {
        return missing(what);
    }
    CliError::failed(error)
}

/// Renames a file with this content to where it belongs.
pub(super) fn write(path: &Path, content: &str) -> Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, content)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(CliError::failed)
}

/// Changes a file that was made of a sample.
pub(super) fn edit(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path).map_err(CliError::failed)?;
    if !text.contains(from) {
        let lacks = format!("the sample of {} lacks `{from}`", path.display());
        return Err(CliError::failed(lacks));
    }
    write(path, &text.replace(from, to))
}

/// JSON's strings are YAML's: whatever a path has in it.
pub(super) fn configuration(directory: &Path, repository: &Repository) -> String {
    let [directory, url, signers] = [directory, &repository.tree(), &repository.signers()]
        .map(|path| serde_json::Value::from(path.display().to_string()));
    format!(
        "sources:\n  - name: local\n    directory: {{path: {directory}}}\n  - name: git\n    git:\n      \
         url: {url}\n      verify: {{mode: Commits, allowedSigners: {signers}}}\nowner: demo\n"
    )
}

pub(super) fn cluster_document(port: u16) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata:\n  name: hazelcast\nspec:\n  \
         clusterName: demo\n  addresses: [\"127.0.0.1:{port}\"]\n"
    )
}

pub(super) fn member_configuration(port: u16) -> String {
    format!(
        "hazelcast:\n  cluster-name: demo\n  network:\n    port: {{auto-increment: false, port: {port}}}\n    \
         interfaces: {{enabled: true, interfaces: [127.0.0.1]}}\n    join:\n      multicast: {{enabled: \
         false}}\n      tcp-ip: {{enabled: true, member-list: [127.0.0.1]}}\n  jet: {{enabled: true, \
         resource-upload-enabled: true}}\n"
    )
}
