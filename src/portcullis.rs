//! THE PROGRAM WITHOUT A SOCKET: a request's head comes in, a decision goes out; pages are answered; refusals are said.
//!
//! Pingora is the plug, the store is a drawer. Whoever reads requests from a wire calls these methods and obeys.

use std::net::IpAddr;

use bytes::Bytes;
use http::StatusCode;

use crate::{
    gate::{Decision, Evaluation, ExplainedDecision, Explanation, Gate, OwnRequest, Permit, Refusal, RequestHead},
    session::UserSnapshot,
    web::{ClaimedForm, FormDecision, RequestFailure, SessionEventStream, Web},
};

/// The whole program, but for the socket.
pub struct Portcullis {
    gate: Gate,
    web: Web,
}

impl Portcullis {
    /// From its two halves: the one that decides, and the one that answers.
    #[must_use]
    pub const fn new(gate: Gate, web: Web) -> Self {
        Self { gate, web }
    }

    /// What is to become of a request. Never fails: an outage is a refusal.
    pub async fn evaluate(&self, head: &RequestHead<'_>) -> Evaluation {
        self.gate.evaluate(head).await
    }

    /// The same again, where time has passed since: what counts is what holds now.
    pub async fn reevaluate(&self, head: &RequestHead<'_>, before: Evaluation) -> Evaluation {
        self.gate.reevaluate(head, before).await
    }

    /// What becomes of it. Once for each request: from here on it is counted, and its session was used.
    #[must_use]
    pub fn decide(&self, head: &RequestHead<'_>, evaluation: Evaluation) -> Decision {
        self.gate.decide(head, evaluation)
    }

    /// The client has sent more of a request that was let through, or on the stream that it has become.
    pub fn record_stream_activity(&self, permit: &Permit, ip: IpAddr) {
        self.gate.record_stream_activity(permit, ip);
    }

    /// The answer to a request for our own pages, with the whole of its body.
    pub async fn serve(&self, visit: OwnRequest, head: &RequestHead<'_>, body: Bytes) -> http::Response<Bytes> {
        self.web.serve(visit, head, body).await
    }

    /// The event stream that a request for our own pages asks for.
    ///
    /// # Errors
    /// The answer to a request that gets none.
    pub async fn open_event_stream(
        &self,
        visit: OwnRequest,
        head: &RequestHead<'_>,
    ) -> Result<SessionEventStream, http::Response<Bytes>> {
        self.web.open_event_stream(visit, head).await
    }

    /// Step that follows for a request that posts a form of another site; none where it posts none.
    pub async fn claim_form(&self, evaluation: &Evaluation, head: &RequestHead<'_>) -> Option<FormDecision> {
        Some(self.web.claim_form(evaluation.cross_site_form()?, evaluation, head).await)
    }

    /// The page that asks whether such a form is to be sent on. None: its content cannot be carried.
    pub async fn confirm_form(
        &self,
        evaluation: &Evaluation,
        head: &RequestHead<'_>,
        content: &[u8],
    ) -> Option<http::Response<Bytes>> {
        self.web.confirm_form(evaluation.cross_site_form()?, evaluation, head, content).await
    }

    /// Notes that such a form is sent: its first byte goes to the app next. An answer: it must not be sent.
    pub async fn mark_form_sent(&self, form: &ClaimedForm, head: &RequestHead<'_>) -> Option<http::Response<Bytes>> {
        self.web.mark_form_sent(form, head).await
    }

    /// Releases the claim of such a form that was not sent.
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

    /// What would become of a request of somebody who has just signed in, or of nobody: what [`Portcullis::judge`] would
    /// say, and the status of the answer where it goes nowhere. Nothing is counted, and no session is used.
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
