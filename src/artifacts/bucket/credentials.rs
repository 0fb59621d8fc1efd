//! Credentials: what opens a bucket, by the keys that the operator's secrets have.

use super::error::BucketError;
use crate::resources::BucketPlace;
use crate::secrets::{SecretString, Secrets};

const S3_KEYS: [&str; 4] = [
    "access-key-id",
    "secret-access-key",
    "region",
    "session-token",
];
const GOOGLE_KEYS: [&str; 1] = ["google-credentials-path"];
const AZURE_KEYS: [&str; 2] = ["storage-account", "storage-key"];

/// What opens a bucket.
pub(super) enum Credentials {
    /// The environment and services of this machine, as each provider has them.
    Machine,
    /// Of Amazon S3.
    S3 {
        key_id: SecretString,
        secret_key: SecretString,
        /// Of credentials that expire; the operator has none.
        session_token: Option<SecretString>,
        region: Option<SecretString>,
    },
    /// The key of a service account, as JSON.
    Google(SecretString),
    /// Of an Azure storage account.
    Azure {
        account: SecretString,
        key: SecretString,
    },
}

/// What is asked of a secret for a bucket there.
pub(super) fn keys(place: &BucketPlace) -> &'static [&'static str] {
    match place {
        BucketPlace::S3(_) => &S3_KEYS,
        BucketPlace::Google(_) => &GOOGLE_KEYS,
        BucketPlace::Azure(_) => &AZURE_KEYS,
        BucketPlace::Directory(_) => &[],
    }
}

impl Credentials {
    /// Reads them anew.
    pub(super) async fn read(
        secrets: &dyn Secrets,
        place: &BucketPlace,
        secret_name: Option<&str>,
    ) -> Result<Self, BucketError> {
        let Some(name) = secret_name else {
            return Ok(Self::Machine);
        };
        let get = async |key: &str| {
            let value = secrets.get(name, key).await;
            value.map_err(|error| BucketError::SecretMissing {
                why: error.to_string(),
            })
        };
        let find = async |key: &str| {
            let value = secrets.find(name, key).await;
            value.map_err(|error| BucketError::SecretMissing {
                why: error.to_string(),
            })
        };
        Ok(match place {
            BucketPlace::S3(bucket) => {
                let [key_id, secret_key, region, session_token] = S3_KEYS;
                Self::S3 {
                    key_id: get(key_id).await?,
                    secret_key: get(secret_key).await?,
                    session_token: find(session_token).await?,
                    // Servers of one's own mostly have no regions.
                    region: match (&bucket.region, &bucket.endpoint) {
                        (None, None) => Some(get(region).await?),
                        _ => find(region).await?,
                    },
                }
            }
            BucketPlace::Google(_) => {
                let [key] = GOOGLE_KEYS;
                Self::Google(google_key(name, get(key).await?)?)
            }
            BucketPlace::Azure(_) => {
                let [account, key] = AZURE_KEYS;
                Self::Azure {
                    account: get(account).await?,
                    key: get(key).await?,
                }
            }
            BucketPlace::Directory(_) => Self::Machine,
        })
    }
}

/// The key is JSON, although its name in the secret says path.
fn google_key(secret_name: &str, key: SecretString) -> Result<SecretString, BucketError> {
    let is_object = serde_json::from_str::<serde::de::IgnoredAny>(key.expose()).is_ok()
        && key.expose().trim_start().starts_with('{');
    if is_object {
        return Ok(key);
    }
    Err(BucketError::SecretUnusable {
        why: format!(
            "the key `{}` of the secret `{secret_name}` is no JSON: it holds the key of a service \
             account itself, not the path of a file with it",
            GOOGLE_KEYS[0]
        ),
    })
}
