//! Connections that can't hold anything up.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// A reader that takes nothing for this long is dropped.
const LONGEST_STALL: Duration = Duration::from_secs(30);
/// How long a request may take where nobody says otherwise: longer than any answer takes, so that only those
/// are dropped who never ask to the end.
pub(super) const LONGEST_REQUEST: Duration = Duration::from_mins(1);
/// Pause after a failed accept: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The next connection, once there is a permit for it. `what` ends "a connection …" in the log. A request
/// has `limit` from its first byte, or from the start of the connection, until its answer begins.
pub(super) async fn accept<S, A>(
    permits: &Arc<Semaphore>,
    limit: Duration,
    what: &str,
    mut poll_accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<(S, A)>>,
) -> (Guarded<S>, A) {
    loop {
        // Never closed, so this only waits.
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        match poll_fn(&mut poll_accept).await {
            Ok((stream, address)) => return (Guarded::new(stream, permit, limit), address),
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection {what}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that ends when its reader takes nothing for too long, or asks for nothing.
#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    stalled: Option<Pin<Box<Sleep>>>,
    /// When the request has to have been read; none once its answer began.
    asking: Option<Pin<Box<Sleep>>>,
    limit: Duration,
    _permit: OwnedSemaphorePermit,
}

impl<S> Guarded<S> {
    /// The connection itself.
    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }

    fn new(stream: S, permit: OwnedSemaphorePermit, limit: Duration) -> Self {
        Self {
            stream,
            stalled: None,
            asking: Some(after(limit)),
            limit,
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

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            if buffer.filled().len() > before {
                let limit = self.limit;
                self.asking.get_or_insert_with(|| after(limit));
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
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

    use tokio::net::UnixStream;

    use super::*;

    async fn connection() -> (Guarded<UnixStream>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        (Guarded::new(ours, permit, LONGEST_REQUEST), theirs)
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
