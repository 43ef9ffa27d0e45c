//! `/security/sessions/{id}`

use http::StatusCode;

use super::SessionPage;
use crate::web::{Error, WebRequest, WebResponse, extract::Path};

/// One session in full; other people's are not found.
pub(in crate::web) async fn show(request: WebRequest, Path(id): Path<String>) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let state = request.state();
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let session = state.sessions.find_own(me.subject.id, id, &request.visitor()).await?.ok_or(Error::NotFound)?;
    let site = request.site_settings();
    let label = session.activity.last_path.as_deref().and_then(|path| site.page_label(path));
    let page = SessionPage::new(
        request.layout(),
        &session,
        me.session().id,
        &state.sessions.policy(),
        label,
        state.clock.now(),
    );
    request.render_page(StatusCode::OK, &page)
}
