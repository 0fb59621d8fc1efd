//! What holds for every input of the loader.

use std::collections::BTreeMap;
use std::sync::Arc;

use jetkeeper::resources::{
    JetJobSpec, LoadCache, LoadOptions, ResourceId, Revision, load, render, to_yaml,
};
use proptest::prelude::*;

use super::resources_fixture::{
    load_files, load_revision, load_text, report, revision, source_file,
};

fn job(name: &str) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {name}\nspec:\n  \
         hazelcastResourceName: hazelcast\n  jarOnMember: /opt/jobs.jar\n"
    )
}

/// Text made of what YAML and our manifests are made of, so that much of it nearly parses.
fn nearly_yaml() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        " ",
        "  ",
        "\n",
        "\n  ",
        "\r\n",
        ": ",
        ":",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "<<: *a",
        "!t ",
        "!!str ",
        "!!int ",
        "|\n",
        ">-\n",
        "\"",
        "'",
        "# ",
        "\t",
        "%YAML 1.2\n",
        "\\",
        "é",
        "\u{FEFF}",
        "\0",
        "~",
        "1",
        "5m",
        "true",
        "apiVersion: hazelcast.com/v1alpha1\n",
        "kind: JetJob\n",
        "kind: Hazelcast\n",
        "kind: Secret\n",
        "metadata:\n  name: a\n",
        "metadata: {name: b}\n",
        "spec:\n",
        "  jarName: a.jar\n",
        "  state: Running\n",
        "  hazelcastResourceName: h\n",
        "  timeouts: {submit: 1s}\n",
        "  parameters: [a]\n",
        "  clusterSize: 3\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// One change of a source.
#[derive(Debug, Clone)]
enum Edit {
    Write(u8, String),
    Remove(u8),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let documents = prop::collection::vec(
        prop_oneof![
            (0..4u8).prop_map(|n| job(&format!("job-{n}"))),
            nearly_yaml()
        ],
        0..4,
    );
    let write = (0..4u8, documents)
        .prop_map(|(file, documents)| Edit::Write(file, documents.join("\n---\n")));
    prop::collection::vec(
        prop_oneof![4 => write, 1 => (0..4u8).prop_map(Edit::Remove)],
        1..8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let desired = load_files(&[("a.yaml", &bytes)]);
        for fault in &desired.faults {
            render(fault, true);
        }
    }

    #[test]
    fn no_text_panics_and_places_are_inside_the_file(text in nearly_yaml()) {
        let desired = load_text(&text);
        for fault in &desired.faults {
            render(fault, true);
            let lines = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').count();
            prop_assert!(fault.place.line as usize <= lines, "{}", render(fault, false));
        }
    }

    /// A document between two good ones can be anything: both stay.
    #[test]
    fn neighbours_are_kept(text in nearly_yaml()) {
        let joined = format!("{}---\n{text}\n---\n{}", job("first"), job("last"));
        let desired = load_text(&joined);
        prop_assert!(desired.jobs.contains_key("first"), "{}", report(&desired));
        prop_assert!(desired.jobs.contains_key("last"), "{}", report(&desired));
    }

    /// Whatever came before, a load with a cache finds what a load without finds.
    #[test]
    fn a_cache_changes_no_result(edits in edits()) {
        let mut cache = LoadCache::default();
        let mut files = BTreeMap::new();
        for edit in edits {
            match edit {
                Edit::Write(file, text) => {
                    files.insert(format!("{file}.yaml"), source_file(text.as_bytes()));
                }
                Edit::Remove(file) => {
                    files.remove(&format!("{file}.yaml"));
                }
            }
            let now = Revision { files: files.clone(), ..revision(&[]) };
            let with_cache = load(&[Arc::new(now.clone())], &LoadOptions::default(), &mut cache);
            prop_assert_eq!(
                format!("{with_cache:#?}"),
                format!("{:#?}", load_revision(now)),
            );
        }
    }

    /// What is exported means the same when it is loaded.
    #[test]
    fn exported_text_is_read_back(
        parameters in prop::collection::vec("\\PC{0,12}|yes|~|0x1F|1e3|- a|: b|#c", 0..4),
        name in "[ -~]{1,20}|\\PC{1,8}",
    ) {
        prop_assume!(name.trim() == name);
        let spec: JetJobSpec = serde_json::from_value(serde_json::json!({
            "hazelcastResourceName": "hazelcast",
            "jarOnMember": "/opt/jobs.jar",
            "name": name,
            "parameters": parameters,
        })).unwrap();
        let written = to_yaml(&ResourceId::jet_job("job"), &spec).unwrap();
        let desired = load_text(&written);
        prop_assert!(desired.jobs.contains_key("job"), "{}\n{}", written, report(&desired));
        prop_assert_eq!(&*desired.jobs["job"].spec, &spec);
    }
}
