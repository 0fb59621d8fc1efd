//! Why a call did not do what was asked: the client's errors in the words of the port.

use jiff::Timestamp;

use super::text;
use crate::cluster::port::CallError;
use crate::hazelcast::{AuthenticationError, Error, ErrorCode, ServerError, TlsError};
use crate::plan::hold::Reason;

/// Exceptions after which the operation may have taken place all the same.
const INDETERMINATE: [ErrorCode; 6] = [
    ErrorCode::INDETERMINATE_OPERATION_STATE,
    ErrorCode::OPERATION_TIMEOUT,
    ErrorCode::TIMEOUT,
    ErrorCode::MEMBER_LEFT,
    ErrorCode::TARGET_DISCONNECTED,
    ErrorCode::HAZELCAST_INSTANCE_NOT_ACTIVE,
];

/// Why the members say no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) transient: bool,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Refusal {
    fn lasting(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            transient: false,
            reason,
            message: message.into(),
        }
    }

    fn passing(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            transient: true,
            reason,
            message: message.into(),
        }
    }
}

/// What an error of a call means.
pub(super) fn call_error(error: &Error, now: Timestamp) -> CallError {
    if error.is_certainly_not_sent() {
        return CallError::NotSent {
            message: unreached(error),
        };
    }
    match error.server_error() {
        Some(server) if !is_indeterminate(server) => {
            let Refusal {
                transient,
                reason,
                message,
            } = refusal(server);
            CallError::Refused {
                transient,
                reason,
                message,
            }
        }
        _ => CallError::Unknown {
            message: text::chain(error),
            at: Some(now),
        },
    }
}

/// Whether the operation may have taken place all the same.
pub(super) fn is_indeterminate(error: &ServerError) -> bool {
    INDETERMINATE.iter().any(|code| error.has_code(*code))
}

/// Why members refused, whatever was asked.
pub(super) fn refusal(error: &ServerError) -> Refusal {
    if let Some(refusal) = disabled(error) {
        return refusal;
    }
    let said = text::root(error, &[]);
    if error.has_code(ErrorCode::JOB_NOT_FOUND) {
        return Refusal::passing(Reason::LookingForJob, said);
    }
    if error.has_code(ErrorCode::SECURITY) || error.has_code(ErrorCode::ACCESS_CONTROL) {
        let message = format!("the members don't allow this client to do that: {said}");
        return Refusal::lasting(Reason::ClusterMismatch, message);
    }
    if is_unsettled(error) {
        return Refusal::passing(Reason::ClusterUnsafe, said);
    }
    Refusal {
        transient: error.has_code(ErrorCode::ILLEGAL_STATE),
        reason: Reason::BackingOff,
        message: said,
    }
}

/// What the members' configuration forbids.
pub(super) fn disabled(error: &ServerError) -> Option<Refusal> {
    // Members give this class its number in some answers and none in others.
    if error.has_code(ErrorCode::JET_DISABLED) || error.has_class("JetDisabledException") {
        let message = "Jet is disabled on the members: set hazelcast.jet.enabled to true in their \
                       configuration (or HZ_JET_ENABLED=true) and restart them";
        return Some(Refusal::lasting(Reason::JetDisabled, message));
    }
    let upload_disabled = error.mentions("Resource upload is not enabled")
        || error.mentions("The JobConfig contains resources to upload");
    upload_disabled.then(|| {
        let message = "the members accept no jars: set hazelcast.jet.resource-upload-enabled to \
                       true in their configuration (or HZ_JET_RESOURCEUPLOADENABLED=true) and \
                       restart them";
        Refusal::lasting(Reason::ResourceUploadDisabled, message)
    })
}

/// Whether the cluster is between two states: a new master, members on the move, passive.
pub(super) fn is_unsettled(error: &ServerError) -> bool {
    error.is_retryable()
        || error.has_code(ErrorCode::TOPOLOGY_CHANGED)
        || error.has_class("EnteringPassiveClusterStateException")
}

/// Why nobody was asked, and what to do.
pub(super) fn unreached(error: &Error) -> String {
    if let Some(refused) = error.authentication() {
        return not_accepted(refused);
    }
    match error.tls().and_then(setting) {
        Some(setting) => format!(
            "{} ({setting} of the Hazelcast resource)",
            text::chain(error)
        ),
        None => text::chain(error),
    }
}

/// Whether a member answered, and takes us for no client of its cluster. Waiting doesn't change that. One
/// status stands for a wrong cluster name and for credentials that are wrong, missing or not wanted, so that
/// nobody can tell which of them it is.
pub(super) fn is_refused(error: &Error) -> bool {
    use AuthenticationError as A;
    matches!(
        error.authentication(),
        Some(A::CredentialsFailed { .. } | A::NotAllowedInCluster)
    )
}

/// The setting that what is wrong with TLS is about.
fn setting(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::Unreadable { .. }
        | TlsError::NotPem { .. }
        | TlsError::Expired
        | TlsError::Failed(_) => return None,
        TlsError::HalfIdentity
        | TlsError::ClientCertificateWanted
        | TlsError::HandshakeRefused
        | TlsError::ClientCertificateRefused(_) => "tls.certFile and tls.keyFile",
        TlsError::NoSystemRoots | TlsError::UnknownIssuer => "tls.caFile",
        TlsError::BadServerName(_) | TlsError::WrongName(_) => "tls.serverName",
        TlsError::NoTls => "tls.enabled, or addresses",
    })
}

/// Why the members don't talk to us, and what to do.
fn not_accepted(refused: &AuthenticationError) -> String {
    match refused {
        AuthenticationError::CredentialsFailed { cluster_name } => format!(
            "a cluster answered but isn't called {cluster_name:?}, or doesn't take these credentials: \
             set clusterName of the Hazelcast resource or configuration, or CLUSTERNAME in --cluster \
             NAME=CLUSTERNAME@HOST:PORT, to the members' cluster-name, and credentials to what their \
             security wants (open-source members want none)"
        ),
        AuthenticationError::NotAllowedInCluster => {
            "the cluster's client filter keeps this client out: allow it there".to_owned()
        }
        AuthenticationError::DifferentCluster { expected, found } => format!(
            "an address leads to another cluster ({found} instead of {expected}): correct the \
             addresses"
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::hazelcast::ErrorHolder;

    pub(in crate::cluster::adapter) fn server(chain: &[(i32, &str, &str)]) -> ServerError {
        let holder = |(code, class, message): &(i32, &str, &str)| ErrorHolder {
            code: ErrorCode(*code),
            class_name: (*class).to_owned(),
            message: (!message.is_empty()).then(|| (*message).to_owned()),
        };
        ServerError {
            chain: chain.iter().map(holder).collect(),
        }
    }

    #[test]
    fn what_is_disabled_names_the_setting() {
        for code in [505, 0] {
            let class = "com.hazelcast.jet.impl.JetDisabledException";
            let jet = refusal(&server(&[(code, class, "The Jet engine is disabled.")]));
            assert_eq!(jet.reason, Reason::JetDisabled);
            assert!(jet.message.contains("hazelcast.jet.enabled") && !jet.transient);
        }
        let upload = refusal(&server(&[(500, "J", "Resource upload is not enabled")]));
        assert_eq!(upload.reason, Reason::ResourceUploadDisabled);
        assert!(upload.message.contains("resource-upload-enabled"));
    }

    #[test]
    fn what_passes_by_itself_is_transient() {
        for (chain, reason) in [
            (
                (46, "RetryableHazelcastException", "x"),
                Reason::ClusterUnsafe,
            ),
            (
                (500, "J", "Cannot do this task on non-master"),
                Reason::ClusterUnsafe,
            ),
            (
                (0, "a.EnteringPassiveClusterStateException", ""),
                Reason::ClusterUnsafe,
            ),
            (
                (27, "IllegalStateException", "status is X"),
                Reason::BackingOff,
            ),
            ((502, "JobNotFoundException", "x"), Reason::LookingForJob),
        ] {
            let refusal = refusal(&server(&[chain]));
            assert_eq!((refusal.transient, refusal.reason), (true, reason));
        }
        assert!(!refusal(&server(&[(48, "RuntimeException", "x")])).transient);
        assert!(is_indeterminate(&server(&[
            (500, "J", ""),
            (33, "MemberLeft", "")
        ])));
    }
}
