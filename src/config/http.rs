//! `http` of the configuration: where monitoring may ask.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;
use crate::resources::reading::Reading;

/// Where monitoring may ask; nowhere if not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HttpConfig {
    /// The address that is listened on.
    pub listen: Option<SocketAddr>,
    /// Whether it may be one that other machines reach.
    pub allow_remote: bool,
}

/// The same as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawHttp {
    listen: Option<String>,
    allow_remote: Option<bool>,
}

/// Checks what is written.
pub(super) fn read<T>(raw: &RawHttp, reading: &mut Reading<'_, T>) -> HttpConfig {
    let http = HttpConfig {
        listen: raw
            .listen
            .as_deref()
            .and_then(|text| socket(text, &["http", "listen"], "127.0.0.1:7717", reading)),
        allow_remote: raw.allow_remote.unwrap_or_default(),
    };
    if let Err(error) = http.check() {
        let help = "write an address of this machine alone, such as \"127.0.0.1:7717\"";
        reading.refuse(&["http", "listen"], error.to_string(), help);
    }
    http
}

/// The address to listen on that is written at `at`.
pub(super) fn socket<T>(
    text: &str,
    at: &[&str],
    example: &str,
    reading: &mut Reading<'_, T>,
) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("`{text}` is no address to listen on");
        let help = format!("write an IP address and a port: \"{example}\"");
        reading.refuse(at, message, help);
    }
    address
}

impl HttpConfig {
    /// What is told there has no secrets, but names and reasons, and nobody is asked who he is.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.listen {
            Some(address) if !address.ip().is_loopback() && !self.allow_remote => {
                Err(ConfigError::RemoteHttp { address })
            }
            _ => Ok(()),
        }
    }
}
