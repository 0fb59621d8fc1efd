//! Errors as they travel over the socket: `{code, message, hint}`.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::engine::RequestError;
use crate::telemetry;

/// Why a request was not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// In one word, for programs: `NotFound`, `Invalid`, `Unavailable`, `Busy`, `Timeout`,
    /// `Internal`, or what the engine gave.
    pub code: String,
    /// Why.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ApiError {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new("NotFound", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("Invalid", message)
    }

    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new("Busy", message)
    }

    pub(super) fn timeout(message: impl Into<String>) -> Self {
        Self::new("Timeout", message)
    }

    /// Something of ours failed; the message carries its causes, for they end here.
    pub(super) fn internal(what: &str, error: &(dyn Error + 'static)) -> Self {
        let words = telemetry::in_one_line(error);
        Self::new("Internal", format!("failed to {what}: {words}"))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn status(&self) -> StatusCode {
        match self.code.as_str() {
            "NotFound" => StatusCode::NOT_FOUND,
            "Unavailable" | "Busy" => StatusCode::SERVICE_UNAVAILABLE,
            "Timeout" => StatusCode::GATEWAY_TIMEOUT,
            "Internal" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self {
            code: error.code.to_owned(),
            message: error.message,
            hint: error.hint,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status(), Json(self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_error_tells_its_causes_once() {
        let cause = std::io::Error::other("disk on fire");
        let error = crate::store::StoreError::Io {
            what: "read",
            path: "/s".to_owned(),
            source: cause,
        };
        assert_eq!(
            ApiError::internal("list the events", &error).message,
            "failed to list the events: failed to read the state in /s: disk on fire"
        );
    }

    #[test]
    fn a_code_that_the_engine_invents_is_the_askers_fault() {
        let error = ApiError::from(RequestError {
            code: "Conflict",
            message: "no".to_owned(),
            hint: None,
        });
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    }
}
