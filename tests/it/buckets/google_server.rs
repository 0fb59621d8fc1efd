//! A stand-in of Google Cloud Storage: of its XML API, what reading takes. It checks the token that a
//! service account signs for itself, as Google does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::alg_id;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const EMAIL: &str = "jobs@project.iam.gserviceaccount.com";
const KEY_ID: &str = "key-1";

#[derive(Clone)]
struct Objects {
    /// By bucket and name: the bytes, and how often they were written.
    all: Arc<Mutex<BTreeMap<(String, String), (Vec<u8>, u64)>>>,
    public_key: Arc<Vec<u8>>,
    statuses: Arc<Mutex<Vec<u16>>>,
}

pub(super) struct GoogleServer {
    pub(super) address: SocketAddr,
    objects: Objects,
    private_key: String,
}

impl GoogleServer {
    pub(super) async fn start() -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let objects = Objects {
            all: Arc::default(),
            public_key: Arc::new(key.der_bytes().to_vec()),
            statuses: Arc::default(),
        };
        let app = Router::new().fallback(answer).with_state(objects.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            objects,
            private_key: key.serialize_pem(),
        }
    }

    /// The key of a service account, as Google's console gives it, which leads to this server.
    pub(super) fn key(&self) -> String {
        key(&self.private_key, &format!("http://{}", self.address))
    }

    pub(super) fn put(&self, bucket: &str, name: &str, bytes: &[u8]) {
        let mut all = self.objects.all.lock().unwrap();
        let object = all.entry((bucket.to_owned(), name.to_owned())).or_default();
        *object = (bytes.to_vec(), object.1 + 1);
    }

    pub(super) fn gave(&self, status: u16) -> usize {
        let statuses = self.objects.statuses.lock().unwrap();
        statuses.iter().filter(|given| **given == status).count()
    }
}

/// The key of a service account with another private key.
pub(super) fn other_key(server: &str) -> String {
    let other = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    key(&other.serialize_pem(), server)
}

fn key(private_key: &str, server: &str) -> String {
    json!({
        "type": "service_account",
        "project_id": "project",
        "private_key_id": KEY_ID,
        "private_key": private_key,
        "client_email": EMAIL,
        "client_id": "1",
        "gcs_base_url": server,
    })
    .to_string()
}

async fn answer(
    State(objects): State<Objects>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let response = respond(&objects, &method, &uri, &headers);
    let status = response.status().as_u16();
    objects.statuses.lock().unwrap().push(status);
    response
}

fn respond(objects: &Objects, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    if *method != Method::GET {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed");
    }
    let token = header("authorization").strip_prefix("Bearer ");
    match token.map(|token| judge(token, &objects.public_key)) {
        None => return refusal(StatusCode::UNAUTHORIZED, "AuthenticationRequired"),
        Some(None) => return refusal(StatusCode::UNAUTHORIZED, "InvalidToken"),
        Some(Some(())) => {}
    }
    let path = unescape(uri.path());
    let (bucket, name) = path.trim_start_matches('/').split_once('/').unwrap();
    let all = objects.all.lock().unwrap();
    if !all.keys().any(|(there, _)| there == bucket) {
        return refusal(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    let Some((bytes, generation)) = all.get(&(bucket.to_owned(), name.to_owned())) else {
        return refusal(StatusCode::NOT_FOUND, "NoSuchKey");
    };
    let tag = format!("\"{generation}-{}\"", bytes.len());
    let response = Response::builder()
        .header("ETag", &tag)
        .header("Last-Modified", "Mon, 05 Jan 2026 10:00:00 GMT")
        .header("x-goog-generation", generation.to_string());
    if header("if-none-match") == tag {
        let response = response.status(StatusCode::NOT_MODIFIED);
        return response.body(Body::empty()).unwrap();
    }
    response.body(Body::from(bytes.clone())).unwrap()
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let xml = format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>");
    let response = Response::builder().status(status);
    response.body(Body::from(xml)).unwrap()
}

/// Whether the service account signed this token, for reading, and for now.
fn judge(token: &str, public_key: &[u8]) -> Option<()> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice::<Value>(&from_base64(part)?).ok();
    let (head, claims) = (json(head)?, json(claims)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let fits = head["alg"] == "RS256"
        && head["kid"] == KEY_ID
        && claims["iss"] == EMAIL
        && claims["scope"].as_str()?.contains("/auth/cloud-platform")
        && claims["iat"].as_u64()? <= now + 60
        && claims["exp"].as_u64()? > now;
    let algorithms = default_provider().signature_verification_algorithms.all;
    let verified = algorithms.iter().any(|algorithm| {
        algorithm.signature_alg_id() == alg_id::RSA_PKCS1_SHA256
            && algorithm
                .verify_signature(
                    public_key,
                    signed.as_bytes(),
                    &from_base64(signature).unwrap_or_default(),
                )
                .is_ok()
    });
    (fits && verified).then_some(())
}

/// Base64 for URLs, without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Vec::new();
    let (mut waiting, mut bits) = (0_u32, 0);
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        waiting = (waiting << 6) | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((waiting >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn unescape(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
