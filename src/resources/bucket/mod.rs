//! The URI of a bucket, as the operator's users write it: `s3://bucket/path?parameter=value`.
//!
//! The parameters are those of the Go CDK, which the operator opens buckets with, in each of its
//! spellings. A parameter that is not known is a fault: it may be a misspelt one, or a secret.

mod parameters;
mod parse;

use std::path::PathBuf;

pub use parse::BucketUriFault;

/// Where a bucket is, and what the names of its objects begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUri {
    /// Whose bucket it is, and how it is reached.
    pub place: BucketPlace,
    /// What stands before the name of an object; empty, or mostly with a `/` at its end.
    pub prefix: String,
}

impl BucketUri {
    /// Reads a URI. All that is wrong with it is told at once.
    pub fn parse(uri: &str) -> Result<Self, Vec<BucketUriFault>> {
        parse::parse(uri)
    }

    /// The name that an object has in the bucket.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Whose bucket it is, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketPlace {
    /// `s3://`: Amazon's, or of a server that speaks its protocol.
    S3(S3Bucket),
    /// `gs://`: Google's.
    Google(GoogleBucket),
    /// `azblob://`: a container of Azure's.
    Azure(AzureContainer),
    /// `file://`: a directory of this machine.
    Directory(PathBuf),
}

/// A bucket behind the protocol of Amazon S3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Bucket {
    /// Its name.
    pub name: String,
    /// `region`.
    pub region: Option<String>,
    /// `endpoint`: the server, with its scheme; Amazon's of the region where absent.
    pub endpoint: Option<String>,
    /// `use_path_style`: the bucket's name stands in the path, not in the host.
    pub path_style: bool,
    /// `anonymous`: requests are not signed.
    pub anonymous: bool,
}

/// A bucket of Google Cloud Storage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoogleBucket {
    /// Its name.
    pub name: String,
    /// `anonymous`: requests carry no token.
    pub anonymous: bool,
}

/// A container of Azure Blob Storage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureContainer {
    /// Its name.
    pub name: String,
    /// `storage_account`.
    pub account: Option<String>,
    /// `domain`, `protocol`, `cdn` and `localemu`; Azure's own where none is given.
    pub endpoint: Option<AzureEndpoint>,
}

/// Another server than Azure's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureEndpoint {
    /// `https` or `http`.
    pub protocol: String,
    /// Host, and port where it isn't the protocol's.
    pub domain: String,
    /// Where the account's name stands.
    pub account: AccountPosition,
}

/// Where the name of a storage account stands in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPosition {
    /// Before the domain.
    Host,
    /// In the path, as emulators have it.
    Path,
    /// Nowhere: the domain is of that account alone.
    Nowhere,
}

impl AzureEndpoint {
    /// The URL of the account's containers.
    pub fn url(&self, account: &str) -> String {
        let (protocol, domain) = (&self.protocol, &self.domain);
        match self.account {
            AccountPosition::Host => format!("{protocol}://{account}.{domain}"),
            AccountPosition::Path => format!("{protocol}://{domain}/{account}"),
            AccountPosition::Nowhere => format!("{protocol}://{domain}"),
        }
    }
}
