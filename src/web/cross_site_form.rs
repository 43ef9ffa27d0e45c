//! What becomes of a form of another site: its visitor is asked, and it goes on once. Its fields are on the page that asks, and
//! are kept nowhere else.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tracing::debug;

use super::{
    Call, Error, Web,
    headers::let_forms_lead_to,
    pages::cross_site_form::{self as pages, Asked, Fields},
    render,
    serve::finish,
};
use crate::{
    clock::Timestamp,
    gate::{CrossSiteForm, Decision, Head, Judged, Presented, Refusal},
    guard::{Begun, Submission},
};

/// What is to be done with a form of another site.
#[derive(Debug)]
pub enum FormStep {
    /// It is claimed, and goes to the app once [`Web::send_form`] has noted it.
    Forward(ClaimedForm),
    /// Its visitor is asked: its content is needed.
    Ask,
    /// This is the answer.
    Answer(http::Response<Bytes>),
}

/// A form that one press has claimed. Until it is noted as sent, its claim lapses by itself within a minute.
#[derive(Debug)]
pub struct ClaimedForm {
    form: CrossSiteForm,
    submission: Submission,
    claimed: Timestamp,
}

impl Web {
    /// Step that follows for a form that was judged.
    pub async fn claim_form(&self, form: &CrossSiteForm, judged: &Judged, head: &Head<'_>) -> FormStep {
        let Decision::Forward(permit) = judged.decision() else { return FormStep::Ask };
        let forms = &self.desk().forms;
        let token = form.token.as_deref().unwrap_or_default();
        // Its content is not read here: the token stands for the page, and so for what was on it.
        let Some(submission) = forms.read(token, &scope(form), &forms.any_browser(), token.as_bytes()) else {
            return FormStep::Ask;
        };
        let submission = match permit.session() {
            Some(session) => submission.counted_by(session),
            None => submission,
        };
        let submission = submission.pending();
        let answer = match forms.begin_pending(&submission).await {
            Ok(Begun::First) => {
                let claimed = self.desk().clock.now();
                return FormStep::Forward(ClaimedForm { form: form.clone(), submission, claimed });
            }
            Ok(Begun::Repeat) => self.sent_already(form, head),
            Ok(Begun::Unknown) => Error::Overloaded.into_response(),
            Ok(Begun::TooMany { until }) => Error::TooMany { until }.into_response(),
            Err(away) => Error::from(away).into_response(),
        };
        FormStep::Answer(self.rendered(answer, head).await)
    }

    /// Notes that a form is sent: its first byte goes to the app next. An answer: it must not be sent.
    pub async fn send_form(&self, claimed: &ClaimedForm, head: &Head<'_>) -> Option<http::Response<Bytes>> {
        let answer = match self.desk().forms.note_sent(&claimed.submission, claimed.claimed).await {
            Ok(true) => return None,
            Ok(false) => self.sent_already(&claimed.form, head),
            Err(away) => Error::from(away).into_response(),
        };
        Some(self.rendered(answer, head).await)
    }

    /// The page that asks whether a form is to be sent on. None: its content is not what a browser would send again.
    pub async fn ask(
        &self,
        form: &CrossSiteForm,
        judged: &Judged,
        head: &Head<'_>,
        content: &[u8],
    ) -> Option<http::Response<Bytes>> {
        let fields = Fields::parse(content)?;
        let (asked, because) = match (judged.decision(), &form.token) {
            (Decision::Refuse(Refusal::SignIn { because, .. }), Some(_)) => (Asked::NotSignedIn, *because),
            (_, Some(_)) => (Asked::Late, None),
            (_, None) => (Asked::First, None),
        };
        let forms = &self.desk().forms;
        let token = forms.token(&scope(form), &forms.any_browser());
        let call = self.call(head, Presented::Nothing, None, head.ip);
        let page = pages::ask(&call, asked, form, &token, fields);
        let answer = page.map_or_else(Error::into_response, IntoResponse::into_response);
        let mut answer = match because {
            Some(because) => {
                let answer = render::said(answer, &call, head, &form.target);
                finish(call.forget_ended(because, head, answer).await).await
            }
            None => self.rendered(answer, head).await,
        };
        let_forms_lead_to(&form.sender, answer.headers_mut());
        Some(answer)
    }

    /// Releases the claim of a form that was not sent: a press that waits for it goes on.
    pub async fn release_form(&self, claimed: &ClaimedForm) {
        if let Err(away) = self.desk().forms.settle(&claimed.submission, false).await {
            debug!("Form claim not released, and lapses: {away}");
        }
    }

    fn sent_already(&self, form: &CrossSiteForm, head: &Head<'_>) -> Response {
        let call = self.call(head, Presented::Nothing, None, head.ip);
        pages::sent(&call, form).map_or_else(Error::into_response, IntoResponse::into_response)
    }

    async fn rendered(&self, answer: Response, head: &Head<'_>) -> http::Response<Bytes> {
        let call: Call = self.call(head, Presented::Nothing, None, head.ip);
        finish(render::said(answer, &call, head, "/")).await
    }
}

/// A token is good for one sender and one target.
fn scope(form: &CrossSiteForm) -> String {
    format!("cross-site-form {} {}", form.sender, form.target)
}
