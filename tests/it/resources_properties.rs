//! What holds for every input of the loader.

use std::sync::Arc;

use jetkeeper::resources::{JetJobSpec, LoadCache, LoadOptions, ResourceId, load, render, to_yaml};
use proptest::prelude::*;

use super::resources_fixture::{jar, load_files, load_text, report, revision, source_file};

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
    ToggleJar,
}

/// Jobs that mostly differ in what no other document cares about, and anything else now and then.
fn document() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "jarOnMember: /a.jar",
        "jarOnMember: /b.jar",
        "jarName: a.jar",
        "jarName: b.jar",
        "jarName: a.jar\n  name: job-1",
        "jarName: a.jar\n  mainClas: A",
        "{}",
    ]);
    let namespace =
        prop::sample::select(vec!["", "", "", "", "  namespace: a\n", "  namespace: b\n"]);
    let comment = prop::sample::select(vec!["", "", "# a line more\n"]);
    let job =
        (0..4u8, field, namespace, comment).prop_map(|(number, field, namespace, comment)| {
            let job = job(&format!("job-{number}"));
            let job = job.replace("jarOnMember: /opt/jobs.jar", field);
            comment.to_owned() + &job.replace("spec:\n", &format!("{namespace}spec:\n"))
        });
    prop_oneof![12 => job, 1 => nearly_yaml()]
}

/// A file with a fixed number of documents of its own, so that edits often change only fields.
fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let write = (0..3u8, prop::collection::vec(document(), 1..3))
        .prop_map(|(file, documents)| Edit::Write(file, documents.join("\n---\n")));
    let edit = prop_oneof![
        12 => write,
        1 => (0..3u8).prop_map(Edit::Remove),
        1 => Just(Edit::ToggleJar),
    ];
    prop::collection::vec(edit, 1..16)
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
        let mut now = revision(&[]);
        for (number, edit) in edits.into_iter().enumerate() {
            now.id = number.to_string();
            match edit {
                Edit::Write(file, text) => {
                    now.files.insert(format!("{file}.yaml"), source_file(text.as_bytes()));
                }
                Edit::Remove(file) => {
                    now.files.remove(&format!("{file}.yaml"));
                }
                Edit::ToggleJar => {
                    let (path, file) = jar("jars/a.jar");
                    if now.jars.remove(&path).is_none() {
                        now.jars.insert(path, file);
                    }
                }
            }
            let now = Arc::new(now.clone());
            let options = LoadOptions::default();
            let with_cache = load(&[Arc::clone(&now)], &options, &mut cache);
            let without = load(&[now], &options, &mut LoadCache::default());
            prop_assert_eq!(format!("{with_cache:#?}"), format!("{without:#?}"));
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

#[test]
fn separators_of_lines_in_names_are_read_back() {
    for name in ["\u{FFFC}\u{2028}a", "a\u{2029}b", "\u{FEFF}a"] {
        let spec: JetJobSpec = serde_json::from_value(serde_json::json!({
            "hazelcastResourceName": "hazelcast",
            "jarOnMember": "/opt/jobs.jar",
            "name": name,
            "parameters": [name],
        }))
        .unwrap();
        let written = to_yaml(&ResourceId::jet_job("job"), &spec).unwrap();
        let desired = load_text(&written);
        assert!(
            desired.jobs.contains_key("job"),
            "{name:?}\n{written:?}\n{}",
            report(&desired)
        );
        assert_eq!(&*desired.jobs["job"].spec, &spec, "{name:?}");
    }
}

#[test]
fn what_is_empty_behind_the_last_line_has_a_place_in_the_file() {
    let text = "\\apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\n? ";
    let desired = load_text(text);
    assert!(!desired.faults.is_empty());
    for fault in &desired.faults {
        assert!(fault.place.line <= 3, "{}", render(fault, false));
    }
}
