//! What is wrong with a manifest, and what to write instead.

use serde::{Deserialize, Serialize};

use super::identity::{Place, ResourceId};

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the document is used.
    Warning,
    /// The document is not used; its last good version stays in force.
    Error,
}

/// One fault in one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// The resource it belongs to, where that could be told.
    pub resource: Option<ResourceId>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The source text around the place with a caret under it, ready to print, without colours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}
