//! Revisions made of text, for the tests of the loader.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jetkeeper::resources::{
    Desired, Digest, JarFile, LoadCache, LoadOptions, Revision, SourceFile, SourceName, load,
    render,
};

/// A revision of the source `jobs` with these files.
pub(crate) fn revision(files: &[(&str, &[u8])]) -> Revision {
    Revision {
        source: SourceName("jobs".to_owned()),
        id: "1".to_owned(),
        present: true,
        files: files
            .iter()
            .map(|(path, bytes)| ((*path).to_owned(), source_file(bytes)))
            .collect(),
        jars: BTreeMap::new(),
        unreadable: BTreeMap::new(),
        changed_at: None,
        trouble: None,
        lineage: None,
        proposal: None,
        refused: None,
    }
}

/// A file with this content.
pub(crate) fn source_file(bytes: &[u8]) -> SourceFile {
    SourceFile {
        bytes: Arc::from(bytes),
        digest: Digest::of(bytes),
    }
}

/// A jar of this path.
pub(crate) fn jar(path: &str) -> (String, JarFile) {
    let file = JarFile {
        location: PathBuf::from("/source").join(path),
        size: 1,
        stamp: "1".to_owned(),
    };
    (path.to_owned(), file)
}

/// The documents of one file, loaded without a configuration.
pub(crate) fn load_text(text: &str) -> Desired {
    load_files(&[("jobs.yaml", text.as_bytes())])
}

/// These files, loaded without a configuration.
pub(crate) fn load_files(files: &[(&str, &[u8])]) -> Desired {
    load_revision(revision(files))
}

/// A revision, loaded without a configuration.
pub(crate) fn load_revision(revision: Revision) -> Desired {
    load(
        &[Arc::new(revision)],
        &LoadOptions::default(),
        &mut LoadCache::default(),
    )
}

/// All faults as they are printed.
pub(crate) fn report(desired: &Desired) -> String {
    let faults: Vec<String> = desired
        .faults
        .iter()
        .map(|fault| render(fault, false))
        .collect();
    faults.join("\n\n")
}

/// A job with this below `spec`, after a valid cluster and a jar on the members.
pub(crate) fn job(spec: &str) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: orders\nspec:\n  \
         hazelcastResourceName: hazelcast\n{spec}"
    )
}

/// The faults of one file.
pub(crate) fn faults(text: &str) -> String {
    report(&load_text(text))
}
