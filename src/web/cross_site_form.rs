//! What becomes of a form of another site: its visitor is asked, and it goes on once. Its fields are on the page that asks, and
//! are kept nowhere else.

use bytes::Bytes;
use tracing::debug;

use super::{
    Error, RequestFailure, Web, WebResponse,
    headers::allow_form_target,
    pages::cross_site_form::{self as pages, FormFields, PromptReason},
    render,
    serve::finalize,
};
use crate::{
    clock::Timestamp,
    gate::{CrossSiteForm, Evaluated, FormRequest, Pending, Permit, Refusal, RequestHead},
    guard::{FormClaim, FormSubmission},
};

/// What is to be done with a form of another site.
#[derive(Debug)]
pub enum FormDecision {
    /// The form is claimed, and goes to the app once [`Web::mark_form_sent`] has noted it.
    Forward(ClaimedForm, Pending<Permit>),
    /// Its visitor is asked: its content is needed.
    Confirm(FormRequest),
    /// This is the answer.
    Respond(http::Response<Bytes>, Evaluated<Permit>),
}

/// A form that one press has claimed. Until it is noted as sent, its claim lapses by itself within a minute.
#[derive(Debug)]
pub struct ClaimedForm {
    form: CrossSiteForm,
    submission: FormSubmission,
    claimed_at: Timestamp,
}

impl Web {
    /// Claims a form, and tells the step that follows.
    pub async fn claim_form(&self, request: FormRequest, head: &RequestHead<'_>) -> FormDecision {
        let FormRequest { form, outcome } = request;
        let Ok(permit) = outcome else { return FormDecision::Confirm(FormRequest { form, outcome }) };
        let forms = &self.state().forms;
        let token = form.token.as_deref().unwrap_or_default();
        // Its content is not read here: the token stands for the page, and so for what was on it.
        let Some(submission) = forms.verify(token, &scope(&form), &forms.anonymous_browser(), token.as_bytes()) else {
            return FormDecision::Confirm(FormRequest { form, outcome: Ok(permit) });
        };
        let submission = match permit.outcome().session() {
            Some(session) => submission.with_session(session),
            None => submission,
        };
        let submission = submission.with_pending_claim();
        let answer = match forms.claim_pending(&submission).await {
            Ok(FormClaim::Claimed) => {
                let claimed = self.state().clock.now();
                return FormDecision::Forward(ClaimedForm { form: *form, submission, claimed_at: claimed }, permit);
            }
            Ok(FormClaim::Repeated) => self.already_sent_page(&form, head),
            Ok(FormClaim::Unresolved) => Err(RequestFailure::Overloaded.into()),
            Ok(FormClaim::TooManyClaims { until }) => Err(Error::TooManyAttempts { until }),
            Err(away) => Err(away.into()),
        };
        FormDecision::Respond(self.render_response(answer, head).await, Ok(permit))
    }

    /// Notes that a form is sent: its first byte goes to the app next. An answer: it must not be sent.
    pub async fn mark_form_sent(&self, claimed: &ClaimedForm, head: &RequestHead<'_>) -> Option<http::Response<Bytes>> {
        let answer = match self.state().forms.mark_sent(&claimed.submission, claimed.claimed_at).await {
            Ok(true) => return None,
            Ok(false) => self.already_sent_page(&claimed.form, head),
            Err(away) => Err(away.into()),
        };
        Some(self.render_response(answer, head).await)
    }

    /// The page that asks whether a form is to be sent on. None: its content is not what a browser would send again.
    pub async fn confirm_form(
        &self,
        request: &FormRequest,
        head: &RequestHead<'_>,
        content: &[u8],
    ) -> Option<http::Response<Bytes>> {
        let fields = FormFields::parse(content)?;
        let FormRequest { form, outcome } = request;
        let refusal = outcome.as_ref().err().map(Pending::outcome);
        let (asked, because) = match (refusal, &form.token) {
            (Some(Refusal::SignInRequired { reason, .. }), Some(_)) => (PromptReason::NotSignedIn, *reason),
            (_, Some(_)) => (PromptReason::Expired, None),
            (_, None) => (PromptReason::First, None),
        };
        let forms = &self.state().forms;
        let token = forms.token(&scope(form), &forms.anonymous_browser());
        let request = self.anonymous_request(head);
        let page = pages::confirm_page(&request, asked, form, &token, fields);
        let answer = render::render_result(page, &request, head, &form.target);
        let mut answer = finalize(match because {
            Some(because) => request.clear_ended_session(because, head, answer).await,
            None => answer,
        })
        .await;
        allow_form_target(&form.sender, answer.headers_mut());
        Some(answer)
    }

    /// Releases the claim of a form that was not sent: a press that waits for it goes on.
    pub async fn release_form(&self, claimed: &ClaimedForm) {
        if let Err(away) = self.state().forms.finish(&claimed.submission, false).await {
            debug!(error = %away, "Form claim not released, lapses by itself");
        }
    }

    fn already_sent_page(&self, form: &CrossSiteForm, head: &RequestHead<'_>) -> Result<WebResponse, Error> {
        pages::sent_page(&self.anonymous_request(head), form)
    }

    async fn render_response(
        &self,
        answer: Result<WebResponse, Error>,
        head: &RequestHead<'_>,
    ) -> http::Response<Bytes> {
        let request = self.anonymous_request(head);
        finalize(render::render_result(answer, &request, head, "/")).await
    }
}

/// A token is good for one sender and one target.
fn scope(form: &CrossSiteForm) -> String {
    format!("cross-site-form {} {}", form.sender, form.target)
}
