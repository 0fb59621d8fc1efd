//! What proves that a call comes from the host of a repository: a signature over the body as it was
//! sent, or, from GitLab, the secret itself. Pure.

use std::fmt;
use std::str::FromStr;

use hmac::Mac;

use crate::secrets::SecretString;

/// Who calls, and so how a call proves where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookHost {
    /// GitHub: `X-Hub-Signature-256: sha256=…`.
    GitHub,
    /// GitLab: `X-Gitlab-Token`, the secret itself.
    GitLab,
    /// Gitea: `X-Gitea-Signature: …`.
    Gitea,
    /// Forgejo: `X-Forgejo-Signature: …`.
    Forgejo,
    /// Bitbucket: `X-Hub-Signature: sha256=…`.
    Bitbucket,
    /// Anybody who can compute an HMAC: `X-Signature: sha256=…`.
    Generic,
}

/// How a header proves it.
#[derive(Debug, Clone, Copy)]
enum Proof {
    /// The HMAC-SHA256 of the body in hexadecimal, behind this.
    Signature(&'static str),
    /// The secret.
    Token,
}

/// Why a call proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The header isn't there, or more than once.
    #[error("there is no header {0}, or more than one")]
    NoHeader(&'static str),
    /// It can't be what it should be.
    #[error("the header {0} is no signature")]
    Malformed(&'static str),
    /// It is another body's, or made with another secret.
    #[error("the header {0} was not made of this body with the secret")]
    Wrong(&'static str),
}

/// There is no such host.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no host of webhooks")]
pub struct ParseHostError(String);

impl WebhookHost {
    /// All of them, as they are written.
    pub const ALL: &'static [Self] = &[
        Self::GitHub,
        Self::GitLab,
        Self::Gitea,
        Self::Forgejo,
        Self::Bitbucket,
        Self::Generic,
    ];

    /// The name of the header that proves it, in small letters.
    pub fn header(self) -> &'static str {
        match self {
            Self::GitHub => "x-hub-signature-256",
            Self::GitLab => "x-gitlab-token",
            Self::Gitea => "x-gitea-signature",
            Self::Forgejo => "x-forgejo-signature",
            Self::Bitbucket => "x-hub-signature",
            Self::Generic => "x-signature",
        }
    }

    fn proof(self) -> Proof {
        match self {
            Self::GitHub | Self::Bitbucket | Self::Generic => Proof::Signature("sha256="),
            Self::Gitea | Self::Forgejo => Proof::Signature(""),
            Self::GitLab => Proof::Token,
        }
    }

    /// The one value of that header.
    pub fn value<'a>(
        self,
        mut values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<&'a [u8], Unproven> {
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Unproven::NoHeader(self.header())),
        }
    }

    /// Whether somebody who knows the secret sent this body, by the value of [`Self::header`]. Takes as
    /// long for a value that is nearly right as for any other.
    pub fn prove(self, value: &[u8], body: &[u8], secret: &SecretString) -> Result<(), Unproven> {
        let wrong = |_| Unproven::Wrong(self.header());
        match self.proof() {
            Proof::Signature(prefix) => {
                let malformed = || Unproven::Malformed(self.header());
                let signature = value.strip_prefix(prefix.as_bytes());
                let signature = signature.and_then(|it| hex::decode(it).ok());
                let signature = signature.ok_or_else(malformed)?;
                secret
                    .authenticate(body)
                    .verify_slice(&signature)
                    .map_err(wrong)
            }
            // Both as digests under the secret, so that not even its length shows in the time it takes.
            Proof::Token => {
                let given = secret.authenticate(value).finalize().into_bytes();
                let expected = secret.authenticate(secret.expose().as_bytes());
                expected.verify_slice(&given).map_err(wrong)
            }
        }
    }
}

impl fmt::Display for WebhookHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for WebhookHost {
    type Err = ParseHostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|host| host.to_string() == text);
        found
            .copied()
            .ok_or_else(|| ParseHostError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::new(text)
    }

    fn sign(key: &str, body: &[u8]) -> String {
        hex::encode(secret(key).authenticate(body).finalize().into_bytes())
    }

    /// The example in GitHub's page on validating deliveries.
    #[test]
    fn the_example_that_github_publishes_is_proven() {
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let key = secret("It's a Secret to Everybody");
        let prove = |body: &[u8]| WebhookHost::GitHub.prove(signature.as_bytes(), body, &key);
        assert_eq!(prove(b"Hello, World!"), Ok(()));
        assert_eq!(
            prove(b"Hello, World?"),
            Err(Unproven::Wrong("x-hub-signature-256"))
        );
    }

    #[test]
    fn every_host_takes_its_own_form_and_no_other() {
        let body = b"{\"ref\":\"refs/heads/main\"}";
        let plain = sign("hush", body);
        let prefixed = format!("sha256={plain}");
        for host in WebhookHost::ALL {
            let takes = |value: &str, key: &str| {
                let proven = host.prove(value.as_bytes(), body, &secret(key));
                proven.is_ok()
            };
            let good = match host.proof() {
                Proof::Token => "hush",
                Proof::Signature("") => &plain,
                Proof::Signature(_) => &prefixed,
            };
            for value in ["hush", &plain, &prefixed, "", "sha256=", "sha1=00", "hush "] {
                assert_eq!(takes(value, "hush"), value == good, "{host}: {value}");
            }
            assert!(!takes(good, "other"), "{host}");
            assert!(!takes(&good[..good.len() - 1], "hush"), "{host}: cut short");
            assert!(!takes(&format!("{good}00"), "hush"), "{host}: too long");
        }
    }

    #[test]
    fn a_host_is_written_as_it_is_called() {
        for host in WebhookHost::ALL {
            assert_eq!(host.to_string().parse::<WebhookHost>().unwrap(), *host);
        }
        assert!("github".parse::<WebhookHost>().is_err());
    }
}
