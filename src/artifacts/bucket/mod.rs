//! Jars in buckets: of Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob
//! Storage, and directories.
//!
//! ```text
//! BucketJar ─▶ credentials (from the secret, read anew each time) ─▶ store ─▶ pieces of the jar
//!                                                         transport (notes why a server refused)
//! ```
//!
//! Each fetch opens the bucket anew, so that credentials that changed are used at once. What servers
//! and libraries say is told to nobody, as they repeat names of keys and URLs: errors are our own
//! ([`BucketError`]), told from codes and statuses.

mod credentials;
mod directory;
mod error;
mod store;
mod transport;

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::credentials::Credentials;
use self::error::{BucketError, Opener};
use self::transport::{Clients, Transport};
use super::cache::JarCache;
use super::failure::{Failure, Retry};
use super::fetch::Fetched;
use super::file::too_large;
use super::options::ArtifactOptions;
use super::progress::Progress;
use super::receive::receive;
use super::validators::Validators;
use crate::plan::jar::JarProblem;
use crate::resources::{BucketPlace, BucketUri};
use crate::secrets::Secrets;

/// A jar in a bucket, and the secret that opens it.
#[derive(Clone)]
pub(super) struct BucketJar {
    pub(super) uri: String,
    pub(super) jar_name: String,
    pub(super) secret_name: Option<String>,
}

impl BucketJar {
    /// Its place as it may be shown: parameters are left out.
    pub(super) fn shown(&self) -> String {
        let place = self.uri.split('?').next().unwrap_or_default();
        format!("{} in {place}", self.jar_name)
    }

    /// What the cache remembers its bytes by: what one secret opens is not given to who lacks it.
    pub(super) fn key(&self) -> String {
        let secret = self.secret_name.as_deref().unwrap_or_default();
        format!("{}\n{}\n{secret}", self.uri, self.jar_name)
    }

    /// What is asked of its secret.
    pub(super) fn secret_keys(&self) -> &'static [&'static str] {
        BucketUri::parse(&self.uri).map_or(&[], |uri| credentials::keys(&uri.place))
    }
}

/// What fetches from buckets.
pub(super) struct Buckets {
    options: ArtifactOptions,
    secrets: Arc<dyn Secrets>,
    /// Made when it is first needed: without system certificates it can't be made, which must not
    /// matter where nothing is in a bucket.
    clients: OnceCell<Clients>,
}

impl Buckets {
    pub(super) fn new(options: ArtifactOptions, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            options,
            secrets,
            clients: OnceCell::new(),
        }
    }

    /// Fetches what is in the bucket; unless that is what these validators are of.
    pub(super) async fn fetch(
        &self,
        jar: &BucketJar,
        known: &Validators,
        cache: &Arc<JarCache>,
        progress: &Progress,
    ) -> Result<Fetched, Failure> {
        let name = jar.shown();
        let Ok(uri) = BucketUri::parse(&jar.uri) else {
            let message = format!("{name} can't be fetched; correct `bucketURI`");
            return Err(Failure::new(JarProblem::Unsupported, Retry::Never, message));
        };
        let limit = self.options.total_timeout;
        let fetching = async {
            if let BucketPlace::Directory(directory) = &uri.place {
                let path = directory.join(uri.key(&jar.jar_name));
                let limit = self.options.max_jar_size;
                return directory::fetch(path, known, cache, progress, limit).await;
            }
            self.get(jar, &uri, known, cache, progress).await
        };
        timeout(limit, fetching).await.unwrap_or_else(|_| {
            let cause = format!("it took longer than {limit:?}");
            Err(BucketError::Away { cause }.failure(&name))
        })
    }

    async fn get(
        &self,
        jar: &BucketJar,
        uri: &BucketUri,
        known: &Validators,
        cache: &Arc<JarCache>,
        progress: &Progress,
    ) -> Result<Fetched, Failure> {
        let name = jar.shown();
        let transport = Transport::new(self.clients().await.map_err(|it| it.failure(&name))?);
        let opener = Opener::of(&uri.place, jar.secret_name.as_deref());
        let failed = |error: &object_store::Error| {
            BucketError::of(error, &transport.last_trouble(), &opener).failure(&name)
        };
        let result = self.ask(jar, uri, known, &transport, &opener).await;
        let result = match result.map_err(|error| error.failure(&name))? {
            Ok(result) => result,
            Err(object_store::Error::NotModified { .. }) if known.etag().is_some() => {
                return Ok(Fetched::Unchanged);
            }
            Err(error) => return Err(failed(&error)),
        };
        let limit = self.options.max_jar_size;
        if result.meta.size > limit {
            return Err(too_large(&name, limit));
        }
        progress.set_total(result.meta.size);
        let validators = Validators::of_etag(result.meta.e_tag.as_deref());
        if validators.etag().is_some() && validators == *known {
            // A server that heeds no conditions; what it is about to send is known.
            return Ok(Fetched::Unchanged);
        }
        let broken_off = |error: object_store::Error| {
            BucketError::of_break(&error, &transport.last_trouble(), &opener).failure(&name)
        };
        let pieces = result.into_stream().map_err(broken_off);
        let draft = receive(pieces, &name, cache, progress, limit).await?;
        Ok(Fetched::Bytes(draft, validators))
    }

    /// Opens the bucket and asks for the jar.
    async fn ask(
        &self,
        jar: &BucketJar,
        uri: &BucketUri,
        known: &Validators,
        transport: &Transport,
        opener: &Opener,
    ) -> Result<Result<GetResult, object_store::Error>, BucketError> {
        let secrets = &*self.secrets;
        let secret_name = jar.secret_name.as_deref();
        let credentials = Credentials::read(secrets, &uri.place, secret_name).await?;
        let key = Path::parse(uri.key(&jar.jar_name)).map_err(|_| BucketError::BadKey)?;
        let (place, transport) = (uri.place.clone(), transport.clone());
        // Without a secret, files of this machine are read for credentials.
        let opened = spawn_blocking(move || store::open(&place, &credentials, &transport)).await;
        let opened: Result<Box<dyn ObjectStore>, _> =
            opened.map_err(|_| BucketError::CannotOpen(opener.clone()))?;
        let Ok(store) = opened else {
            return Err(BucketError::CannotOpen(opener.clone()));
        };
        let options = GetOptions {
            if_none_match: known.etag().map(str::to_owned),
            ..GetOptions::default()
        };
        Ok(store.get_opts(&key, options).await)
    }

    async fn clients(&self) -> Result<&Clients, BucketError> {
        let make = async || Clients::new(&self.options);
        let made = self.clients.get_or_try_init(make).await;
        made.map_err(|error| BucketError::Away {
            cause: super::web::innermost(&error),
        })
    }
}
