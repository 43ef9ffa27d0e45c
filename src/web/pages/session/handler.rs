//! `/security/sessions/{id}`

use http::StatusCode;

use super::SessionPage;
use crate::web::{Answer, Call, Error, sent::Path};

/// One session in full; other people's are not found.
pub(in crate::web) async fn show(call: Call, Path(id): Path<String>) -> Result<Answer, Error> {
    let me = call.me()?;
    let desk = call.desk();
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let session = desk.sessions.own(me.owner.id, id, &call.visitor()).await?.ok_or(Error::NotFound)?;
    let house = call.house();
    let label = session.activity.last_page.as_deref().and_then(|path| house.page_label(path));
    let page = SessionPage::new(call.frame(), &session, me.session, &desk.sessions.policy(), label, desk.clock.now());
    call.show(StatusCode::OK, &page)
}
