//! Errors of buckets: what went wrong, and what the one who can change it has to do.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::super::failure::{Failure, Retry};
use super::transport::{Refusal, Trouble, lost};
use crate::plan::jar::JarProblem;
use crate::resources::BucketPlace;

/// From how much on a clock that goes wrong is taken for the reason of a refusal. Providers allow 5 to
/// 15 minutes.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(4);

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    S3,
    Google,
    Azure,
    Directory,
}

impl Provider {
    /// The right that reading takes.
    fn right(self) -> &'static str {
        match self {
            Self::S3 => "s3:GetObject",
            Self::Google => "storage.objects.get",
            Self::Azure => "Storage Blob Data Reader",
            Self::Directory => "the right to read",
        }
    }

    /// Where credentials are found without a secret.
    fn machine(self) -> &'static str {
        match self {
            Self::S3 => "variables AWS_…, a web identity, or the machine's role",
            Self::Google => "GOOGLE_APPLICATION_CREDENTIALS, or the machine's service account",
            Self::Azure => "variables AZURE_…, or the machine's managed identity",
            Self::Directory => "none",
        }
    }

    /// What the library may have missed. Which it was is not told: its words may repeat values.
    fn wants(self) -> &'static str {
        match self {
            Self::S3 | Self::Directory => {
                "see whether `access-key-id`, `secret-access-key` and `region` are what they should be"
            }
            Self::Google => {
                "`google-credentials-path` has to hold the JSON key of a service account, with \
                 `client_email`, `private_key` and `private_key_id`"
            }
            Self::Azure => {
                "the name of the storage account is missing (`storage-account`, or \
                 `storage_account=…` in `bucketURI`), or `storage-key` is no base64"
            }
        }
    }
}

/// Whose credentials are sent: what a person has to change where these are no good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opener {
    provider: Provider,
    /// What the bucket is called there, with its name.
    bucket: String,
    secret_name: Option<String>,
}

impl Opener {
    pub(super) fn of(place: &BucketPlace, secret_name: Option<&str>) -> Self {
        let (provider, bucket) = match place {
            BucketPlace::S3(bucket) => (Provider::S3, format!("bucket `{}`", bucket.name)),
            BucketPlace::Google(bucket) => (Provider::Google, format!("bucket `{}`", bucket.name)),
            BucketPlace::Azure(it) => (Provider::Azure, format!("container `{}`", it.name)),
            BucketPlace::Directory(path) => {
                (Provider::Directory, format!("directory {}", path.display()))
            }
        };
        Self {
            provider,
            bucket,
            secret_name: secret_name.map(str::to_owned),
        }
    }

    /// The credentials, as a person finds them.
    fn credentials(&self) -> String {
        match &self.secret_name {
            Some(name) => format!("the secret `{name}`"),
            None => format!(
                "the credentials of this machine ({})",
                self.provider.machine()
            ),
        }
    }
}

/// Why a jar in a bucket can't be had.
#[derive(Debug, Error)]
pub(super) enum BucketError {
    #[error("its bucket needs a secret: {why}")]
    SecretMissing { why: String },
    #[error("its bucket can't be opened: {why}")]
    SecretUnusable { why: String },
    #[error("its bucket can't be opened with {}: {}", .0.credentials(), .0.provider.wants())]
    CannotOpen(Opener),
    #[error(
        "no secret is named and this machine has no credentials for the {} ({}); name a secret in \
         `bucketConfig.secretName`", .0.bucket, .0.provider.machine()
    )]
    NoCredentials(Opener),
    #[error("no object can have that name; correct `jarName` or the path of `bucketURI`")]
    BadKey,
    #[error("there is no {bucket}; correct `bucketURI`, or make it")]
    NoBucket { bucket: String },
    #[error(
        "the {bucket} has no such object; correct `jarName` or the path of `bucketURI`, or upload it"
    )]
    NoObject { bucket: String },
    #[error(
        "the {} refuses to be read with {}{}; grant {} to these credentials, or name others",
        .opener.bucket, .opener.credentials(), told(code.as_deref()), .opener.provider.right()
    )]
    Denied {
        opener: Opener,
        code: Option<String>,
    },
    #[error(
        "the credentials are not valid{}; mend {}; it is then tried again by itself",
        told(code.as_deref()), .opener.credentials()
    )]
    NotValid {
        opener: Opener,
        code: Option<String>,
    },
    #[error(
        "the credentials have expired{}; renew {}; it is then tried again by itself",
        told(code.as_deref()), .opener.credentials()
    )]
    Expired {
        opener: Opener,
        code: Option<String>,
    },
    #[error(
        "the clocks of this machine and of the bucket's server are {by:#} apart, so it takes no \
         signature; set this machine's clock (timedatectl)"
    )]
    ClockSkewed { by: SignedDuration },
    #[error("the {bucket} is in the region `{region}`; write `region={region}` in `bucketURI`")]
    OtherRegion { bucket: String, region: String },
    #[error(
        "the {bucket} is in another region; write `region=…` in `bucketURI`, or mend it in the secret"
    )]
    WrongRegion { bucket: String },
    #[error("it is archived; restore it to a class of storage that can be read at once")]
    Archived,
    #[error("the server asks for fewer requests{}; it is tried again", told(code.as_deref()))]
    Throttled { code: Option<String> },
    #[error("the server answered {status}{}; it is tried again", told(code.as_deref()))]
    Refused { status: u16, code: Option<String> },
    #[error("the bucket's server could not be reached: {cause}; it is tried again")]
    Away { cause: String },
    #[error(
        "what came is no answer of such a bucket's server; see whether `bucketURI` leads to one"
    )]
    NoAnswer,
}

fn told(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" ({code})"))
}

impl BucketError {
    /// What an error of the library means, by what the server said right before.
    pub(super) fn of(error: &object_store::Error, trouble: &Trouble, opener: &Opener) -> Self {
        Self::at(error, trouble, opener, Timestamp::now())
    }

    /// The same where the jar had begun to come.
    pub(super) fn of_break(
        error: &object_store::Error,
        trouble: &Trouble,
        opener: &Opener,
    ) -> Self {
        match Self::of(error, trouble, opener) {
            Self::NoAnswer => Self::Away {
                cause: "it went away in the middle of the jar".to_owned(),
            },
            other => other,
        }
    }

    fn at(error: &object_store::Error, trouble: &Trouble, opener: &Opener, now: Timestamp) -> Self {
        match trouble {
            Trouble::Refused(refusal) if refusal.metadata => Self::NoCredentials(opener.clone()),
            Trouble::Lost { metadata: true, .. } => Self::NoCredentials(opener.clone()),
            Trouble::Refused(refusal) => Self::of_refusal(refusal, opener, now),
            Trouble::Lost { cause, .. } => Self::Away {
                cause: cause.clone(),
            },
            // It went away in the middle of the jar; or what it sent is none of the protocol.
            Trouble::None => match lost(error) {
                Some(cause) => Self::Away { cause },
                None => Self::NoAnswer,
            },
        }
    }

    fn of_refusal(refusal: &Refusal, opener: &Opener, now: Timestamp) -> Self {
        Self::by_code(refusal, opener, now).unwrap_or_else(|| Self::by_status(refusal, opener, now))
    }

    /// By the provider's own word.
    fn by_code(refusal: &Refusal, opener: &Opener, now: Timestamp) -> Option<Self> {
        let (opener, bucket) = (opener.clone(), opener.bucket.clone());
        let code = refusal.code.clone();
        Some(match refusal.code.as_deref()? {
            "NoSuchBucket"
            | "ContainerNotFound"
            | "ContainerBeingDeleted"
            | "InvalidBucketName" => Self::NoBucket { bucket },
            "NoSuchKey" | "NoSuchVersion" | "BlobNotFound" => Self::NoObject { bucket },
            "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
            | "RequestExpired" => Self::Expired { opener, code },
            "InvalidObjectState" | "BlobArchived" => Self::Archived,
            "SlowDown" | "ServerBusy" | "TooManyRequests" | "RequestLimitExceeded" => {
                Self::Throttled { code }
            }
            "RequestTimeTooSkewed" => {
                let by = refusal.skew(now).unwrap_or(MAX_SKEW);
                Self::ClockSkewed { by }
            }
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => Self::other_region(refusal, bucket),
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "InvalidSecurity"
            | "InvalidAuthenticationInfo"
            | "NotSignedUp"
            | "AuthenticationFailed"
            | "UnauthorizedAccess" => Self::not_valid(refusal, opener, now),
            _ => return None,
        })
    }

    fn by_status(refusal: &Refusal, opener: &Opener, now: Timestamp) -> Self {
        let (opener, bucket) = (opener.clone(), opener.bucket.clone());
        let code = refusal.code.clone();
        match refusal.status {
            301 | 307 => Self::other_region(refusal, bucket),
            401 => Self::not_valid(refusal, opener, now),
            403 => match refusal.skew(now) {
                Some(by) => Self::ClockSkewed { by },
                None => Self::Denied { opener, code },
            },
            404 | 410 => Self::NoObject { bucket },
            429 => Self::Throttled { code },
            status => Self::Refused { status, code },
        }
    }

    fn other_region(refusal: &Refusal, bucket: String) -> Self {
        match refusal.region.clone() {
            Some(region) => Self::OtherRegion { bucket, region },
            None => Self::WrongRegion { bucket },
        }
    }

    /// A signature depends on the time, too.
    fn not_valid(refusal: &Refusal, opener: Opener, now: Timestamp) -> Self {
        match refusal.skew(now) {
            Some(by) => Self::ClockSkewed { by },
            None => Self::NotValid {
                opener,
                code: refusal.code.clone(),
            },
        }
    }

    /// The same for who asked for the jar called `name`.
    pub(super) fn failure(&self, name: &str) -> Failure {
        let problem = match self {
            Self::SecretMissing { .. }
            | Self::SecretUnusable { .. }
            | Self::CannotOpen(_)
            | Self::NoCredentials(_) => JarProblem::SecretMissing,
            Self::NoBucket { .. } | Self::NoObject { .. } | Self::BadKey => JarProblem::NotFound,
            Self::Denied { .. } | Self::NotValid { .. } | Self::Expired { .. } => {
                JarProblem::Denied
            }
            Self::ClockSkewed { .. }
            | Self::OtherRegion { .. }
            | Self::WrongRegion { .. }
            | Self::Archived
            | Self::Throttled { .. }
            | Self::Refused { .. }
            | Self::Away { .. }
            | Self::NoAnswer => JarProblem::FetchFailed,
        };
        Failure::new(problem, Retry::Soon, format!("{name}: {self}"))
    }
}

impl Refusal {
    /// How far the server's clock is from ours, where that is enough to be the reason.
    fn skew(&self, now: Timestamp) -> Option<SignedDuration> {
        let date = jiff::fmt::rfc2822::parse(self.date.as_deref()?).ok()?;
        let by = now.duration_since(date.timestamp()).abs();
        (by > MAX_SKEW).then(|| by.round(jiff::Unit::Second).unwrap_or(by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::BucketUri;

    const DATE: &str = "Mon, 05 Jan 2026 10:00:00 GMT";

    fn now() -> Timestamp {
        "2026-01-05T10:00:00Z".parse().unwrap()
    }

    fn told(uri: &str, secret: Option<&str>, trouble: &Trouble) -> String {
        let opener = Opener::of(&BucketUri::parse(uri).unwrap().place, secret);
        let error = object_store::Error::Generic {
            store: "S3",
            source: "hush".into(),
        };
        let failure = BucketError::at(&error, trouble, &opener, now()).failure("a.jar in b");
        format!("{:?}: {}", failure.problem, failure.message)
    }

    fn refused(status: u16, code: &str, date: &str, region: Option<&str>) -> Trouble {
        Trouble::Refused(Refusal {
            status,
            code: (!code.is_empty()).then(|| code.to_owned()),
            region: region.map(str::to_owned),
            date: Some(date.to_owned()),
            metadata: false,
        })
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let s3 = |status, code| told("s3://b", Some("s"), &refused(status, code, DATE, None));
        let lines = [
            s3(404, "NoSuchBucket"),
            s3(404, "NoSuchKey"),
            s3(404, ""),
            s3(403, "AccessDenied"),
            s3(403, "InvalidAccessKeyId"),
            s3(400, "ExpiredToken"),
            s3(403, "InvalidObjectState"),
            s3(503, "SlowDown"),
            s3(500, "InternalError"),
            told("gs://b", None, &refused(401, "", DATE, None)),
            told("gs://b", Some("s"), &Trouble::None),
            told(
                "azblob://c",
                Some("s"),
                &refused(403, "AuthenticationFailed", DATE, None),
            ),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        NotFound: a.jar in b: there is no bucket `b`; correct `bucketURI`, or make it
        NotFound: a.jar in b: the bucket `b` has no such object; correct `jarName` or the path of `bucketURI`, or upload it
        NotFound: a.jar in b: the bucket `b` has no such object; correct `jarName` or the path of `bucketURI`, or upload it
        Denied: a.jar in b: the bucket `b` refuses to be read with the secret `s` (AccessDenied); grant s3:GetObject to these credentials, or name others
        Denied: a.jar in b: the credentials are not valid (InvalidAccessKeyId); mend the secret `s`; it is then tried again by itself
        Denied: a.jar in b: the credentials have expired (ExpiredToken); renew the secret `s`; it is then tried again by itself
        FetchFailed: a.jar in b: it is archived; restore it to a class of storage that can be read at once
        FetchFailed: a.jar in b: the server asks for fewer requests (SlowDown); it is tried again
        FetchFailed: a.jar in b: the server answered 500 (InternalError); it is tried again
        Denied: a.jar in b: the credentials are not valid; mend the credentials of this machine (GOOGLE_APPLICATION_CREDENTIALS, or the machine's service account); it is then tried again by itself
        FetchFailed: a.jar in b: what came is no answer of such a bucket's server; see whether `bucketURI` leads to one
        Denied: a.jar in b: the credentials are not valid (AuthenticationFailed); mend the secret `s`; it is then tried again by itself
        ");
    }

    #[test]
    fn a_clock_that_goes_wrong_is_told_by_the_servers_time() {
        let late = "Mon, 05 Jan 2026 10:21:00 GMT";
        let lines = [
            told(
                "s3://b",
                Some("s"),
                &refused(403, "RequestTimeTooSkewed", late, None),
            ),
            told(
                "azblob://c",
                Some("s"),
                &refused(403, "AuthenticationFailed", late, None),
            ),
            told("gs://b", Some("s"), &refused(401, "", late, None)),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        FetchFailed: a.jar in b: the clocks of this machine and of the bucket's server are 21m apart, so it takes no signature; set this machine's clock (timedatectl)
        FetchFailed: a.jar in b: the clocks of this machine and of the bucket's server are 21m apart, so it takes no signature; set this machine's clock (timedatectl)
        FetchFailed: a.jar in b: the clocks of this machine and of the bucket's server are 21m apart, so it takes no signature; set this machine's clock (timedatectl)
        ");
    }

    #[test]
    fn the_region_and_whoever_is_away_are_named() {
        let lost = |metadata| Trouble::Lost {
            metadata,
            cause: "Connection refused".to_owned(),
        };
        let lines = [
            told(
                "s3://b",
                Some("s"),
                &refused(301, "PermanentRedirect", DATE, Some("eu-west-1")),
            ),
            told("s3://b", Some("s"), &refused(301, "", DATE, None)),
            told("s3://b", Some("s"), &lost(false)),
            told("s3://b", None, &lost(true)),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        FetchFailed: a.jar in b: the bucket `b` is in the region `eu-west-1`; write `region=eu-west-1` in `bucketURI`
        FetchFailed: a.jar in b: the bucket `b` is in another region; write `region=…` in `bucketURI`, or mend it in the secret
        FetchFailed: a.jar in b: the bucket's server could not be reached: Connection refused; it is tried again
        SecretMissing: a.jar in b: no secret is named and this machine has no credentials for the bucket `b` (variables AWS_…, a web identity, or the machine's role); name a secret in `bucketConfig.secretName`
        ");
    }
}
