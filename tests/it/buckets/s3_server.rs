//! A real S3 server (s3s) on loopback, on a scratch directory. It checks signatures.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::error_handling::HandleError;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions, PutPayload};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

pub(crate) const KEY_ID: &str = "AKIAJETKEEPER";
pub(crate) const SECRET_KEY: &str = "hush-hush-hush-hush";

/// The keys of a secret that opens it.
pub(crate) const KEYS: [(&str, &str); 3] = [
    ("access-key-id", KEY_ID),
    ("secret-access-key", SECRET_KEY),
    ("region", "eu-central-1"),
];

type Statuses = Arc<Mutex<Vec<u16>>>;

pub(crate) struct S3Server {
    pub(crate) address: SocketAddr,
    scratch: tempfile::TempDir,
    statuses: Statuses,
}

impl S3Server {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// The same at an address where nobody else listens.
    pub(crate) async fn start_at(address: &str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let service = {
            let files = s3s_fs::FileSystem::new(scratch.path()).unwrap();
            let mut builder = S3ServiceBuilder::new(files);
            builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET_KEY));
            builder.build()
        };
        let broken = async |error: s3s::HttpError| {
            let words = format!("{error:?}");
            (StatusCode::INTERNAL_SERVER_ERROR, words)
        };
        let statuses = Statuses::default();
        let app = Router::new()
            .fallback_service(HandleError::new(service, broken))
            .layer(from_fn_with_state(Arc::clone(&statuses), count));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            scratch,
            statuses,
        }
    }

    /// The URI of a bucket, or of a folder in one.
    pub(crate) fn uri(&self, place: &str) -> String {
        format!("s3://{place}?endpoint=http://{}", self.address)
    }

    /// Makes a bucket.
    pub(crate) fn make(&self, bucket: &str) {
        std::fs::create_dir(self.scratch.path().join(bucket)).unwrap();
    }

    /// Uploads, as a user does.
    pub(crate) async fn upload(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let store = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_endpoint(format!("http://{}", self.address))
            .with_allow_http(true)
            .with_access_key_id(KEY_ID)
            .with_secret_access_key(SECRET_KEY)
            .build()
            .unwrap();
        let payload = PutPayload::from(bytes.to_vec());
        let path = Path::from(key);
        let put = store.put_opts(&path, payload, PutOptions::default());
        put.await.unwrap();
        self.statuses.lock().unwrap().clear();
    }

    /// How often it gave this status since the last upload.
    pub(crate) fn gave(&self, status: u16) -> usize {
        let statuses = self.statuses.lock().unwrap();
        statuses.iter().filter(|given| **given == status).count()
    }
}

async fn count(State(statuses): State<Statuses>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    statuses.lock().unwrap().push(response.status().as_u16());
    response
}
