//! TLS under a connection: whom we trust, who we are, whom we expect.
//!
//! Files are read anew for every connection, so that certificates can be replaced while a client runs.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest file of certificates or keys that is read.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// How to connect with TLS. The default trusts what the system trusts, and shows no certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// The only certificates (PEM) that may have signed a member's; the system's where absent.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and those that signed it (PEM), for members that want one.
    pub cert_file: Option<PathBuf>,
    /// The key (PEM) of our certificate.
    pub key_file: Option<PathBuf>,
    /// The name that members' certificates are to have; the host of the address where absent.
    pub server_name: Option<String>,
}

/// Why there was no TLS with a member.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("the {what} {path} could not be read: name a file that this user may read", path = .path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file has nothing of what it is for.
    #[error("the {what} {path} has nothing of the kind in it: write it in PEM (-----BEGIN …)", path = .path.display())]
    NotPem {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Only one of certificate and key is given.
    #[error(
        "a client certificate needs its key, and a key its certificate: give both files, or none"
    )]
    HalfIdentity,
    /// The system trusts nobody.
    #[error(
        "this system has no trusted certificates: install them (ca-certificates), or give a CA file"
    )]
    NoSystemRoots,
    /// The name is none that a certificate could have.
    #[error("{0:?} is no name that a certificate can have: give the server name")]
    BadServerName(String),
    /// The member's certificate was signed by somebody unknown.
    #[error(
        "the member's certificate is signed by nobody who is trusted here: give the file of the CA \
         that signed it"
    )]
    UnknownIssuer,
    /// The member's certificate is of another time.
    #[error(
        "the member's certificate has expired, or isn't valid yet: renew it on the member, or correct \
         the clocks"
    )]
    Expired,
    /// The member's certificate is for others.
    #[error(
        "the member's certificate is for another name ({0}): give one of its names as server name"
    )]
    WrongName(String),
    /// The member wants to know who we are.
    #[error("the member wants a client certificate: give the files of a certificate and its key")]
    ClientCertificateWanted,
    /// The member breaks off, and says no more: before TLS 1.3 also when it misses a certificate.
    #[error(
        "the member refuses the TLS handshake: it wants a client certificate (give the files of one and \
         its key), or has no protocol or cipher in common with this client"
    )]
    HandshakeRefused,
    /// The member doesn't accept our certificate.
    #[error("the member doesn't accept this client's certificate ({0}): give one that it trusts")]
    ClientCertificateRefused(String),
    /// What came back is no TLS.
    #[error(
        "what answers speaks no TLS: turn TLS off for this cluster, or give the port that has it"
    )]
    NoTls,
    /// Anything else.
    #[error("TLS with the member failed")]
    Failed(#[source] rustls::Error),
}

/// A stream that is encrypted from here on.
pub(crate) async fn handshake(
    stream: TcpStream,
    address: &str,
    tls: &TlsConfig,
) -> Result<TlsStream<TcpStream>, HandshakeError> {
    let name = server_name(address, tls)?;
    let tls = tls.clone();
    // Files and the system's certificates are read, which may take its time.
    let connector = tokio::task::spawn_blocking(move || connector(&tls)).await;
    let connector = connector.map_err(|broken| HandshakeError::Io(io::Error::other(broken)))??;
    let connected = connector.connect(name, stream).await;
    connected.map_err(|error| match explain(&error) {
        Some(explained) => explained.into(),
        // Whoever expects the preamble of the protocol hangs up on a TLS greeting.
        None if hung_up(&error) => TlsError::NoTls.into(),
        None => HandshakeError::Io(error),
    })
}

/// Why a handshake failed: TLS, or what is below it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Io(io::Error),
}

/// What an error of a stream says about TLS, if it comes from there.
pub(crate) fn explain(error: &io::Error) -> Option<TlsError> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(refused) => certificate_error(refused, error),
        rustls::Error::InvalidMessage(_) => TlsError::NoTls,
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            TlsError::ClientCertificateWanted
        }
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            TlsError::HandshakeRefused
        }
        rustls::Error::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            // An authority of the same name, but with another key.
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied),
        ) => TlsError::ClientCertificateRefused(format!("{alert:?}")),
        other => TlsError::Failed(other.clone()),
    })
}

fn certificate_error(refused: &CertificateError, error: &rustls::Error) -> TlsError {
    match refused {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsError::UnknownIssuer,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsError::Expired,
        CertificateError::NotValidForName => TlsError::WrongName("not told".to_owned()),
        CertificateError::NotValidForNameContext { presented, .. } => {
            TlsError::WrongName(presented.join(", "))
        }
        _ => TlsError::Failed(error.clone()),
    }
}

fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn server_name(address: &str, tls: &TlsConfig) -> Result<ServerName<'static>, TlsError> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = tls.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::BadServerName(name.to_owned()))
}

fn connector(tls: &TlsConfig) -> Result<TlsConnector, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Failed)?
        .with_root_certificates(roots(tls)?);
    let config = match (&tls.cert_file, &tls.key_file) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = certificates("client certificate", certificate)?;
            let key = private_key(key)?;
            let known = builder.with_client_auth_cert(chain, key);
            known.map_err(TlsError::Failed)?
        }
        _ => return Err(TlsError::HalfIdentity),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(tls: &TlsConfig) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = &tls.ca_file else {
        // The system's have a few that nobody can read; the others are good all the same.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() {
            Err(TlsError::NoSystemRoots)
        } else {
            Ok(roots)
        };
    };
    for certificate in certificates("CA file", path)? {
        roots.add(certificate).map_err(TlsError::Failed)?;
    }
    Ok(roots)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(what, path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(not_pem(what, path)),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "key of the client certificate";
    let bytes = read(what, path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| not_pem(what, path))
}

fn not_pem(what: &'static str, path: &Path) -> TlsError {
    TlsError::NotPem {
        what,
        path: path.to_owned(),
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(source) => Err(TlsError::Unreadable {
            what,
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_host_unless_one_is_given() {
        let named = TlsConfig {
            server_name: Some("members.example".to_owned()),
            ..TlsConfig::default()
        };
        for (address, tls, expected) in [
            ("hz-1.example:5701", &TlsConfig::default(), "hz-1.example"),
            ("10.0.0.1:5701", &TlsConfig::default(), "10.0.0.1"),
            ("[::1]:5701", &TlsConfig::default(), "::1"),
            ("10.0.0.1:5701", &named, "members.example"),
        ] {
            assert_eq!(server_name(address, tls).unwrap().to_str(), expected);
        }
        assert!(server_name("not a name:1", &TlsConfig::default()).is_err());
    }

    #[test]
    fn files_that_are_not_there_or_no_pem_are_named() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("ca.pem");
        let tls = TlsConfig {
            ca_file: Some(path.clone()),
            ..TlsConfig::default()
        };
        let error = |tls: &TlsConfig| connector(tls).err().unwrap().to_string();
        assert!(error(&tls).contains("ca.pem could not be read"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(error(&tls).contains("write it in PEM"));
        let half = TlsConfig {
            cert_file: Some(path),
            ..TlsConfig::default()
        };
        assert!(error(&half).contains("needs its key") || error(&half).contains("no trusted"));
    }
}
