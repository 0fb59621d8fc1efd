//! How simulated members say no, in the words of the port.

use jetkeeper::cluster::CallError;
use jetkeeper::plan::hold::Reason;

/// Not now.
pub(super) fn refused(message: &str) -> CallError {
    for_now(Reason::BackingOff, message)
}

/// There is no such job, or none yet.
pub(super) fn no_job() -> CallError {
    for_now(Reason::LookingForJob, "job not found")
}

/// Not now, and why.
pub(super) fn for_now(reason: Reason, message: &str) -> CallError {
    CallError::Refused {
        transient: true,
        reason,
        message: message.to_owned(),
    }
}

/// Not ever, as things are.
pub(super) fn no(reason: Reason, message: &str) -> CallError {
    CallError::Refused {
        transient: false,
        reason,
        message: message.to_owned(),
    }
}
