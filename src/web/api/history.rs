//! `GET /login-history`

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Error, Json, ListPage, Pagination, WebRequest,
    resources::{DeviceResource, NetworkResource, PlaceResource, method_name},
};
use crate::{
    audit::{self, AuditEntry, AuditEvent, LoginOutcome},
    id::EventId,
    web::{extract::Query, problem::Problem},
};

/// One sign-in, or a try.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoginResource {
    /// `evt_…`
    #[schema(value_type = String, pattern = "^evt_[0-9a-hj-km-np-tv-z]{13}$")]
    id: EventId,
    /// RFC 3339.
    at: String,
    /// `succeeded` or `failed`
    outcome: &'static str,
    /// The step that succeeded last, or that failed: `password`, or `password_change` for a wrong current password there.
    step: &'static str,
    /// From where.
    network: NetworkResource,
    /// Where that is on the map, as far as it is known.
    place: PlaceResource,
    /// With what.
    device: DeviceResource,
    /// The session that it opened.
    session_id: Option<String>,
    /// How many attempts this stands for: more than one where failed ones were too many to be listed one by one.
    attempts: u64,
    /// When the last of them was, RFC 3339.
    last_at: String,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LoginHistoryFilter {
    /// `succeeded` or `failed`; both without it.
    outcome: Option<String>,
}

/// One's own sign-ins and failed sign-ins, newest first.
#[utoipa::path(get, path = "/login-history", params(LoginHistoryFilter, Pagination),
    responses((status = 200, body = ListPage<LoginResource>, description = "The history, or a page of it"),
        (status = 400, body = Problem, description = "bad-request: a parameter is there twice"), (status = 401, body = Problem)))]
pub(super) async fn login_history(
    request: WebRequest,
    paging: Pagination,
    Query(filter): Query<LoginHistoryFilter>,
) -> Result<Json<ListPage<LoginResource>>, Error> {
    let me = request.require_principal()?;
    let outcome = match filter.outcome.as_deref() {
        None => None,
        Some("failed") => Some(LoginOutcome::Failed),
        Some("succeeded") => Some(LoginOutcome::Succeeded),
        Some(_) => return Err(Error::invalid_parameter("outcome", "write failed or succeeded")),
    };
    let after = match paging.cursor.as_deref().map(str::parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(Error::invalid_parameter("cursor", "write the next_cursor of the page before")),
    };
    let query = audit::LoginHistoryQuery { user: me.subject.id, outcome, after, limit: paging.limit };
    let page = request.state().audit_log.login_history(&query).await?;
    let items = page.entries.iter().filter_map(LoginResource::from_entry).collect();
    Ok(Json(ListPage { items, next_cursor: page.next.map(|id| id.to_string()) }))
}

impl LoginResource {
    fn from_entry(entry: &AuditEntry) -> Option<Self> {
        let (outcome, step, session_id) = match &entry.event {
            AuditEvent::SignedIn { session, method: by } => ("succeeded", method_name(*by), Some(session.to_string())),
            AuditEvent::SignInFailed { step, .. } | AuditEvent::SignInsFailed { step, .. } => {
                ("failed", method_name(*step), None)
            }
            AuditEvent::PasswordChangeFailed => ("failed", "password_change", None),
            _ => return None,
        };
        Some(Self {
            id: entry.id,
            at: entry.at.rfc3339(),
            outcome,
            step,
            network: NetworkResource { ip: entry.ip.map(|ip| ip.to_string()), ..NetworkResource::default() },
            place: PlaceResource::default(),
            device: DeviceResource::from_device(&entry.device.clone().unwrap_or_default()),
            session_id,
            attempts: entry.event.attempts(),
            last_at: entry.last_at().rfc3339(),
        })
    }
}
