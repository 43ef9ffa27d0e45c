//! `GET /me`

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Error, Json, WebRequest,
    resources::{SessionResource, UserResource},
};
use crate::web::problem::Problem;

/// Who is signed in, and with which session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct CurrentUser {
    user: UserResource,
    session: SessionResource,
    /// 1 after one factor, 2 after two.
    assurance: u8,
    /// Until when sensitive acts need no fresh proof; null: each asks for its own.
    confirmed_until: Option<String>,
}

/// Who is signed in, and with which session.
#[utoipa::path(get, path = "/me", responses((status = 200, body = CurrentUser, description = "Who is signed in"), (status = 401, body = Problem)))]
pub(super) async fn me(request: WebRequest) -> Result<Json<CurrentUser>, Error> {
    let me = request.require_principal()?;
    let sessions = &request.state().sessions;
    let session =
        sessions.find_own(me.subject.id, me.session().id, &request.visitor()).await?.ok_or(Error::SignInRequired)?;
    let session =
        SessionResource::from_session(&session, Some(me.session().id), &sessions.policy(), &request.site_settings());
    Ok(Json(CurrentUser {
        user: UserResource::from_user(&me.subject),
        session,
        assurance: me.assurance.into(),
        confirmed_until: None,
    }))
}
