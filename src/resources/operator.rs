//! What the Kubernetes operator's manifests have and ours don't: fields that are ignored, kinds that
//! are refused, old names.

use super::identity::Kind;

/// Fields of `metadata` that mean nothing to us.
pub(super) const METADATA_FIELDS: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The operator's other kinds.
pub(super) const OTHER_KINDS: &[&str] = &[
    "Cache",
    "CronHotBackup",
    "HazelcastEndpoint",
    "HotBackup",
    "ManagementCenter",
    "Map",
    "MultiMap",
    "Queue",
    "ReplicatedMap",
    "Topic",
    "UserCodeNamespace",
    "VectorCollection",
    "WanReplication",
    "WanSync",
];

const HAZELCAST_FIELDS: &[&str] = &[
    "advancedNetwork",
    "agent",
    "annotations",
    "clusterSize",
    "cpSubsystem",
    "customConfigCmName",
    "customConfigSecretName",
    "diagnostics",
    "durableExecutorServices",
    "env",
    "envFrom",
    "executorServices",
    "exposeExternally",
    "highAvailabilityMode",
    "imagePullPolicy",
    "imagePullSecrets",
    "initContainer",
    "ipFamily",
    "jet",
    "jvm",
    "kubernetesMaster",
    "labels",
    "licenseKeySecret",
    "licenseKeySecretName",
    "liteMember",
    "localDevices",
    "loggingConfiguration",
    "loggingLevel",
    "managementCenter",
    "moduleDeployment",
    "nativeMemory",
    "persistence",
    "persistenceVolumeClaims",
    "properties",
    "repository",
    "resources",
    "scheduledExecutorServices",
    "scheduling",
    "security",
    "serialization",
    "serviceAccountName",
    "sql",
    "userCodeDeployment",
    "userCodeNamespaces",
    "version",
];

/// Fields of `spec` that only the operator knows.
pub(super) fn spec_fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Hazelcast => HAZELCAST_FIELDS,
        Kind::JetJob | Kind::JetJobSnapshot => &[],
    }
}

/// A field that has another name in older manifests or in the operator's pages.
#[derive(Debug)]
pub(super) struct Renamed {
    /// The field of `spec` that it is in, where it isn't in `spec` itself.
    pub(super) within: Option<&'static str>,
    /// What they call it.
    pub(super) old: &'static str,
    /// What it is called.
    pub(super) new: &'static str,
}

/// The renamed fields of a kind.
pub(super) fn renamed_fields(kind: Kind) -> &'static [Renamed] {
    match kind {
        Kind::Hazelcast => &[],
        Kind::JetJob => &[Renamed {
            within: Some("bucketConfig"),
            old: "secret",
            new: "secretName",
        }],
        Kind::JetJobSnapshot => &[Renamed {
            within: None,
            old: "cancelName",
            new: "cancelJob",
        }],
    }
}
