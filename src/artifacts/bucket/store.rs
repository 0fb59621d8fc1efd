//! Opening a bucket with the library that speaks the providers' protocols.

use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, RetryConfig};

use super::credentials::Credentials;
use super::transport::Transport;
use crate::resources::BucketPlace;
use crate::resources::bucket::{AzureContainer, GoogleBucket, S3Bucket};
use crate::secrets::SecretString;

/// What the operator calls the variables for Azure; the library has other names for them.
const AZURE_ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT";
const AZURE_KEY: &str = "AZURE_STORAGE_KEY";

/// Opens a bucket; asks nothing of its server.
pub(super) fn open(
    place: &BucketPlace,
    credentials: &Credentials,
    transport: &Transport,
) -> Result<Box<dyn ObjectStore>, Error> {
    match place {
        BucketPlace::S3(bucket) => s3(bucket, credentials, transport),
        BucketPlace::Google(bucket) => google(bucket, credentials, transport),
        BucketPlace::Azure(container) => azure(container, credentials, transport),
        BucketPlace::Directory(_) => Err(Error::NotImplemented {
            operation: "open".to_owned(),
            implementer: "directories".to_owned(),
        }),
    }
}

/// What broke off is begun again a few times at once; all else is tried again later, by the keeper.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 2,
        retry_timeout: Duration::from_secs(30),
    }
}

fn s3(
    bucket: &S3Bucket,
    credentials: &Credentials,
    transport: &Transport,
) -> Result<Box<dyn ObjectStore>, Error> {
    let mut builder = match credentials {
        Credentials::Machine => AmazonS3Builder::from_env(),
        _ => AmazonS3Builder::new(),
    };
    builder = builder
        .with_bucket_name(&bucket.name)
        .with_retry(retry())
        .with_skip_signature(bucket.anonymous)
        .with_http_connector(transport.clone());
    let mut region = bucket.region.as_deref();
    if let Credentials::S3 {
        key_id,
        secret_key,
        session_token,
        region: of_secret,
    } = credentials
    {
        builder = builder
            .with_access_key_id(key_id.expose())
            .with_secret_access_key(secret_key.expose());
        if let Some(token) = session_token {
            builder = builder.with_token(token.expose());
        }
        region = region.or(of_secret.as_ref().map(SecretString::expose));
    }
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    Ok(Box::new(located(builder, bucket).build()?))
}

/// The same, at the server that the bucket is of.
fn located(builder: AmazonS3Builder, bucket: &S3Bucket) -> AmazonS3Builder {
    // A certificate for all buckets has no names with more dots.
    let in_host = !bucket.path_style && !bucket.name.contains('.');
    let Some(endpoint) = &bucket.endpoint else {
        let variables = [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint];
        let mut variables = variables.iter();
        let elsewhere = variables.any(|key| builder.get_config_value(key).is_some());
        return builder.with_virtual_hosted_style_request(in_host && !elsewhere);
    };
    let (scheme, host) = endpoint.split_once("://").unwrap_or(("https", endpoint));
    let builder = builder.with_allow_http(scheme == "http");
    if in_host && !is_address(host) {
        let endpoint = format!("{scheme}://{}.{host}", bucket.name);
        let builder = builder.with_endpoint(endpoint);
        builder.with_virtual_hosted_style_request(true)
    } else {
        builder.with_endpoint(endpoint)
    }
}

/// Whether a host has no name, which a bucket's could be put before.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    name == "localhost" || name.starts_with('[') || name.parse::<std::net::IpAddr>().is_ok()
}

fn google(
    bucket: &GoogleBucket,
    credentials: &Credentials,
    transport: &Transport,
) -> Result<Box<dyn ObjectStore>, Error> {
    let builder = match credentials {
        Credentials::Google(key) => {
            GoogleCloudStorageBuilder::new().with_service_account_key(key.expose())
        }
        // It would look for credentials, and fail without any, where none are sent.
        _ if bucket.anonymous => {
            let none = object_store::gcp::GcpCredential {
                bearer: String::new(),
            };
            let none = object_store::StaticCredentialProvider::new(none);
            GoogleCloudStorageBuilder::new().with_credentials(std::sync::Arc::new(none))
        }
        _ => GoogleCloudStorageBuilder::from_env(),
    };
    let store = builder
        .with_bucket_name(&bucket.name)
        .with_retry(retry())
        .with_skip_signature(bucket.anonymous)
        // By itself the library would send its token over http, too.
        .with_client_options(ClientOptions::new().with_allow_http(false))
        .with_http_connector(transport.clone())
        .build()?;
    Ok(Box::new(store))
}

fn azure(
    container: &AzureContainer,
    credentials: &Credentials,
    transport: &Transport,
) -> Result<Box<dyn ObjectStore>, Error> {
    let variable = |name| std::env::var(name).ok();
    let (mut builder, account, key) = if let Credentials::Azure { account, key } = credentials {
        let builder = MicrosoftAzureBuilder::new();
        let (account, key) = (account.expose(), key.expose());
        (builder, Some(account.to_owned()), Some(key.to_owned()))
    } else {
        let builder = MicrosoftAzureBuilder::from_env();
        (builder, variable(AZURE_ACCOUNT), variable(AZURE_KEY))
    };
    let account = container.account.clone().or(account);
    builder = builder
        .with_container_name(&container.name)
        .with_retry(retry())
        .with_http_connector(transport.clone());
    if let Some(account) = &account {
        builder = builder.with_account(account);
    }
    if let Some(key) = key {
        builder = builder.with_access_key(key);
    }
    if let Some(endpoint) = &container.endpoint {
        let account = account.unwrap_or_default();
        builder = builder
            .with_endpoint(endpoint.url(&account))
            .with_allow_http(endpoint.protocol == "http");
    }
    Ok(Box::new(builder.build()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_put_before_names_alone() {
        for host in [
            "localhost",
            "localhost:9000",
            "127.0.0.1:9000",
            "[::1]:9000",
            "[::1]",
            "10.0.0.1",
        ] {
            assert!(is_address(host), "{host}");
        }
        for host in ["minio:9000", "s3.example.com", "localhost.example.com"] {
            assert!(!is_address(host), "{host}");
        }
    }
}
