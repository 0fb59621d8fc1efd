//! `git http-backend` behind https, by a server that wants to know who asks, and can be told to fail.

use std::convert::Infallible;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::response::Builder;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use super::remote::Remote;

/// `git:hush` and `keeper:hush`, as the header has them.
const EXPECTED: [&str; 2] = ["Basic Z2l0Omh1c2g=", "Basic a2VlcGVyOmh1c2g="];

pub(super) struct Server {
    port: u16,
    pub(super) certificate: String,
    requests: Arc<AtomicUsize>,
}

/// What every answer has at hand.
#[derive(Clone)]
struct Served {
    root: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// Serves the repositories beside this one's.
    pub(super) async fn start(remote: &Remote) -> Self {
        let made = rcgen::generate_simple_self_signed(HOSTS.map(str::to_owned)).unwrap();
        let certificate = made.cert.pem();
        let key = made.signing_key.serialize_pem();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let root = remote.scratch.path().display().to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let served = Served {
            root,
            requests: Arc::clone(&requests),
        };
        let app = Router::new().fallback(answer).with_state(served);
        let listener = Tls { listener, acceptor };
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            port,
            certificate,
            requests,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}/jobs.git", self.port)
    }

    /// Where the server does this instead of what it should.
    pub(super) fn url_that(&self, does: &str) -> String {
        self.url()
            .replace("/jobs.git", &format!("/{does}/jobs.git"))
    }

    /// How often it was asked for something.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The names of the server.
pub(super) const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn answer(
    State(served): State<Served>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    served.requests.fetch_add(1, Ordering::Relaxed);
    if let Some(refused) = refuse(&uri, &headers) {
        return refused;
    }
    let (does, path) = match uri.path() {
        path if path.starts_with("/jobs.git") => ("", path),
        path => {
            let does = path[1..].split_once('/').map_or("", |(does, _)| does);
            (does, &path[1 + does.len()..])
        }
    };
    let is_pack = method == Method::POST;
    let (response, whole) = ask_git(&served.root, &method, (path, &uri), &headers, &body).await;
    let half = whole[..whole.len() / 2].to_vec();
    let body = match does {
        "truncates" if is_pack => Body::from(half),
        "hangs" if is_pack => {
            let half = stream::iter([Ok::<_, Infallible>(half)]);
            Body::from_stream(half.chain(stream::pending()))
        }
        _ => Body::from(whole),
    };
    response.body(body).unwrap()
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// What is answered without any repository.
fn refuse(uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let response = if uri.path().starts_with("/throttles") {
        let response = Response::builder().status(StatusCode::TOO_MANY_REQUESTS);
        response.header("retry-after", "3")
    } else if let Some(path) = uri.path().strip_prefix("/moved") {
        let query = uri.query().unwrap_or_default();
        let response = Response::builder().status(StatusCode::FOUND);
        // The same server, by another name.
        let host = header(headers, "host").replace("localhost", "127.0.0.1");
        response.header("location", format!("https://{host}{path}?{query}"))
    } else if EXPECTED.contains(&&*header(headers, "authorization")) {
        return None;
    } else {
        let response = Response::builder().status(StatusCode::UNAUTHORIZED);
        response.header("www-authenticate", "Basic realm=\"git\"")
    };
    Some(response.body(Body::empty()).unwrap())
}

/// What `git http-backend` answers: its head and its body.
async fn ask_git(
    root: &str,
    method: &Method,
    (path, uri): (&str, &Uri),
    headers: &HeaderMap,
    body: &[u8],
) -> (Builder, Vec<u8>) {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", path)
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header(headers, "content-type"))
        .env("HTTP_CONTENT_ENCODING", header(headers, "content-encoding"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(body).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let mut response = Response::builder();
    for line in std::str::from_utf8(&output[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            name => response.header(name, value),
        };
    }
    (response, output[end + 4..].to_vec())
}
