//! `/security`

use std::time::Duration;

use http::StatusCode;

use super::{HubData, HubPage};
use crate::{
    audit::{LoginHistoryQuery, LoginOutcome},
    web::{Error, WebRequest, WebResponse},
};

/// How far back the hub looks for failed sign-ins.
const FAILED_WINDOW: Duration = Duration::from_hours(30 * 24);
/// How many of them it reads.
const MAX_FAILED: usize = 20;

/// How things stand.
pub(in crate::web) async fn show(request: WebRequest) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let state = request.state();
    let now = state.clock.now();
    let sessions = state.sessions.list(me.subject.id, Some(me.session().id)).await?;
    let query =
        LoginHistoryQuery { user: me.subject.id, outcome: Some(LoginOutcome::Failed), after: None, limit: MAX_FAILED };
    let mut failed = state.audit_log.login_history(&query).await?.entries;
    failed.retain(|entry| now.since(entry.last_at()) < FAILED_WINDOW);
    let more_failed = failed.len() == MAX_FAILED;
    let account = state.accounts.get(me.subject.id).await?.ok_or(Error::SignInRequired)?;
    let standing = HubData {
        sessions: &sessions,
        current: me.session().id,
        failed: &failed,
        more_failed,
        password_set: account.password_set,
    };
    request.render_page(StatusCode::OK, &HubPage::new(request.layout(), standing, now))
}
