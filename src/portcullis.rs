//! THE PROGRAM WITHOUT A SOCKET: a request's head comes in, a decision goes out; pages are answered; refusals are said.
//!
//! Pingora is the plug, the store is a drawer. Whoever reads requests from a wire calls these methods and obeys.

use std::net::IpAddr;

use bytes::Bytes;
use http::StatusCode;

use crate::{
    gate::{Decision, Explained, Gate, Head, Judged, Permit, Refusal, Verdict, Visit},
    session::Owner,
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
    pub async fn judge(&self, head: &Head<'_>) -> Judged {
        self.gate.judge(head).await
    }

    /// The same again, where time has passed since: what counts is what holds now.
    pub async fn judge_again(&self, head: &Head<'_>, before: Judged) -> Judged {
        self.gate.judge_again(head, before).await
    }

    /// What becomes of it. Once for each request: from here on it is counted, and its session was used.
    #[must_use]
    pub fn decide(&self, head: &Head<'_>, judged: Judged) -> Decision {
        self.gate.decide(head, judged)
    }

    /// The client has sent more of a request that was let through, or on the stream that it has become.
    pub fn hears(&self, permit: &Permit, ip: IpAddr) {
        self.gate.hears(permit, ip);
    }

    /// The answer to a request for our own pages, with the whole of its body.
    pub async fn serve(&self, visit: Visit, head: &Head<'_>, body: Bytes) -> http::Response<Bytes> {
        self.web.serve(visit, head, body).await
    }

    /// The event stream that a request for our own pages asks for.
    ///
    /// # Errors
    /// The answer to a request that gets none.
    pub async fn live(&self, visit: Visit, head: &Head<'_>) -> Result<SessionEventStream, http::Response<Bytes>> {
        self.web.open_event_stream(visit, head).await
    }

    /// Step that follows for a request that posts a form of another site; none where it posts none.
    pub async fn claim_form(&self, judged: &Judged, head: &Head<'_>) -> Option<FormDecision> {
        Some(self.web.claim_form(judged.form()?, judged, head).await)
    }

    /// The page that asks whether such a form is to be sent on. None: its content cannot be carried.
    pub async fn ask(&self, judged: &Judged, head: &Head<'_>, content: &[u8]) -> Option<http::Response<Bytes>> {
        self.web.confirm_form(judged.form()?, judged, head, content).await
    }

    /// Notes that such a form is sent: its first byte goes to the app next. An answer: it must not be sent.
    pub async fn send_form(&self, form: &ClaimedForm, head: &Head<'_>) -> Option<http::Response<Bytes>> {
        self.web.mark_form_sent(form, head).await
    }

    /// Releases the claim of such a form that was not sent.
    pub async fn release_form(&self, form: &ClaimedForm) {
        self.web.release_form(form).await;
    }

    /// The answer to a request that goes nowhere: a page, a redirect or a problem document, by what its client asks for.
    pub async fn refuse(&self, refusal: &Refusal, head: &Head<'_>) -> http::Response<Bytes> {
        self.web.refuse(refusal, head).await
    }

    /// The answer to a request that was not refused, and came to nothing; `person` is who was let through.
    pub async fn fail(&self, failed: RequestFailure, person: Option<&Owner>, head: &Head<'_>) -> http::Response<Bytes> {
        self.web.fail(failed, person, head).await
    }

    /// What would become of a request of somebody who has just signed in, or of nobody: what [`Portcullis::judge`] would
    /// say, and the status of the answer where it goes nowhere. Nothing is counted, and no session is used.
    pub async fn explain(&self, head: &Head<'_>, supposed: Option<&Owner>) -> (Explained, Option<StatusCode>) {
        let explained = self.gate.explain(head, supposed).await;
        let status = match &explained.verdict {
            Verdict::Refuse(refusal) => Some(self.refuse(refusal, head).await.status()),
            Verdict::Forward { .. } | Verdict::Serve => None,
        };
        (explained, status)
    }
}
