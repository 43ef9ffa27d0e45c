//! `/security/sessions`

use askama::Template as _;
use http::StatusCode;

use super::SessionsPage;
use crate::web::{Answer, Call, Error};

/// Every place where one is signed in.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    let page = page(&call).await?;
    call.show(StatusCode::OK, &page)
}

/// The page as text, for whoever has it open already.
pub(in crate::web) async fn html(call: &Call) -> Result<String, Error> {
    page(call).await?.render().map_err(|_| Error::Broken)
}

/// Answers where no event stream can be: a program that does not ask for one with GET.
pub(in crate::web) async fn not_live(call: Call) -> Result<Answer, Error> {
    call.me()?;
    Err(Error::NotFound)
}

async fn page(call: &Call) -> Result<SessionsPage, Error> {
    let me = call.me()?;
    let desk = call.desk();
    let sessions = desk.sessions.list(me.owner.id, Some(me.session)).await?;
    Ok(SessionsPage::new(call.frame(), &sessions, me.session, &desk.sessions.policy(), desk.clock.now()))
}
