//! `/security/sessions`

use http::StatusCode;

use super::SessionsPage;
use crate::web::{Answer, Call, Error};

/// Every place where one is signed in.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let desk = call.desk();
    let sessions = desk.sessions.list(me.owner.id, Some(me.session)).await?;
    let page = SessionsPage::new(call.frame(), &sessions, me.session, &desk.sessions.policy(), desk.clock.now());
    call.show(StatusCode::OK, &page)
}
