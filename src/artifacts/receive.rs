//! Receiving: pieces of a jar, as they come, to the disk.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::cache::{CacheError, Draft, JarCache};
use super::failure::Failure;
use super::file::too_large;
use super::progress::Progress;

/// How many pieces of a download may wait for the disk.
const MAX_WAITING: usize = 16;

/// Writes what comes to a draft. At no time more than a few pieces of it are held; where it fails, nothing
/// of it is left on the disk.
pub(super) async fn receive(
    pieces: impl Stream<Item = Result<Bytes, Failure>>,
    name: &str,
    cache: &Arc<JarCache>,
    progress: &Progress,
    max_size: u64,
) -> Result<Draft, Failure> {
    let (sender, waiting) = mpsc::channel(MAX_WAITING);
    let cache = Arc::clone(cache);
    let writer = spawn_blocking(move || write(&cache, waiting));
    let passed = pass(pieces, sender, name, progress, max_size).await;
    // Whether or not all came: a draft is removed by whoever drops it.
    let written = writer.await;
    passed?;
    match written {
        Ok(written) => written.map_err(|error| Failure::of_cache(name, &error)),
        Err(_) => Err(Failure::broken_off(name)),
    }
}

/// Passes what comes on to the writer, until all has come or the writer has given up, who says why.
async fn pass(
    pieces: impl Stream<Item = Result<Bytes, Failure>>,
    writer: mpsc::Sender<Bytes>,
    name: &str,
    progress: &Progress,
    max_size: u64,
) -> Result<(), Failure> {
    let mut pieces = pin!(pieces);
    let mut size = 0_u64;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let length = piece.len() as u64;
        size += length;
        if size > max_size {
            return Err(too_large(name, max_size));
        }
        progress.add(length);
        if writer.send(piece).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn write(cache: &JarCache, mut pieces: mpsc::Receiver<Bytes>) -> Result<Draft, CacheError> {
    let mut draft = cache.draft()?;
    while let Some(piece) = pieces.blocking_recv() {
        draft.write(&piece)?;
    }
    Ok(draft)
}
