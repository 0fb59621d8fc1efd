//! The POST routes: each hands one request to the engine and answers with the pass that saw it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};

use super::error::ApiError;
use super::peer::Peer;
use super::server::Shared;
use super::wire::{
    Accepted, AdoptBody, ConfirmBody, PauseBody, ReconcileBody, SnapshotBody, UnpauseBody,
    WithdrawBody,
};
use crate::engine::Request;
use crate::resources::resource_name_fault;

/// A pause's reason and author are shown in every status; neither is a place for a novel.
const LONGEST_WORDS: usize = 1_000;

type Answer = Result<Json<Accepted>, ApiError>;
type Body<T> = Result<Json<T>, JsonRejection>;

fn read<T>(body: Body<T>) -> Result<T, ApiError> {
    let Json(body) = body.map_err(|rejection| {
        ApiError::invalid(format!(
            "failed to read the body: {}",
            rejection.body_text()
        ))
        .hint("send JSON, with Content-Type: application/json")
    })?;
    Ok(body)
}

async fn ask(shared: &Shared, request: Request) -> Answer {
    let pass = shared.handle.request(request).await?;
    Ok(Json(Accepted { pass }))
}

/// Scan and look again, then make a pass.
pub(super) async fn reconcile(State(shared): State<Shared>, body: Body<ReconcileBody>) -> Answer {
    let ReconcileBody {} = read(body)?;
    ask(&shared, Request::Reconcile).await
}

/// Leave something alone.
pub(super) async fn pause(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body<PauseBody>,
) -> Answer {
    let PauseBody {
        resource,
        reason,
        by,
        until,
    } = read(body)?;
    if reason.trim().is_empty() {
        return Err(ApiError::invalid("a pause needs a reason"));
    }
    check_words(&reason)?;
    check_words(&by)?;
    if until.is_some_and(|until| until <= shared.clock.now()) {
        return Err(ApiError::invalid("the end of the pause has passed already"));
    }
    let request = Request::Pause {
        resource,
        reason,
        by: peer.named(&by).await,
        until,
    };
    ask(&shared, request).await
}

/// End a pause.
pub(super) async fn unpause(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body<UnpauseBody>,
) -> Answer {
    let UnpauseBody { resource, by } = read(body)?;
    check_words(&by)?;
    let by = peer.named(&by).await;
    ask(&shared, Request::Unpause { resource, by }).await
}

/// They are shown on terminals, in one line.
fn check_words(words: &str) -> Result<(), ApiError> {
    if words.len() <= LONGEST_WORDS && !words.contains(char::is_control) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "reason and by have at most {LONGEST_WORDS} bytes each, and one line"
    )))
}

/// Release a hold.
pub(super) async fn confirm(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body<ConfirmBody>,
) -> Answer {
    let ConfirmBody {
        hold,
        discard_state,
        by,
    } = read(body)?;
    check_words(&by)?;
    let request = Request::Confirm {
        hold,
        discard_state,
        by: peer.named(&by).await,
    };
    ask(&shared, request).await
}

/// Take over a job.
pub(super) async fn adopt(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body<AdoptBody>,
) -> Answer {
    let AdoptBody { resource, by } = read(body)?;
    check_words(&by)?;
    let by = peer.named(&by).await;
    ask(&shared, Request::Adopt { resource, by }).await
}

/// Export a snapshot that no document declares.
pub(super) async fn snapshot(State(shared): State<Shared>, body: Body<SnapshotBody>) -> Answer {
    let SnapshotBody { name, spec } = read(body)?;
    if let Some(fault) = resource_name_fault(&name) {
        return Err(ApiError::invalid(format!("{name:?} is no name: {fault}")));
    }
    if spec.archive.is_some() || spec.source.is_some() {
        return Err(ApiError::invalid("there are no archives yet"));
    }
    ask(&shared, Request::Snapshot { name, spec }).await
}

/// Delete a snapshot that was asked for by command, or give up to export it.
pub(super) async fn withdraw(State(shared): State<Shared>, body: Body<WithdrawBody>) -> Answer {
    let WithdrawBody { name } = read(body)?;
    ask(&shared, Request::Withdraw { name }).await
}
