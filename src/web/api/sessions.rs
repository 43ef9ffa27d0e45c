//! `/sessions`: every place where one is signed in, and the end of any of it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Error, Json, ListPage, Pagination, WebRequest, WebResponse, resources::SessionResource};
use crate::{
    gate::Principal,
    id::SessionId,
    session::Session,
    web::{extract::Path, problem::Problem},
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
#[utoipa::path(get, path = "/sessions", params(Pagination),
    responses((status = 200, body = ListPage<SessionResource>, description = "The list, or a page of it"), (status = 401, body = Problem)))]
pub(super) async fn list(request: WebRequest, paging: Pagination) -> Result<Json<ListPage<SessionResource>>, Error> {
    let me = request.require_principal()?;
    let all = request.state().sessions.list(me.subject.id, Some(me.session().id)).await?;
    let page = paging.paginate(all, |session| session.id.to_string())?;
    Ok(Json(ListPage { items: session_resources(&request, me, &page.items), next_cursor: page.next_cursor }))
}

/// The session that asks.
#[utoipa::path(get, path = "/sessions/current", 
    responses((status = 200, body = SessionResource, description = "The session"), (status = 401, body = Problem)))]
pub(super) async fn current(request: WebRequest) -> Result<Json<SessionResource>, Error> {
    let id = request.require_principal()?.session().id;
    find_session(&request, id).await
}

/// One of one's own sessions; other people's are not found.
#[utoipa::path(get, path = "/sessions/{id}",
    params(("id" = String, Path, description = "sess_…", pattern = "^sess_[0-9a-hj-km-np-tv-z]{26}$")),
    responses((status = 200, body = SessionResource, description = "The session"), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn get(request: WebRequest, Path(id): Path<String>) -> Result<Json<SessionResource>, Error> {
    request.require_principal()?;
    find_session(&request, id.parse().map_err(|_| Error::NotFound)?).await
}

/// Ends one of one's own sessions. The current one too: that signs out.
#[utoipa::path(delete, path = "/sessions/{id}",
    params(("id" = String, Path, description = "sess_…", pattern = "^sess_[0-9a-hj-km-np-tv-z]{26}$")),
    responses((status = 204, description = "It has ended"), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn end(request: WebRequest, Path(id): Path<String>) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let ended = request.state().sessions.end_own(me.subject.id, id, Some(me.session().id), &request.visitor()).await?;
    let ended = ended.ok_or(Error::NotFound)?;
    let answer = WebResponse::no_content();
    Ok(if ended.id == me.session().id { request.sign_out_response(answer) } else { answer })
}

/// Ends all of one's sessions but this one.
#[utoipa::path(post, path = "/sessions/revoke-others",
    responses((status = 200, body = Revoked, description = "Which sessions ended"), (status = 401, body = Problem),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn revoke_others(request: WebRequest) -> Result<Json<Revoked>, Error> {
    let me = request.require_principal()?;
    let ended = request.state().sessions.end_others(me.subject.id, me.session().id, &request.visitor()).await?;
    Ok(Json(Revoked { revoked: ended.len(), items: session_resources(&request, me, &ended) }))
}

/// Ends all of one's sessions, this one too.
#[utoipa::path(post, path = "/sessions/revoke-all",
    responses((status = 200, body = Revoked, description = "Which sessions ended"), (status = 401, body = Problem),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn revoke_all(request: WebRequest) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let ended = request.state().sessions.end_all(me.subject.id, me.session().id, &request.visitor()).await?;
    let revoked = Revoked { revoked: ended.len(), items: session_resources(&request, me, &ended) };
    Ok(request.sign_out_response(WebResponse::json(&revoked)))
}

async fn find_session(request: &WebRequest, id: SessionId) -> Result<Json<SessionResource>, Error> {
    let me = request.require_principal()?;
    let sessions = &request.state().sessions;
    let session = sessions.find_own(me.subject.id, id, &request.visitor()).await?.ok_or(Error::NotFound)?;
    Ok(Json(SessionResource::from_session(
        &session,
        Some(me.session().id),
        &sessions.policy(),
        &request.site_settings(),
    )))
}

fn session_resources(request: &WebRequest, me: &Principal, sessions: &[Session]) -> Vec<SessionResource> {
    let policy = request.state().sessions.policy();
    let site = request.site_settings();
    sessions
        .iter()
        .map(|session| SessionResource::from_session(session, Some(me.session().id), &policy, &site))
        .collect()
}
