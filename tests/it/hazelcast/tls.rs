//! TLS: a proxy in this process, as Enterprise members end it, before a real member.

use std::path::PathBuf;
use std::sync::Arc;

use jetkeeper::clock::SystemClock;
use jetkeeper::cluster::{Cluster as _, ClusterTarget, HazelcastCluster};
use jetkeeper::hazelcast::TlsConfig;
use jetkeeper::plan::observed::Link;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::support::member::Member;
use crate::support::program::Program;
use crate::support::scratch::{self, Scratch};
use crate::support::wait::{PATIENCE, eventually_async};

const LOOPBACK: &str = "127.0.0.1";

/// An authority, and files with what it signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    cert_file: PathBuf,
    key_file: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = scratch::directory();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, dir }
    }

    fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    fn trusting(&self) -> TlsConfig {
        TlsConfig {
            ca_file: Some(self.ca_file()),
            ..TlsConfig::default()
        }
    }

    fn identity(&self, name: &str) -> Identity {
        self.identity_until(name, 4096)
    }

    fn identity_until(&self, name: &str, year: i32) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str| self.dir.path().join(format!("{name}.{kind}.pem"));
        let identity = Identity {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            cert_file: file("cert"),
            key_file: file("key"),
        };
        std::fs::write(&identity.cert_file, certificate.pem()).unwrap();
        std::fs::write(&identity.key_file, key.serialize_pem()).unwrap();
        identity
    }
}

/// A port that has TLS, before the shared member.
struct Proxy {
    address: String,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    async fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let member = Member::shared().address();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, member) = (acceptor.clone(), member.clone());
                connections.spawn(async move {
                    if let Ok(mut client) = acceptor.accept(client).await {
                        let mut member = TcpStream::connect(member).await.unwrap();
                        // Either side may hang up as it likes.
                        tokio::io::copy_bidirectional(&mut client, &mut member)
                            .await
                            .ok();
                    }
                });
            }
        });
        Self {
            address,
            _task: AbortOnDropHandle::new(task),
        }
    }

    async fn as_member(identity: Identity) -> Self {
        let config = versions(rustls::ALL_VERSIONS).with_no_client_auth();
        let (chain, key) = (vec![identity.certificate], identity.key);
        Self::start(config.with_single_cert(chain, key).unwrap()).await
    }

    /// Wants a certificate of this authority.
    async fn wanting(
        identity: Identity,
        of: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(of.issuer.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let config = versions(&[version]).with_client_cert_verifier(verifier.build().unwrap());
        let (chain, key) = (vec![identity.certificate], identity.key);
        Self::start(config.with_single_cert(chain, key).unwrap()).await
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn versions(
    versions: &[&'static SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let builder = ServerConfig::builder_with_provider(provider());
    builder.with_protocol_versions(versions).unwrap()
}

fn connect(address: &str, tls: Option<TlsConfig>) -> HazelcastCluster {
    let target = ClusterTarget {
        name: "encrypted".to_owned(),
        cluster_name: Member::shared().cluster_name().to_owned(),
        addresses: vec![address.to_owned()],
        credentials: None,
        tls,
    };
    HazelcastCluster::connect(&target, Arc::new(SystemClock))
}

async fn link(cluster: &HazelcastCluster) -> Link {
    let mut connection = cluster.connection();
    let told = connection.wait_for(|it| !matches!(it.link, Link::Down { error: None, .. }));
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    told.link.clone()
}

async fn works(address: &str, tls: TlsConfig) {
    let cluster = connect(address, Some(tls));
    assert_eq!(link(&cluster).await, Link::Up);
    cluster.list().await.unwrap();
    cluster.close().await;
}

/// Why there is no connection, as users are told.
async fn told(address: &str, tls: Option<TlsConfig>) -> String {
    let cluster = connect(address, tls);
    let Link::Down {
        error: Some(error), ..
    } = link(&cluster).await
    else {
        panic!("it connects");
    };
    cluster.close().await;
    error
}

async fn fails(address: &str, tls: Option<TlsConfig>, words: &[&str]) {
    let told = told(address, tls).await;
    for word in words {
        assert!(told.contains(word), "{word:?} is missing: {told}");
    }
}

#[tokio::test]
async fn a_trusted_member_is_called_by_its_address_or_by_the_name_that_is_given() {
    let authority = Authority::new();
    let by_address = Proxy::as_member(authority.identity(LOOPBACK)).await;
    works(&by_address.address, authority.trusting()).await;
    let by_name = Proxy::as_member(authority.identity("members.test")).await;
    let named = TlsConfig {
        server_name: Some("members.test".to_owned()),
        ..authority.trusting()
    };
    works(&by_name.address, named).await;
}

#[tokio::test]
async fn members_that_cannot_be_trusted_are_told_with_the_setting_to_change() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let member = Proxy::as_member(authority.identity(LOOPBACK)).await;
    fails(
        &member.address,
        Some(stranger.trusting()),
        &["signed by nobody", "tls.caFile"],
    )
    .await;
    // This machine's own trust knows nothing of the authority, or it has none at all.
    fails(&member.address, Some(TlsConfig::default()), &["tls.caFile"]).await;
    let expired = Proxy::as_member(authority.identity_until(LOOPBACK, 2021)).await;
    fails(
        &expired.address,
        Some(authority.trusting()),
        &["expired", "renew"],
    )
    .await;
    let other = Proxy::as_member(authority.identity("members.test")).await;
    let words = ["another name", "members.test", "tls.serverName"];
    fails(&other.address, Some(authority.trusting()), &words).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_members_that_want_one() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let member = Proxy::wanting(authority.identity(LOOPBACK), &authority, version).await;
        let showing = |identity: Identity| TlsConfig {
            cert_file: Some(identity.cert_file),
            key_file: Some(identity.key_file),
            ..authority.trusting()
        };
        works(&member.address, showing(authority.identity("keeper.test"))).await;
        let words = ["client certificate", "tls.certFile and tls.keyFile"];
        fails(&member.address, Some(authority.trusting()), &words).await;
        let unknown = showing(stranger.identity("keeper.test"));
        fails(&member.address, Some(unknown), &words[1..]).await;
    }
}

#[tokio::test]
async fn one_side_with_tls_and_the_other_without_is_told() {
    let authority = Authority::new();
    let plain = Member::shared().address();
    let words = ["speaks no TLS", "tls.enabled"];
    fails(&plain, Some(authority.trusting()), &words).await;
    let member = Proxy::as_member(authority.identity(LOOPBACK)).await;
    fails(&member.address, None, &["turn TLS on"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_turn_tls_on_and_the_systems_authorities_are_trusted() {
    let authority = Authority::new();
    let member = Proxy::as_member(authority.identity(LOOPBACK)).await;
    let scratch = Scratch::new();
    let write = |tls: &str| {
        let document = format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata: {{name: encrypted}}\nspec:\n  \
             clusterName: {}\n  addresses: ['{}']\n{tls}---\napiVersion: \
             hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {{name: orders}}\nspec: \
             {{hazelcastResourceName: encrypted, state: Running, jarName: counter.jar}}\n",
            Member::shared().cluster_name(),
            member.address
        );
        scratch.replace("jobs.yaml", document);
    };
    scratch.jar("jars/counter.jar", "counter.jar");
    let path = scratch.path().to_str().unwrap().to_owned();
    let ca = authority.ca_file().to_str().unwrap().to_owned();
    let plan = async |trusted: &str| {
        let (path, trusted) = (path.clone(), trusted.to_owned());
        let run = move || Program::run_with(["plan", &path], &[("SSL_CERT_FILE", &trusted)]);
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        format!("{}{}", output.stdout, output.stderr)
    };
    write("  tls: {}\n");
    eventually_async(PATIENCE, "the submit is planned", async || {
        plan(&ca).await.contains("submit")
    })
    .await;
    write(&format!("  tls: {{caFile: {ca}}}\n"));
    let planned = plan("/dev/null").await;
    assert!(planned.contains("submit"), "{planned}");
}

const ORDERS: &str = "apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata: {name: orders}
spec: {hazelcastResourceName: encrypted, state: Running, jarName: counter.jar}
";

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_turns_tls_on_for_a_cluster_without_a_document() {
    let authority = Authority::new();
    let identity = authority.identity(LOOPBACK);
    let member = Proxy::wanting(identity, &authority, &rustls::version::TLS13).await;
    let ours = authority.identity("keeper.test");
    let scratch = Scratch::new();
    std::fs::copy(authority.ca_file(), scratch.path().join("ca.pem")).unwrap();
    scratch.write("jobs/jobs.yaml", ORDERS);
    scratch.jar("jobs/jars/counter.jar", "counter.jar");
    let configure = |tls: &str| {
        let text = format!(
            "sources: [{{name: jobs, directory: {{path: jobs}}}}]\nstate: {{directory: state}}\nclusters:\n  \
             encrypted: {{clusterName: {}, addresses: ['{}']{tls}}}\n",
            Member::shared().cluster_name(),
            member.address
        );
        scratch.replace("jetkeeper.yaml", text);
    };
    let file = scratch.path().join("jetkeeper.yaml").display().to_string();
    let run = async |args: &[&str]| {
        let args: Vec<String> = args
            .iter()
            .copied()
            .chain(["--config", &file])
            .map(str::to_owned)
            .collect();
        let run = move || Program::run(args);
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        format!("{}{}", output.stdout, output.stderr)
    };
    configure("");
    let planned = run(&["plan"]).await;
    assert!(!planned.contains("submit"), "{planned}");
    // The certificate of the authority stands beside the configuration.
    configure(&format!(
        ", tls: {{caFile: ca.pem, certFile: {}, keyFile: {}}}",
        ours.cert_file.display(),
        ours.key_file.display()
    ));
    eventually_async(PATIENCE, "the submit is planned", async || {
        run(&["plan"]).await.contains("submit")
    })
    .await;
    let listed = run(&["snapshot", "list"]).await;
    assert!(!listed.contains("can't be reached"), "{listed}");
}
