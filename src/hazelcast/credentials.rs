//! Who we are to members with security.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// What a client shows to members. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user's name and password.
    Password {
        /// The user's name.
        username: String,
        /// The user's password.
        password: String,
    },
    /// A token, as the members' login module wants it: sent as these bytes.
    Token(String),
}

/// Gives credentials, asked anew for every connection: they may change while a client runs.
#[derive(Clone)]
pub struct CredentialsSource(Arc<Ask>);

type Ask = dyn Fn() -> BoxFuture<'static, Result<Credentials, CredentialsError>> + Send + Sync;

/// Why there are no credentials. Names no part of them.
pub type CredentialsError = Box<dyn std::error::Error + Send + Sync>;

impl CredentialsSource {
    /// Asks this function.
    pub fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, CredentialsError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }

    /// Always gives these.
    pub fn fixed(credentials: Credentials) -> Self {
        Self::new(move || std::future::ready(Ok(credentials.clone())))
    }

    /// The credentials as they are now.
    pub(crate) async fn ask(&self) -> Result<Credentials, CredentialsError> {
        (self.0)().await
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsSource(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown() {
        let credentials = Credentials::Token("hush".to_owned());
        let source = CredentialsSource::fixed(credentials.clone());
        let shown = format!("{credentials:?} {source:?}");
        assert_eq!(shown, "Credentials(..) CredentialsSource(..)");
    }
}
