//! A repository behind https: `git http-backend` behind a server that wants to know who asks.

use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
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
use super::{Scene, looked, shown, text};

/// `git:hush`, as the header has it.
const EXPECTED: &str = "Basic Z2l0Omh1c2g=";

struct Server {
    port: u16,
    certificate: String,
}

impl Server {
    /// Serves the repositories beside this one's.
    async fn start(remote: &Remote) -> Self {
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
        let app = Router::new().fallback(answer).with_state(root);
        let listener = Tls { listener, acceptor };
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, certificate }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/jobs.git", self.port)
    }
}

/// The names of the server.
const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

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
    State(root): State<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    if let Some(path) = uri.path().strip_prefix("/moved") {
        let query = uri.query().unwrap_or_default();
        let response = Response::builder().status(StatusCode::FOUND);
        // The same server, by another name.
        let host = header("host").replace("localhost", "127.0.0.1");
        let response = response.header("location", format!("https://{host}{path}?{query}"));
        return response.body(Body::empty()).unwrap();
    }
    if header("authorization") != EXPECTED {
        let response = Response::builder().status(StatusCode::UNAUTHORIZED);
        let response = response.header("www-authenticate", "Basic realm=\"git\"");
        return response.body(Body::empty()).unwrap();
    }
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&body).await.unwrap();
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
    response
        .body(Body::from(output[end + 4..].to_vec()))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_a_repository_behind_https() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.write("b.jar", "b");
    remote.push();
    let server = Server::start(&remote).await;
    let mut scene = Scene::at(&server.url());

    // Who the host is comes first.
    let trouble = shown(&scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("can't prove who it is"), "{trouble}");
    let authority = scene.place.write("ca.pem", &server.certificate);
    scene.options.ca_file = Some(authority);
    let trouble = shown(&scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("no `secretName` is given"), "{trouble}");

    scene.options.secret_name = Some("repository".to_owned());
    let trouble = shown(&scene.start().await).trouble.clone().unwrap();
    assert!(trouble.contains("`password`"), "{trouble}");
    scene.place.write("secrets/repository/token", "wrong\n");
    let source = scene.start().await;
    let trouble = shown(&source).trouble.clone().unwrap();
    assert!(trouble.contains("lets us not in"), "{trouble}");
    assert!(!trouble.contains("wrong"), "{trouble}");

    // The secret is read anew.
    scene.place.write("secrets/repository/token", "hush\n");
    let revision = looked(&source).await;
    assert_eq!(revision.trouble, None);
    assert_eq!(text(&revision, "a.yaml"), "a");
    remote.write("a.yaml", "c");
    let commit = remote.push();
    let revision = looked(&source).await;
    assert_eq!((&revision.id, &revision.trouble), (&commit, &None));
}

/// Another host would get the secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_host_is_not_followed() {
    let remote = Remote::new();
    remote.write("a.yaml", "a");
    remote.push();
    let server = Server::start(&remote).await;
    let moved = server.url().replace("/jobs.git", "/moved/jobs.git");
    let mut scene = Scene::at(&moved);
    let authority = scene.place.write("ca.pem", &server.certificate);
    scene.options.ca_file = Some(authority);
    scene.options.secret_name = Some("repository".to_owned());
    scene.place.write("secrets/repository/token", "hush\n");
    let revision = shown(&scene.start().await);
    assert!(revision.trouble.is_some(), "{revision:?}");
    assert!(revision.files.is_empty(), "{revision:?}");
}
