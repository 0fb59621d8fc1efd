//! The Unix socket: it has one owner.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::guarded::{Guarded, LONGEST_REQUEST, accept};

/// The socket's name in the state directory.
pub const SOCKET_NAME: &str = "jetkeeper.sock";

/// `sun_path` of a socket address, less its final zero.
const LONGEST_PATH: usize = 107;
const MOST_CONNECTIONS: usize = 64;
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another jetkeeper answers at {path}; stop it, or use another --state DIR")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The system takes no path that long.
    #[error(
        "the socket's path {path} has {length} bytes, and the system takes {LONGEST_PATH}; use a \
         shorter --state DIR"
    )]
    PathTooLong {
        /// The socket.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// It could not be made.
    #[error("failed to {what} the socket {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A listening socket, removed on drop.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    connections: Arc<Semaphore>,
}

impl Socket {
    /// Listens in a state directory.
    ///
    /// The socket is made in a directory that only we may enter and moved into place once its own
    /// mode is 0600, so that nobody else can reach it even for a moment. A socket that is there
    /// already is replaced, unless somebody answers.
    pub async fn bind(state: &Path) -> Result<Self, SocketError> {
        let path = path_in(state)?;
        let io = |what| {
            let path = path.clone();
            move |source| SocketError::Io { what, path, source }
        };
        if answers(&path).await.map_err(io("look at"))? {
            return Err(SocketError::InUse { path });
        }
        let cradle = state.join(".bind");
        remove_cradle(&cradle).map_err(io("make room for"))?;
        let mut builder = std::fs::DirBuilder::new();
        builder
            .mode(0o700)
            .create(&cradle)
            .map_err(io("make room for"))?;
        let hidden = cradle.join("s");
        let listener = UnixListener::bind(&hidden).map_err(io("bind"))?;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&hidden, mode).map_err(io("protect"))?;
        std::fs::rename(&hidden, &path).map_err(io("put in place"))?;
        std::fs::remove_dir(&cradle).map_err(io("clean up after"))?;
        Ok(Self {
            listener,
            path,
            connections: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nobody is left to be told; the next daemon replaces it.
        std::fs::remove_file(&self.path).ok();
    }
}

/// The socket of a state directory, if the system takes a path that long.
pub fn path_in(state: &Path) -> Result<PathBuf, SocketError> {
    let path = state.join(SOCKET_NAME);
    let length = path.as_os_str().len();
    if length > LONGEST_PATH {
        return Err(SocketError::PathTooLong { path, length });
    }
    Ok(path)
}

/// Whether somebody listens at a path.
pub async fn answers(path: &Path) -> io::Result<bool> {
    let connect = tokio::time::timeout(ANSWER_WITHIN, UnixStream::connect(path));
    match connect.await {
        // Late: somebody is there and too busy to accept.
        Ok(Ok(_)) | Err(_) => Ok(true),
        Ok(Err(error)) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(false),
            _ => Err(error),
        },
    }
}

/// Removes what a start that was killed left.
fn remove_cradle(cradle: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(cradle) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Listener for Socket {
    type Io = Guarded<UnixStream>;
    type Addr = tokio::net::unix::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        accept(
            &self.connections,
            LONGEST_REQUEST,
            "to the socket",
            |context| self.listener.poll_accept(context),
        )
        .await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
