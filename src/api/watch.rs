//! Streams: one JSON value a line, the present first, then what changes.
//!
//! No stream has a queue of its own. Each remembers what it sent last and compares that with the
//! latest pass whenever its connection takes more, so a slow reader costs no more than a fast one.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::server::Shared;
use super::wire::{Change, ChangeKind, PlanView};
use crate::engine::Published;
use crate::store::{EventEntry, RevisionEntry, Store, StoreError, events_after};

/// Streams the changes of a map that is made from each pass.
pub(super) fn changes<T, V>(shared: &Shared, view: V) -> Result<Response, ApiError>
where
    T: Serialize + PartialEq + Send + Sync + 'static,
    V: Fn(&Published) -> BTreeMap<String, Arc<T>> + Send + Sync + 'static,
{
    let source = Changes {
        view,
        sent: BTreeMap::new(),
    };
    respond(shared, source)
}

/// Streams every pass, or the latest where several were made at once.
pub(super) fn passes(shared: &Shared) -> Result<Response, ApiError> {
    respond(shared, Passes)
}

/// Streams the newest events, then those to come.
pub(super) fn events(shared: &Shared, limit: usize) -> Result<Response, ApiError> {
    let source = Events {
        store: Arc::clone(&shared.handle.store),
        limit,
        last: None,
    };
    respond(shared, source)
}

/// Streams the newest revisions, then those to come.
pub(super) fn history(shared: &Shared, limit: usize) -> Result<Response, ApiError> {
    let source = History {
        store: Arc::clone(&shared.handle.store),
        limit,
        last: None,
    };
    respond(shared, source)
}

/// What makes lines of a pass.
trait Source: Send + 'static {
    /// One value of the stream.
    type Item: Serialize + Send;

    /// What there is to say now that wasn't said yet.
    fn news(
        &mut self,
        published: &Published,
    ) -> impl Future<Output = Result<VecDeque<Self::Item>, StoreError>> + Send;
}

struct Changes<T, V> {
    view: V,
    sent: BTreeMap<String, Arc<T>>,
}

impl<T, V> Source for Changes<T, V>
where
    T: Serialize + PartialEq + Send + Sync + 'static,
    V: Fn(&Published) -> BTreeMap<String, Arc<T>> + Send + Sync + 'static,
{
    type Item = Change<Arc<T>>;

    async fn news(&mut self, published: &Published) -> Result<VecDeque<Self::Item>, StoreError> {
        let now = (self.view)(published);
        let news = difference(&self.sent, &now);
        self.sent = now;
        Ok(news)
    }
}

/// What became of each item.
fn difference<T: PartialEq>(
    before: &BTreeMap<String, Arc<T>>,
    now: &BTreeMap<String, Arc<T>>,
) -> VecDeque<Change<Arc<T>>> {
    let gone = before.iter().filter(|(name, _)| !now.contains_key(*name));
    let gone = gone.map(|(_, object)| (ChangeKind::Deleted, object));
    let here = now
        .iter()
        .filter_map(|(name, object)| match before.get(name) {
            None => Some((ChangeKind::Added, object)),
            Some(old) if Arc::ptr_eq(old, object) || old == object => None,
            Some(_) => Some((ChangeKind::Modified, object)),
        });
    gone.chain(here)
        .map(|(kind, object)| Change {
            kind,
            object: Arc::clone(object),
        })
        .collect()
}

struct Passes;

impl Source for Passes {
    type Item = PlanView;

    async fn news(&mut self, published: &Published) -> Result<VecDeque<Self::Item>, StoreError> {
        Ok([PlanView::from(published)].into())
    }
}

struct Events {
    store: Arc<dyn Store>,
    limit: usize,
    /// The number of the last one that was sent; none before the first look.
    last: Option<u64>,
}

impl Source for Events {
    type Item = EventEntry;

    async fn news(&mut self, _: &Published) -> Result<VecDeque<Self::Item>, StoreError> {
        // A reader says how many it wants at first; of what happens from then on, it gets all.
        let news = match self.last {
            Some(sent) => events_after(&*self.store, sent).await?,
            None => self.store.events(self.limit).await?,
        };
        let sent = self.last.unwrap_or_default();
        self.last = Some(news.last().map_or(sent, |entry| entry.seq));
        Ok(news.into())
    }
}

struct History {
    store: Arc<dyn Store>,
    limit: usize,
    last: Option<RevisionEntry>,
}

impl Source for History {
    type Item = RevisionEntry;

    async fn news(&mut self, _: &Published) -> Result<VecDeque<Self::Item>, StoreError> {
        let newest = self.store.revisions(self.limit).await?;
        let known = newest
            .iter()
            .rposition(|entry| Some(entry) == self.last.as_ref());
        let news: VecDeque<RevisionEntry> = newest
            .into_iter()
            .skip(known.map_or(0, |index| index + 1))
            .collect();
        if let Some(entry) = news.back() {
            self.last = Some(entry.clone());
        }
        Ok(news)
    }
}

/// A stream under way.
struct Streaming<S: Source> {
    source: S,
    published: watch::Receiver<Arc<Published>>,
    pending: VecDeque<S::Item>,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

fn respond<S: Source>(shared: &Shared, source: S) -> Result<Response, ApiError> {
    let permit = shared.watch_permit()?;
    let mut published = shared.handle.published.clone();
    // What is there already counts as a change, so that the stream begins with it.
    published.mark_changed();
    let streaming = Streaming {
        source,
        published,
        pending: VecDeque::new(),
        stop: shared.stop.clone(),
        _permit: permit,
    };
    let lines = stream::unfold(streaming, next_line);
    let headers = [(CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The next line; none when the engine or the server stops. An error ends the connection, so that a
/// reader can tell it from an orderly end.
async fn next_line<S: Source>(
    mut streaming: Streaming<S>,
) -> Option<(Result<Bytes, StreamError>, Streaming<S>)> {
    loop {
        if let Some(item) = streaming.pending.pop_front() {
            return Some((line(&item), streaming));
        }
        tokio::select! {
            changed = streaming.published.changed() => changed.ok()?,
            () = streaming.stop.cancelled() => return None,
        }
        let published = Arc::clone(&streaming.published.borrow_and_update());
        match streaming.source.news(&published).await {
            Ok(news) => streaming.pending = news,
            Err(error) => return Some((Err(StreamError::Store(error)), streaming)),
        }
    }
}

fn line(item: &impl Serialize) -> Result<Bytes, StreamError> {
    let mut line = serde_json::to_vec(item).map_err(StreamError::Json)?;
    line.push(b'\n');
    Ok(line.into())
}

/// Why a stream broke off.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("failed to read the store for a stream")]
    Store(#[source] StoreError),
    #[error("failed to write a line of a stream")]
    Json(#[source] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::event::{Event, EventKind};
    use crate::store;
    use crate::store::memory::MemoryStore;

    fn items(items: &[(&str, u8)]) -> BTreeMap<String, Arc<u8>> {
        let items = items.iter();
        items
            .map(|(name, value)| ((*name).to_owned(), Arc::new(*value)))
            .collect()
    }

    async fn happen(store: &MemoryStore, count: usize) {
        let event = Event {
            kind: EventKind::Held,
            resource: None,
            message: "it happened".to_owned(),
            revision: None,
        };
        let events = vec![(jiff::Timestamp::UNIX_EPOCH, event); count];
        let change = store::Change {
            events,
            ..store::Change::default()
        };
        store.commit(&change).await.unwrap();
    }

    #[tokio::test]
    async fn a_stream_of_events_leaves_none_out_however_many_a_pass_makes() {
        let store = Arc::new(MemoryStore::new("store").unwrap());
        let mut source = Events {
            store: Arc::<MemoryStore>::clone(&store),
            limit: 2,
            last: None,
        };
        happen(&store, 3).await;
        let numbers = |news: VecDeque<EventEntry>| -> Vec<u64> {
            news.into_iter().map(|entry| entry.seq).collect()
        };
        let published = Published::default();
        let first = source.news(&published).await.unwrap();
        assert_eq!(
            numbers(first),
            [2, 3],
            "no more than was asked for at first"
        );
        happen(&store, 4).await;
        let next = source.news(&published).await.unwrap();
        assert_eq!(numbers(next), [4, 5, 6, 7]);
        let rest = source.news(&published).await.unwrap();
        assert!(rest.is_empty());
    }

    #[test]
    fn a_difference_names_only_what_changed() {
        let before = items(&[("gone", 1), ("same", 2), ("other", 3)]);
        let now = items(&[("new", 4), ("same", 2), ("other", 5)]);

        let changes: Vec<(ChangeKind, u8)> = difference(&before, &now)
            .into_iter()
            .map(|change| (change.kind, *change.object))
            .collect();

        assert_eq!(
            changes,
            [
                (ChangeKind::Deleted, 1),
                (ChangeKind::Added, 4),
                (ChangeKind::Modified, 5),
            ]
        );
    }
}
