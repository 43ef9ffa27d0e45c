//! `/security/sessions`

use askama::Template as _;
use http::StatusCode;

use super::SessionsPage;
use crate::web::{Error, RequestFailure, WebRequest, WebResponse};

/// Every place where one is signed in.
pub(in crate::web) async fn show(request: WebRequest) -> Result<WebResponse, Error> {
    let page = build_page(&request).await?;
    request.render_page(StatusCode::OK, &page)
}

/// The page as text, for whoever has it open already.
pub(in crate::web) async fn render_html(request: &WebRequest) -> Result<String, Error> {
    build_page(request).await?.render().map_err(|_| Error::Failed(RequestFailure::Internal))
}

/// Answers where no event stream can be: a program that does not ask for one with GET.
pub(in crate::web) async fn not_event_stream(request: WebRequest) -> Result<WebResponse, Error> {
    request.require_principal()?;
    Err(Error::NotFound)
}

async fn build_page(request: &WebRequest) -> Result<SessionsPage, Error> {
    let me = request.require_principal()?;
    let state = request.state();
    let sessions = state.sessions.list(me.subject.id, Some(me.session().id)).await?;
    Ok(SessionsPage::new(request.layout(), &sessions, me.session().id, &state.sessions.policy(), state.clock.now()))
}
