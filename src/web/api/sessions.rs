//! `/sessions`: every place where one is signed in, and the end of any of it.

use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Call, Error, Json, Page, Paging, resources::SessionResource};
use crate::{
    gate::Principal,
    id::SessionId,
    session::Session,
    web::{problem::Problem, sent::Path},
};

/// Sessions that were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revoked {
    /// How many.
    revoked: usize,
    /// Which, as they were.
    items: Vec<SessionResource>,
}

/// One's own sessions, the current one first and in the list.
#[utoipa::path(get, path = "/sessions", params(Paging),
    responses((status = 200, body = Page<SessionResource>, description = "The list, or a page of it"), (status = 401, body = Problem)))]
pub(super) async fn list(call: Call, paging: Paging) -> Result<Json<Page<SessionResource>>, Error> {
    let me = call.me()?;
    let all = call.desk().sessions.list(me.owner.id, Some(me.session)).await?;
    let page = paging.cut(all, |session| session.id.to_string())?;
    Ok(Json(Page { items: shown(&call, me, &page.items), next_cursor: page.next_cursor }))
}

/// The session that asks.
#[utoipa::path(get, path = "/sessions/current", 
    responses((status = 200, body = SessionResource, description = "The session"), (status = 401, body = Problem)))]
pub(super) async fn current(call: Call) -> Result<Json<SessionResource>, Error> {
    let id = call.me()?.session;
    one(&call, id).await
}

/// One of one's own sessions; other people's are not found.
#[utoipa::path(get, path = "/sessions/{id}",
    params(("id" = String, Path, description = "sess_…", pattern = "^sess_[0-9a-hj-km-np-tv-z]{26}$")),
    responses((status = 200, body = SessionResource, description = "The session"), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn get(call: Call, Path(id): Path<String>) -> Result<Json<SessionResource>, Error> {
    call.me()?;
    one(&call, id.parse().map_err(|_| Error::NotFound)?).await
}

/// Ends one of one's own sessions. The current one too: that signs out.
#[utoipa::path(delete, path = "/sessions/{id}",
    params(("id" = String, Path, description = "sess_…", pattern = "^sess_[0-9a-hj-km-np-tv-z]{26}$")),
    responses((status = 204, description = "It has ended"), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn end(call: Call, Path(id): Path<String>) -> Result<Answer, Error> {
    let me = call.me()?;
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let ended = call.desk().sessions.end_own(me.owner.id, id, Some(me.session), &call.visitor()).await?;
    let ended = ended.ok_or(Error::NotFound)?;
    let answer = Answer::no_content();
    Ok(if ended.id == me.session { call.signed_out(answer) } else { answer })
}

/// Ends all of one's sessions but this one.
#[utoipa::path(post, path = "/sessions/revoke-others",
    responses((status = 200, body = Revoked, description = "Which sessions ended"), (status = 401, body = Problem),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn revoke_others(call: Call) -> Result<Json<Revoked>, Error> {
    let me = call.me()?;
    let ended = call.desk().sessions.end_others(me.owner.id, me.session, &call.visitor()).await?;
    Ok(Json(Revoked { revoked: ended.len(), items: shown(&call, me, &ended) }))
}

/// Ends all of one's sessions, this one too.
#[utoipa::path(post, path = "/sessions/revoke-all",
    responses((status = 200, body = Revoked, description = "Which sessions ended"), (status = 401, body = Problem),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn revoke_all(call: Call) -> Result<impl IntoResponse, Error> {
    let me = call.me()?;
    let ended = call.desk().sessions.end_all(me.owner.id, me.session, &call.visitor()).await?;
    let gone = call.signed_out(Answer::no_content()).into_response();
    Ok((gone.headers().clone(), Json(Revoked { revoked: ended.len(), items: shown(&call, me, &ended) })))
}

async fn one(call: &Call, id: SessionId) -> Result<Json<SessionResource>, Error> {
    let me = call.me()?;
    let sessions = &call.desk().sessions;
    let session = sessions.own(me.owner.id, id, &call.visitor()).await?.ok_or(Error::NotFound)?;
    Ok(Json(SessionResource::of(&session, Some(me.session), &sessions.policy(), &call.house())))
}

fn shown(call: &Call, me: &Principal, sessions: &[Session]) -> Vec<SessionResource> {
    let policy = call.desk().sessions.policy();
    let house = call.house();
    sessions.iter().map(|session| SessionResource::of(session, Some(me.session), &policy, &house)).collect()
}
