//! Documents that several tests declare.

use super::member::Member;

/// The job of `orders.jar` under this name, and the cluster that it runs on.
pub(crate) fn orders(member: &Member, name: &str) -> String {
    format!(
        "\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata: {{name: hazelcast}}
spec: {{clusterName: {cluster}, addresses: [\"{address}\"]}}
---
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata: {{name: {name}}}
spec:
  hazelcastResourceName: hazelcast
  jarName: orders.jar
  parameters: [\"5\", {name}, {name}.txt]
  deletionPolicy: Cancel
",
        cluster = member.cluster_name(),
        address = member.address(),
    )
}
