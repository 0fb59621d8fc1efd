//! The Unix socket: one owner, and connections that can't hold anything up.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// The socket's name in the state directory.
pub const SOCKET_NAME: &str = "jetkeeper.sock";

/// `sun_path` of a socket address, less its final zero.
const LONGEST_PATH: usize = 107;
const MOST_CONNECTIONS: usize = 64;
/// A reader that takes nothing for this long is dropped.
const LONGEST_STALL: Duration = Duration::from_secs(30);
/// A request has this long from its first byte, or from the start of the connection, until its answer
/// begins: longer than any answer takes, so that only those are dropped who never ask to the end.
const LONGEST_REQUEST: Duration = Duration::from_mins(1);
/// Pause after a failed accept: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
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
    type Io = Guarded;
    type Addr = tokio::net::unix::SocketAddr;

    async fn accept(&mut self) -> (Guarded, Self::Addr) {
        loop {
            // Never closed, so this only waits.
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, address)) => return (Guarded::new(stream, permit), address),
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection to the socket");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when its reader takes nothing for too long, or asks for nothing.
#[derive(Debug)]
pub struct Guarded {
    stream: UnixStream,
    stalled: Option<Pin<Box<Sleep>>>,
    /// When the request has to have been read; none once its answer began.
    asking: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl Guarded {
    fn new(stream: UnixStream, permit: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            stalled: None,
            asking: Some(after(LONGEST_REQUEST)),
            _permit: permit,
        }
    }

    /// Turns a write that is pending for too long into an error.
    fn unless_stalled<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stalled = self.stalled.get_or_insert_with(|| after(LONGEST_STALL));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the reader takes nothing",
        )))
    }
}

fn after(time: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep_until(Instant::now() + time))
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            if buffer.filled().len() > before {
                self.asking.get_or_insert_with(|| after(LONGEST_REQUEST));
            }
            return polled;
        }
        let Some(asking) = &mut self.asking else {
            return Poll::Pending;
        };
        ready!(asking.as_mut().poll(context));
        let error = io::Error::new(io::ErrorKind::TimedOut, "nothing was asked to the end");
        Poll::Ready(Err(error))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asking = None;
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_stalled(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn connection() -> (Guarded, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        (Guarded::new(ours, permit), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_asks_to_the_end_is_dropped() {
        for begun in ["", "GET /v1/jobs HT"] {
            let (mut ours, mut theirs) = connection().await;
            theirs.write_all(begun.as_bytes()).await.unwrap();
            let started = Instant::now();
            let mut read = String::new();
            let error = ours.read_to_string(&mut read).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(started.elapsed().as_secs(), LONGEST_REQUEST.as_secs());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_listens_once_the_answer_began_is_not() {
        let (mut ours, mut theirs) = connection().await;
        theirs.write_all(b"GET").await.unwrap();
        ours.read_exact(&mut [0; 3]).await.unwrap();
        ours.write_all(b"HTTP").await.unwrap();
        let silent = tokio::time::timeout(LONGEST_REQUEST * 10, ours.read_u8());
        assert!(silent.await.is_err(), "a stream is only read from");
        theirs.write_all(b"GET").await.unwrap();
        ours.read_exact(&mut [0; 3]).await.unwrap();
        let error = ours.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "the next request");
    }
}
