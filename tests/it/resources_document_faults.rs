//! What people read when a document is wrong as a whole: no YAML, no resource, too much of it. These
//! texts are a part of the product.

use super::resources_fixture::{
    faults, job, load_files, load_revision, load_text, report, revision,
};

#[test]
fn a_key_that_is_there_twice_is_shown_there() {
    insta::assert_snapshot!(faults(&job("  jarName: orders.jar
  state: Running
  jarName: orders-2.jar
")), @r"
    error: `jarName` is here twice
     --> jobs.yaml:9:3
      |
    9 |   jarName: orders-2.jar
      |   ^^^^^^^
      = help: keep one of them; the first is 2 lines above
    ");
}

#[test]
fn a_missing_separator_is_suspected() {
    insta::assert_snapshot!(faults(&(job("  jarOnMember: /opt/orders.jar\n") + &job("  jarOnMember: /opt/other.jar\n"))), @r"
    error: `apiVersion` is here twice
     --> jobs.yaml:8:1
      |
    8 | apiVersion: hazelcast.com/v1alpha1
      | ^^^^^^^^^^
      = help: if a new resource starts here, put `---` before it
    ");
}

#[test]
fn no_resource_at_all() {
    insta::assert_snapshot!(faults("replicas: 3\nimage: {repository: hazelcast}\n"), @r"
    error: this is no resource: it has no `apiVersion` and `kind`
     --> jobs.yaml:1:1
      |
    1 | replicas: 3
      | ^
      = help: a resource starts with `apiVersion: hazelcast.com/v1alpha1` and `kind: JetJob`; keep other YAML out of this source
    ");
}

#[test]
fn a_list_is_no_resource() {
    insta::assert_snapshot!(faults("- apiVersion: hazelcast.com/v1alpha1\n  kind: JetJob\n"), @r"
    error: a resource must be a mapping, not a list
     --> jobs.yaml:1:1
      |
    1 | - apiVersion: hazelcast.com/v1alpha1
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: a resource starts with `apiVersion: hazelcast.com/v1alpha1` and `kind: JetJob`; keep other YAML out of this source
    ");
}

#[test]
fn misspelt_kinds_and_versions() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: Jetjob
metadata: {name: a}
---
apiVersion: hazelcast.com/v1
kind: JetJob
metadata: {name: b}
spec: {hazelcastResourceName: hazelcast, jarOnMember: /opt/b.jar}
---
kind: Hazelcast
metadata: {name: c}
---
apiVersion: hazelcast.com/v1alpha1
metadata: {name: d}
"), @r"
    error: there is no kind `Jetjob`
     --> jobs.yaml:2:7
      |
    2 | kind: Jetjob
      |       ^^^^^^
      = help: did you mean `JetJob`?

    error: a JetJob can't have this `apiVersion`
     --> jobs.yaml:5:13
      |
    5 | apiVersion: hazelcast.com/v1
      |             ^^^^^^^^^^^^^^^^
      = help: write `hazelcast.com/v1alpha1`

    error: `apiVersion` is missing
      --> jobs.yaml:10:1
       |
    10 | kind: Hazelcast
       | ^^^^
       = help: add `apiVersion: hazelcast.com/v1alpha1`

    error: `kind` is missing
      --> jobs.yaml:13:1
       |
    13 | apiVersion: hazelcast.com/v1alpha1
       | ^^^^^^^^^^
       = help: add `kind: JetJob` or `kind: Hazelcast`
    ");
}

#[test]
fn other_kinds_are_sent_away() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: Map
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b}
---
apiVersion: v1
kind: List
items: []
"), @r"
    error: the kind `Map` is only for the Kubernetes operator
     --> jobs.yaml:2:7
      |
    2 | kind: Map
      |       ^^^
      = help: move it out of this source; here are `Hazelcast`, `JetJob` and `JetJobSnapshot`

    error: the kind `Deployment` is not known here
     --> jobs.yaml:6:7
      |
    6 | kind: Deployment
      |       ^^^^^^^^^^
      = help: known are `Hazelcast`, `JetJob` and `JetJobSnapshot`; move others out of this source

    error: a `List` isn't read
     --> jobs.yaml:10:7
      = help: write each of its items as a document of its own, with `---` between
    ");
}

#[test]
fn secrets_are_told_where_to_go_and_not_shown() {
    insta::assert_snapshot!(faults("\
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: hunter2}
"), @r"
    error: secrets don't belong in a source
     --> jobs.yaml:2:7
      = help: leave this document out; for `secretName: s` put each key into the file `s/KEY` of the secrets directory, or give it to systemd as the credential `s.KEY`
    ");
}

#[test]
fn names_are_those_of_kubernetes() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata:
  name: My_Cluster
---
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata:
  name: 12
---
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata:
  nmae: a
---
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
"), @r#"
    error: `My_Cluster` can't be a resource's name: only lower-case letters, digits, `-` and `.` are allowed
     --> jobs.yaml:4:9
      |
    4 |   name: My_Cluster
      |         ^^^^^^^^^^
      = help: did you mean `my-cluster`?

    error: `metadata.name` must be text, not the number `12`
     --> jobs.yaml:9:9
      |
    9 |   name: 12
      |         ^^
      = help: put it in quotes: `"12"`

    error: unknown field `nmae` in `metadata`
      --> jobs.yaml:14:3
       |
    14 |   nmae: a
       |   ^^^^
       = help: did you mean `name`?

    error: `metadata.name` is missing
      --> jobs.yaml:17:7
       |
    17 | kind: Hazelcast
       |       ^^^^^^^^^
       = help: add `metadata:` with `name: …`
    "#);
}

#[test]
fn the_head_of_a_document() {
    insta::assert_snapshot!(faults("\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata:
  name: a
  lables: {team: payments}
  annotations:
    team: payments
    jetkeeper.io/adopt: true
    jetkeeper.io/prune: \"off\"
    jetkeeper.io/reconcil: disabled
specs: {}
"), @r#"
    error: unknown field `lables` in `metadata`
     --> jobs.yaml:5:3
      |
    5 |   lables: {team: payments}
      |   ^^^^^^
      = help: did you mean `labels`?

    error: the annotation `jetkeeper.io/adopt` can't be `true`
     --> jobs.yaml:8:25
      |
    8 |     jetkeeper.io/adopt: true
      |                         ^^^^
      = help: write `"true"` or `"false"`, as text

    error: the annotation `jetkeeper.io/prune` can't be the text `off`
     --> jobs.yaml:9:25
      |
    9 |     jetkeeper.io/prune: "off"
      |                         ^^^^^
      = help: write `"disabled"` or `"enabled"`, as text

    error: unknown annotation `jetkeeper.io/reconcil`
      --> jobs.yaml:10:5
       |
    10 |     jetkeeper.io/reconcil: disabled
       |     ^^^^^^^^^^^^^^^^^^^^^
       = help: did you mean `jetkeeper.io/reconcile`?

    error: unknown field `specs`
      --> jobs.yaml:11:1
       |
    11 | specs: {}
       | ^^^^^
       = help: did you mean `spec`?
    "#);
}

#[test]
fn a_syntax_error_is_shown_where_it_is() {
    insta::assert_snapshot!(faults(&job("  jarName: \"orders.jar
  state: Running
")), @r#"
    error: this is no YAML: a quote is not closed
     --> jobs.yaml:7:12
      |
    7 |   jarName: "orders.jar
      |            ^
      = help: close the quote, or leave both out
    "#);
}

#[test]
fn tabs_are_named() {
    insta::assert_snapshot!(faults(&job("\tjarName: orders.jar\n")), @r"
    error: this is no YAML: a tab indents this line
     --> jobs.yaml:7:1
      |
    7 |     jarName: orders.jar
      | ^^^^
      = help: indent with spaces
    ");
}

#[test]
fn templates_are_recognised() {
    insta::assert_snapshot!(faults(&job("  jarName: {{ .Values.jar }}\n")), @r"
    error: a mapping can't be a key
     --> jobs.yaml:7:13
      |
    7 |   jarName: {{ .Values.jar }}
      |             ^^^^^^^^^^^^^^^
      = help: if `{{ }}` is from a template, fill it in first
    ");
}

#[test]
fn tags_and_odd_keys_are_refused() {
    insta::assert_snapshot!(faults(&format!("{}---\n{}", job("  jarName: !jar orders.jar\n"), job("  ? [a]\n  : b\n").replace("orders", "payments"))), @r"
    error: the tag `!jar` means nothing here
     --> jobs.yaml:7:12
      |
    7 |   jarName: !jar orders.jar
      |            ^^^^^^^^^^^^^^^
      = help: leave the tag out

    error: a list can't be a key
      --> jobs.yaml:15:5
       |
    15 |   ? [a]
       |     ^^^
    ");
}

#[test]
fn aliases_can_not_explode() {
    let mut bomb = String::from("  a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.extend([format!("  a{level}: &a{level} [{aliases}]\n")]);
    }
    insta::assert_snapshot!(faults(&job(&bomb)), @r"
    error: the document has more than 100000 values, aliases written out
      --> jobs.yaml:12:12
       |
    12 |   a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
       |            ^^^
       = help: use fewer aliases, or split it into several documents
    ");
}

#[test]
fn nesting_is_bounded() {
    insta::assert_snapshot!(faults(&job(&format!("  parameters: {}{}\n", "[".repeat(100), "]".repeat(100)))), @r"
    error: the document is nested more than 64 levels deep
     --> jobs.yaml:7:77
      |
    7 |   parameters: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]...
      |                                                                             ^
    ");
}

#[test]
fn files_are_bounded() {
    let large = vec![b'#'; 1024 * 1024 + 1];
    let many = "a: 1\n---\n".repeat(1001);
    let desired = load_files(&[("large.yaml", &large), ("many.yaml", many.as_bytes())]);
    insta::assert_snapshot!(report(&desired), @r"
    error: the file is larger than 1 MiB
     --> large.yaml
      = help: split it into several files

    error: the file has more than 1000 documents
     --> many.yaml
      = help: split it into several files
    ");
}

#[test]
fn files_must_be_utf_8() {
    let latin = [b"# gr".as_slice(), &[0xFC], b"n\n", job("").as_bytes()].concat();
    let utf_16: Vec<u8> = "a: 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_16 = [&[0xFF, 0xFE], utf_16.as_slice()].concat();
    let desired = load_files(&[("latin.yaml", &latin), ("utf16.yaml", &utf_16)]);
    insta::assert_snapshot!(report(&desired), @r"
    error: this is no UTF-8 text
     --> latin.yaml:1:5
      = help: save the file as UTF-8

    error: this is UTF-16, not UTF-8
     --> utf16.yaml:1:1
      = help: save the file as UTF-8
    ");
}

#[test]
fn what_can_not_be_read_is_told() {
    let mut revision = revision(&[]);
    let reason = "permission denied".to_owned();
    revision
        .unreadable
        .insert("private.yaml".to_owned(), reason);
    insta::assert_snapshot!(report(&load_revision(revision)), @r"
    error: this can't be read: permission denied
     --> private.yaml
      = help: until it can be read, nothing is deleted because of this source
    ");
}

#[test]
fn syntax_errors_are_said_in_plain_words() {
    let broken = [
        "  jarName: orders.jar\n state: Running\n",
        "  parameters: [a, b\n  state: Running\n",
        "  jobConfig: {timeout: 5m\n  state: Running\n",
        "  mainClass: com.example: Orders\n",
        "  mainClass: @Orders\n",
        "  mainClass: *orders\n",
        "  parameters: [\"C:\\data\"]\n",
        "  mainClass: \"a\" b\n",
        "  jarName orders.jar\n  state: Running\n",
        "  parameters:\n  - a\n  -b\n  state: Running\n",
        "  name: a\u{7}b\n",
    ];
    let messages: Vec<String> = broken
        .into_iter()
        .map(|broken| {
            let text = job(broken);
            let desired = load_text(&text);
            let fault = &desired.faults[0];
            let line = text.lines().nth(fault.place.line as usize - 1).unwrap();
            let help = fault.help.as_deref().unwrap_or("-");
            let column = fault.place.column;
            format!("{line} @{column}\n    {}\n    {help}", fault.message)
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
     state: Running @2
        this is no YAML: this line doesn't fit the ones above
        keys of one mapping start in the same column and end with `:`
      state: Running @8
        this is no YAML: there is a `:` where no key can be
        text with a `:` in it needs quotes; else a line is indented wrongly
      state: Running @8
        this is no YAML: a mapping in `{ }` or a list in `[ ]` is not closed, or lacks a comma
        count the brackets from here on
      mainClass: com.example: Orders @25
        this is no YAML: there is a `:` where no key can be
        text with a `:` in it needs quotes; else a line is indented wrongly
      mainClass: @Orders @14
        this is no YAML: text can't start like this
        put the text in quotes
      mainClass: *orders @14
        this is no YAML: there is no anchor for this alias
        text that starts with `*` needs quotes
      parameters: ["C:\data"] @16
        this is no YAML: this escape means nothing
        write `\\` for a backslash, or use single quotes
      mainClass: "a" b @18
        this is no YAML: there is more text after the closing quote
        put the whole text in quotes; inside them write `\"`
      state: Running @3
        this is no YAML: this line doesn't fit the ones above
        keys of one mapping start in the same column and end with `:`
      state: Running @3
        this is no YAML: this line doesn't fit the ones above
        keys of one mapping start in the same column and end with `:`
    spec: @1
        `spec.jarName` is missing
        name a jar beside this file or in `jars/`; only `jarOnMember` needs none
    "#);
}
#[test]
fn secrets_are_not_shown_in_documents_that_can_not_be_read_either() {
    let text = "apiVersion: v1\nkind: Secret\nstringData:\n  user: admin\n  pin: \"12\n";
    insta::assert_snapshot!(faults(text), @r"
    error: this is no YAML: a quote is not closed
     --> jobs.yaml:5:8
      = help: close the quote, or leave both out
    ");
    insta::assert_snapshot!(faults(&job("  password: hunter2\n  jarOnMember: /a.jar\n")), @r"
    error: unknown field `password` in `spec`
     --> jobs.yaml:7:3
    ");
}
