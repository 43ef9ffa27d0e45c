//! `/security`

use std::time::Duration;

use http::StatusCode;

use super::{HubPage, Standing};
use crate::{
    audit::{Outcome, Query},
    web::{Answer, Call, Error},
};

/// How far back the hub looks for failed sign-ins.
const RECENT: Duration = Duration::from_hours(30 * 24);
/// How many of them it reads.
const MOST: usize = 20;

/// How things stand.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let desk = call.desk();
    let now = desk.clock.now();
    let sessions = desk.sessions.list(me.owner.id, Some(me.session)).await?;
    let query = Query { user: me.owner.id, outcome: Some(Outcome::Failed), after: None, limit: MOST };
    let mut failed = desk.journal.login_history(&query).await?.entries;
    failed.retain(|entry| now.since(entry.last()) < RECENT);
    let more_failed = failed.len() == MOST;
    let account = desk.accounts.get(me.owner.id).await?.ok_or(Error::SignInRequired)?;
    let standing = Standing {
        sessions: &sessions,
        me: me.session,
        failed: &failed,
        more_failed,
        password_set: account.password_set,
    };
    call.show(StatusCode::OK, &HubPage::new(call.frame(), standing, now))
}
