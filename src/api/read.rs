//! The GET routes: what the engine shows, and what the store keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::recorded::RecordedView;
use super::server::Shared;
use super::watch;
use super::wire::{List, PlanView, ProgressView};
use crate::engine::published::{HazelcastResource, SnapshotResource};
use crate::engine::{JobResource, Published};
use crate::plan::hold::Hold;
use crate::store::StoreError;

/// The most entries of events and history that one answer has.
const MOST_ENTRIES: usize = 10_000;
const USUAL_ENTRIES: usize = 100;

/// What may follow the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// `1` streams.
    watch: Option<u8>,
    /// How many entries.
    limit: Option<usize>,
}

impl Options {
    fn limit(&self) -> Result<usize, ApiError> {
        match self.limit.unwrap_or(USUAL_ENTRIES) {
            limit @ 1..=MOST_ENTRIES => Ok(limit),
            _ => Err(ApiError::invalid(format!(
                "limit is a number from 1 to {MOST_ENTRIES}"
            ))),
        }
    }

    fn watch(&self) -> bool {
        self.watch.is_some_and(|watch| watch != 0)
    }
}

type Asked = Result<Query<Options>, QueryRejection>;

fn options(asked: Asked) -> Result<Options, ApiError> {
    let Query(options) = asked.map_err(|rejection| {
        ApiError::invalid(format!(
            "failed to read the query: {}",
            rejection.body_text()
        ))
        .hint("known are watch=1 and limit=NUMBER")
    })?;
    Ok(options)
}

/// Resources of one kind, by name.
type Resources<R> = BTreeMap<String, Arc<R>>;

/// A resource that is read by its name.
pub(super) trait Shown: Serialize + PartialEq + Send + Sync + 'static {
    /// The kind, for messages.
    const KIND: &'static str;

    /// All of them.
    fn all(published: &Published) -> &Resources<Self>
    where
        Self: Sized;
}

impl Shown for JobResource {
    const KIND: &'static str = "JetJob";

    fn all(published: &Published) -> &Resources<Self> {
        &published.jobs
    }
}

impl Shown for SnapshotResource {
    const KIND: &'static str = "JetJobSnapshot";

    fn all(published: &Published) -> &Resources<Self> {
        &published.snapshots
    }
}

impl Shown for HazelcastResource {
    const KIND: &'static str = "Hazelcast";

    fn all(published: &Published) -> &Resources<Self> {
        &published.hazelcasts
    }
}

/// All resources of a kind.
pub(super) async fn list<R: Shown>(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, ApiError> {
    if options(asked)?.watch() {
        return watch::changes(&shared, |published| R::all(published).clone());
    }
    let published = shared.latest();
    let items = R::all(&published).values().cloned().collect();
    Ok(Json(List::<Arc<R>>::new(items)).into_response())
}

/// One resource.
pub(super) async fn one<R: Shown>(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let watched = options(asked)?.watch();
    let Some(resource) = R::all(&shared.latest()).get(&name).cloned() else {
        return Err(missing(R::KIND, &name, &shared.latest()));
    };
    if watched {
        return watch::changes(&shared, move |published| {
            let found = R::all(published).get_key_value(&name);
            found
                .map(|(name, resource)| (name.clone(), Arc::clone(resource)))
                .into_iter()
                .collect()
        });
    }
    Ok(Json(resource).into_response())
}

fn missing(kind: &str, name: &str, published: &Published) -> ApiError {
    let error = ApiError::not_found(format!("there is no {kind}/{name}"));
    if published.pass == 0 {
        return error.hint("the daemon has just started and has not read its sources yet");
    }
    error.hint(match kind {
        "Hazelcast" => "`jetkeeper get hazelcast` shows the names",
        "JetJobSnapshot" => "`jetkeeper get snapshots` shows the names",
        _ => "`jetkeeper get jobs` shows the names",
    })
}

/// Everything that is held.
pub(super) async fn holds(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, ApiError> {
    if options(asked)?.watch() {
        return watch::changes(&shared, |published| {
            let holds = published.holds.iter();
            holds
                .map(|hold| (hold.id.to_string(), Arc::new(hold.clone())))
                .collect()
        });
    }
    let holds: Vec<Hold> = shared.latest().holds.to_vec();
    Ok(Json(List::new(holds)).into_response())
}

/// The latest pass.
pub(super) async fn plan(State(shared): State<Shared>, asked: Asked) -> Result<Response, ApiError> {
    if options(asked)?.watch() {
        return watch::passes(&shared);
    }
    Ok(Json(PlanView::from(&*shared.latest())).into_response())
}

/// The newest events, newest last.
pub(super) async fn events(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let options = options(asked)?;
    let limit = options.limit()?;
    if options.watch() {
        return watch::events(&shared, limit);
    }
    let events = shared.handle.store.events(limit).await;
    Ok(Json(List::new(
        events.map_err(|error| unreadable("events", &error))?,
    ))
    .into_response())
}

/// The newest revisions, newest last.
pub(super) async fn history(
    State(shared): State<Shared>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let options = options(asked)?;
    let limit = options.limit()?;
    if options.watch() {
        return watch::history(&shared, limit);
    }
    let revisions = shared.handle.store.revisions(limit).await;
    let revisions = revisions.map_err(|error| unreadable("history", &error))?;
    Ok(Json(List::new(revisions)).into_response())
}

/// How far steps are that take long.
pub(super) async fn progress(State(shared): State<Shared>) -> Response {
    let all = shared.handle.progress.all().into_iter();
    let views = all.map(|(resource, message)| ProgressView { resource, message });
    Json(List::new(views.collect::<Vec<_>>())).into_response()
}

/// What is recorded.
pub(super) async fn recorded(State(shared): State<Shared>) -> Result<Response, ApiError> {
    let recorded = shared.handle.recorded().await?;
    Ok(Json(RecordedView::from(recorded)).into_response())
}

/// The store failed under a reader.
pub(super) fn unreadable(what: &str, error: &StoreError) -> ApiError {
    ApiError::internal(&format!("read the {what}"), error)
}
