//! What is wrong with `tls` and `credentials` of a `Hazelcast`, and that no secret is shown.

use crate::resources_fixture::faults;

fn of_cluster(fields: &str) -> String {
    faults(&format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata:\n  name: \
         hazelcast\nspec:\n{fields}"
    ))
}

#[test]
fn credentials_that_are_written_out_are_refused_and_not_shown() {
    for credentials in [
        "{username: keeper, password: hunter2}",
        "{secretName: members, token: hunter2}",
        "hunter2",
    ] {
        let told = of_cluster(&format!("  credentials: {credentials}\n"));
        assert!(
            told.contains("only `secretName` belongs into `credentials`"),
            "{told}"
        );
        assert!(told.contains("jobs.yaml:6:3"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let empty = of_cluster("  credentials: {secretName: ''}\n");
    assert!(
        empty.contains("`spec.credentials.secretName` is empty"),
        "{empty}"
    );
}

#[test]
fn files_of_tls_are_absolute_and_a_certificate_has_its_key() {
    let fine = of_cluster(
        "  tls: {caFile: /a.pem, certFile: /b.pem, keyFile: /c.pem, serverName: hz}\n  credentials: \
         {secretName: members}\n",
    );
    assert_eq!(fine, "");
    let relative = of_cluster("  tls: {caFile: a.pem}\n");
    assert!(
        relative.contains("`spec.tls.caFile` must begin with `/`"),
        "{relative}"
    );
    let half = of_cluster("  tls: {keyFile: /c.pem}\n");
    assert!(
        half.contains("`spec.tls.certFile` and `spec.tls.keyFile` go together"),
        "{half}"
    );
    let misspelt = of_cluster("  tls: {caFil: /a.pem}\n");
    assert!(misspelt.contains("did you mean `caFile`?"), "{misspelt}");
}
