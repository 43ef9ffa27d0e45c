//! Program without a socket: evaluates request heads, answers own pages, and renders refusals.
//!
//! It names neither Pingora nor a database. The proxy calls these methods and follows each decision.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::StatusCode;

use crate::{
    gate::{
        Decision, Evaluated, ExplainedDecision, Explanation, FormRequest, Gate, Outcome, OwnRequest, OwnedHead,
        Pending, Permit, Refusal, RequestHead,
    },
    session::UserSnapshot,
    web::{ClaimedForm, FormDecision, RequestFailure, SessionEventStream, Web},
};

/// Program without its sockets.
pub struct Portcullis {
    gate: Gate,
    web: Web,
}

impl Portcullis {
    /// Creates the program from its gate and its web pages.
    #[must_use]
    pub const fn new(gate: Gate, web: Web) -> Self {
        Self { gate, web }
    }

    /// Evaluates a request. It never fails: an outage is a refusal. Nothing is counted before [`Portcullis::record`].
    pub async fn evaluate(&self, head: &RequestHead<'_>) -> Decision {
        self.gate.evaluate(head).await
    }

    /// Evaluates a request for an own page again, whose body took its time: what counts is what holds now.
    pub async fn reevaluate_own(&self, head: &RequestHead<'_>, own: Pending<OwnRequest>) -> Evaluated<OwnRequest> {
        self.gate.reevaluate_own(head, own).await
    }

    /// Evaluates a request again that has this permit, before it is sent once more: what counts is what holds now.
    pub async fn reevaluate_permit(&self, head: &RequestHead<'_>, permit: &Permit) -> Evaluated<Permit> {
        self.gate.reevaluate_permit(head, permit).await
    }

    /// Records an outcome and returns it. Called once for each request.
    pub fn record<T: Outcome>(&self, head: &RequestHead<'_>, pending: Pending<T>) -> T {
        self.gate.record(head, pending)
    }

    /// Records that the client has sent more of a request that was let through, or on the stream that it has become.
    pub fn record_stream_activity(&self, permit: &Permit, ip: IpAddr) {
        self.gate.record_stream_activity(permit, ip);
    }

    /// Response to a request for an own page, with its complete body.
    pub async fn serve(&self, visit: OwnRequest, head: Arc<OwnedHead>, body: Bytes) -> http::Response<Bytes> {
        self.web.serve(visit, head, body).await
    }

    /// Event stream for a request for an own page.
    ///
    /// # Errors
    /// The answer to a request that gets none.
    pub async fn open_event_stream(
        &self,
        visit: OwnRequest,
        head: Arc<OwnedHead>,
    ) -> Result<SessionEventStream, http::Response<Bytes>> {
        self.web.open_event_stream(visit, head).await
    }

    /// Claims a form of another site, and tells the step that follows.
    pub async fn claim_form(&self, request: FormRequest, head: &RequestHead<'_>) -> FormDecision {
        self.web.claim_form(request, head).await
    }

    /// The page that asks whether such a form is to be sent on. None: its content cannot be carried.
    pub async fn confirm_form(
        &self,
        request: &FormRequest,
        head: &RequestHead<'_>,
        content: &[u8],
    ) -> Option<http::Response<Bytes>> {
        self.web.confirm_form(request, head, content).await
    }

    /// Notes that such a form is sent: its first byte goes to the app next. An answer: it must not be sent.
    pub async fn mark_form_sent(&self, form: &ClaimedForm, head: &RequestHead<'_>) -> Option<http::Response<Bytes>> {
        self.web.mark_form_sent(form, head).await
    }

    /// Releases the claim of a cross-site form that was not sent.
    pub async fn release_form(&self, form: &ClaimedForm) {
        self.web.release_form(form).await;
    }

    /// The answer to a request that goes nowhere: a page, a redirect or a problem document, by what its client asks for.
    pub async fn refuse(&self, refusal: &Refusal, head: &RequestHead<'_>) -> http::Response<Bytes> {
        self.web.refuse(refusal, head).await
    }

    /// The answer to a request that was not refused, and came to nothing; `person` is who was let through.
    pub async fn fail(
        &self,
        failure: RequestFailure,
        user: Option<&UserSnapshot>,
        head: &RequestHead<'_>,
    ) -> http::Response<Bytes> {
        self.web.fail(failure, user, head).await
    }

    /// Explains a request of a user who has just signed in, or of nobody: the decision that [`Portcullis::evaluate`] would
    /// make, and the response status of a refusal. Nothing is counted, and no session is used.
    pub async fn explain(
        &self,
        head: &RequestHead<'_>,
        user: Option<&UserSnapshot>,
    ) -> (Explanation, Option<StatusCode>) {
        let explained = self.gate.explain(head, user).await;
        let status = match &explained.decision {
            ExplainedDecision::Refuse(refusal) => Some(self.refuse(refusal, head).await.status()),
            ExplainedDecision::Forward { .. } | ExplainedDecision::Serve => None,
        };
        (explained, status)
    }
}
