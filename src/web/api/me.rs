//! `GET /me`

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call, Error, Json,
    resources::{SessionResource, UserResource},
};
use crate::web::problem::Problem;

/// Who is signed in, and with which session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    user: UserResource,
    session: SessionResource,
    /// 1 after one factor, 2 after two.
    assurance: u8,
    /// Until when sensitive acts need no fresh proof; null: each asks for its own.
    confirmed_until: Option<String>,
}

/// Who is signed in, and with which session.
#[utoipa::path(get, path = "/me", responses((status = 200, body = Me, description = "Who is signed in"), (status = 401, body = Problem)))]
pub(super) async fn me(call: Call) -> Result<Json<Me>, Error> {
    let me = call.me()?;
    let sessions = &call.desk().sessions;
    let session = sessions.own(me.owner.id, me.session, &call.visitor()).await?.ok_or(Error::SignInRequired)?;
    let session = SessionResource::of(&session, Some(me.session), &sessions.policy(), &call.house());
    Ok(Json(Me { user: UserResource::of(&me.owner), session, assurance: me.assurance, confirmed_until: None }))
}
