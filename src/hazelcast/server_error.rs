//! Errors that members answer with: the chain of Java exceptions, outermost first, and their codes.
//!
//! The cause that matters may sit anywhere in the chain (a failed upload wraps the reason twice), so
//! questions go through [`ServerError::has_code`], never through the first element alone.

use std::fmt;

/// Longest message kept of one exception, in bytes.
const MESSAGE_LIMIT: usize = 4096;
/// Longest excerpt of a message shown by `Display`, in bytes.
const EXCERPT_LIMIT: usize = 300;

/// The number of a kind of exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(pub i32);

impl ErrorCode {
    /// The members' edition lacks it, or their version does.
    pub const UNSUPPORTED_OPERATION: Self = Self(61);
    /// An exception without a number of its own; go by its class name.
    pub const UNDEFINED: Self = Self(0);
    /// The asking member is not known to the asked one yet.
    pub const CALLER_NOT_MEMBER: Self = Self(8);
    /// The member is starting or stopping.
    pub const HAZELCAST_INSTANCE_NOT_ACTIVE: Self = Self(19);
    /// The job or cluster is in a state that forbids the call.
    pub const ILLEGAL_STATE: Self = Self(27);
    /// The member that worked on the call left the cluster.
    pub const MEMBER_LEFT: Self = Self(33);
    /// An operation on another member did not end in time.
    pub const OPERATION_TIMEOUT: Self = Self(38);
    /// The partition is moving to another member.
    pub const PARTITION_MIGRATING: Self = Self(39);
    /// Something passing stands in the way: try again.
    pub const RETRYABLE_HAZELCAST: Self = Self(46);
    /// Something passing stands in the way of IO: try again.
    pub const RETRYABLE_IO: Self = Self(47);
    /// The client may not do this.
    pub const SECURITY: Self = Self(49);
    /// The member the call was meant for is gone.
    pub const TARGET_DISCONNECTED: Self = Self(52);
    /// The member the call was meant for is no member.
    pub const TARGET_NOT_MEMBER: Self = Self(53);
    /// Something did not end in time.
    pub const TIMEOUT: Self = Self(54);
    /// The partition is owned by another member by now.
    pub const WRONG_TARGET: Self = Self(62);
    /// The client may not do this.
    pub const ACCESS_CONTROL: Self = Self(64);
    /// Whether the operation took place is unknown.
    pub const INDETERMINATE_OPERATION_STATE: Self = Self(80);
    /// The member holds no replica of the data.
    pub const TARGET_NOT_REPLICA: Self = Self(82);
    /// The operation could not be replicated.
    pub const CANNOT_REPLICATE: Self = Self(90);
    /// Any error of Jet without a number of its own.
    pub const JET: Self = Self(500);
    /// Members came or went under a job.
    pub const TOPOLOGY_CHANGED: Self = Self(501);
    /// There is no such job.
    pub const JOB_NOT_FOUND: Self = Self(502);
    /// An active job has that name.
    pub const JOB_ALREADY_EXISTS: Self = Self(503);
    /// Jet is switched off in the members' configuration.
    pub const JET_DISABLED: Self = Self(505);

    /// Codes that members use for what passes by itself, so that the same call may succeed later.
    pub(crate) const RETRYABLE: [Self; 10] = [
        Self::CALLER_NOT_MEMBER,
        Self::HAZELCAST_INSTANCE_NOT_ACTIVE,
        Self::MEMBER_LEFT,
        Self::PARTITION_MIGRATING,
        Self::RETRYABLE_HAZELCAST,
        Self::RETRYABLE_IO,
        Self::TARGET_NOT_MEMBER,
        Self::WRONG_TARGET,
        Self::TARGET_NOT_REPLICA,
        Self::CANNOT_REPLICATE,
    ];
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One exception of a chain, without its stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorHolder {
    /// The number of the kind.
    pub code: ErrorCode,
    /// The Java class.
    pub class_name: String,
    /// The exception's message, bounded.
    pub message: Option<String>,
}

impl ErrorHolder {
    /// The class without its package.
    pub fn simple_class_name(&self) -> &str {
        self.class_name
            .rsplit(['.', '$'])
            .next()
            .unwrap_or(&self.class_name)
    }

    fn excerpt(&self) -> &str {
        let message = self.message.as_deref().unwrap_or_default();
        cut(
            message.lines().next().unwrap_or_default().trim(),
            EXCERPT_LIMIT,
        )
    }
}

impl fmt::Display for ErrorHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.simple_class_name())?;
        match self.excerpt() {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}

/// What a member answered instead of a result: an exception and its causes, outermost first.
///
/// `Display` is one short line: the outermost and the deepest exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// The chain. Never empty when it came from a member.
    pub chain: Vec<ErrorHolder>,
}

impl ServerError {
    pub(crate) fn new(mut chain: Vec<ErrorHolder>) -> Self {
        for text in chain
            .iter_mut()
            .filter_map(|holder| holder.message.as_mut())
        {
            text.truncate(cut(text, MESSAGE_LIMIT).len());
        }
        Self { chain }
    }

    /// Whether any exception of the chain has this code.
    pub fn has_code(&self, code: ErrorCode) -> bool {
        self.chain.iter().any(|holder| holder.code == code)
    }

    /// Whether any exception of the chain is of this class, named with or without its package.
    pub fn has_class(&self, name: &str) -> bool {
        self.chain
            .iter()
            .any(|holder| holder.class_name == name || holder.simple_class_name() == name)
    }

    /// Whether the text occurs in any message of the chain. For the cases Hazelcast tells apart by
    /// nothing else.
    pub fn mentions(&self, text: &str) -> bool {
        self.chain.iter().any(|holder| {
            holder
                .message
                .as_deref()
                .is_some_and(|message| message.contains(text))
        })
    }

    /// Whether what stood in the way passes by itself.
    pub fn is_retryable(&self) -> bool {
        ErrorCode::RETRYABLE.iter().any(|code| self.has_code(*code))
            || self.mentions("Cannot do this task on non-master")
    }

    /// Takes out of every message the list of parameters, as Java prints it, and each secret.
    pub(crate) fn redact(&mut self, parameters: &[String], secrets: &[String]) {
        let list = format!("[{}]", parameters.join(", "));
        let values = secrets.iter().filter(|secret| !secret.is_empty());
        let replacements: Vec<(&str, &str)> = (!parameters.is_empty())
            .then_some((list.as_str(), "[…]"))
            .into_iter()
            .chain(values.map(|secret| (secret.as_str(), "…")))
            .collect();
        for text in self
            .chain
            .iter_mut()
            .filter_map(|holder| holder.message.as_mut())
        {
            if text.len() + 4 > MESSAGE_LIMIT {
                // A secret may have been cut in two where the text was cut.
                let longest = secrets.iter().map(String::len).max().unwrap_or_default();
                let kept = text.floor_char_boundary(text.len().saturating_sub(longest));
                text.truncate(kept);
            }
            for (hidden, shown) in &replacements {
                if text.contains(hidden) {
                    *text = text.replace(hidden, shown);
                }
            }
        }
    }
}

impl std::error::Error for ServerError {}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(outermost) = self.chain.first() else {
            return f.write_str("an error without description");
        };
        outermost.fmt(f)?;
        match self.chain.last() {
            Some(deepest) if self.chain.len() > 1 && !repeats(outermost, deepest) => {
                write!(f, " (caused by {deepest})")
            }
            _ => Ok(()),
        }
    }
}

/// Whether the outer exception already shows what the inner one says.
fn repeats(outer: &ErrorHolder, inner: &ErrorHolder) -> bool {
    let text = inner.excerpt();
    !text.is_empty() && outer.excerpt().contains(text)
}

/// The longest prefix of at most `limit` bytes that ends between characters.
fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(code: i32, class_name: &str, message: &str) -> ErrorHolder {
        ErrorHolder {
            code: ErrorCode(code),
            class_name: class_name.to_owned(),
            message: (!message.is_empty()).then(|| message.to_owned()),
        }
    }

    #[test]
    fn questions_reach_every_exception_of_the_chain() {
        let error = ServerError::new(vec![
            holder(
                500,
                "com.hazelcast.jet.JetException",
                "upload failed\n\tat x.Y(Z.java:1)",
            ),
            holder(0, "java.lang.reflect.InvocationTargetException", ""),
            holder(
                503,
                "com.hazelcast.jet.JobAlreadyExistsException",
                "Another active job",
            ),
        ]);
        assert!(error.has_code(ErrorCode::JOB_ALREADY_EXISTS));
        assert!(error.has_class("InvocationTargetException"));
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            "JetException: upload failed (caused by JobAlreadyExistsException: Another active job)"
        );
    }

    #[test]
    fn display_is_short_whatever_the_member_sent() {
        let error = ServerError::new(vec![
            holder(0, "a.Outer", &"ü".repeat(100_000)),
            holder(0, "b.Inner", &"x".repeat(100_000)),
        ]);
        assert!(error.to_string().len() < 700);
        assert!(
            error
                .chain
                .iter()
                .all(|h| h.message.as_ref().is_some_and(|m| m.len() <= 4096))
        );
    }

    #[test]
    fn parameters_are_taken_out_of_messages() {
        let parameters = ["10".to_owned(), "hunter22".to_owned()];
        let mut error = ServerError::new(vec![
            holder(
                500,
                "JetException",
                "jobParameters=[10, hunter22]} failed in 10 s",
            ),
            holder(0, "X", "cannot log in with hunter22"),
        ]);
        error.redact(&parameters, &parameters[1..]);
        assert_eq!(
            error.chain[0].message.as_deref(),
            Some("jobParameters=[…]} failed in 10 s")
        );
        assert_eq!(
            error.chain[1].message.as_deref(),
            Some("cannot log in with …")
        );
    }
}
