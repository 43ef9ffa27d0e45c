//! THE PROGRAM WITHOUT A SOCKET: a request's head comes in, a decision goes out; pages are answered; refusals are said.
//!
//! Pingora is the plug, the store is a drawer. Whoever reads requests from a wire calls these methods and obeys.

use bytes::Bytes;
use http::StatusCode;

use crate::{
    gate::{Decision, Explained, Gate, Head, Refusal, Visit},
    session::Owner,
    web::Web,
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

    /// What becomes of a request. Never fails: an outage is a refusal.
    pub async fn decide(&self, head: &Head<'_>) -> Decision {
        self.gate.decide(head).await
    }

    /// The answer to a request for our own pages, with the whole of its body.
    pub async fn serve(&self, visit: Visit, head: &Head<'_>, body: Bytes) -> http::Response<Bytes> {
        self.web.serve(visit, head, body).await
    }

    /// The answer to a request that goes nowhere: a page, a redirect or a problem document, by what its client asks for.
    pub async fn refuse(&self, refusal: &Refusal, head: &Head<'_>) -> http::Response<Bytes> {
        self.web.refuse(refusal, refusal.person(), head).await
    }

    /// The answer to a request that was let through, and whose app did not answer; `person` is who was let through.
    pub async fn fail(&self, refusal: &Refusal, person: Option<&Owner>, head: &Head<'_>) -> http::Response<Bytes> {
        self.web.refuse(refusal, person, head).await
    }

    /// What would become of a request of somebody who has just signed in, or of nobody: what [`Portcullis::decide`] would
    /// say, and the status of the answer where it goes nowhere. Nothing is counted, and no session is used.
    pub async fn explain(&self, head: &Head<'_>, supposed: Option<&Owner>) -> (Explained, Option<StatusCode>) {
        let explained = self.gate.explain(head, supposed).await;
        let status = match &explained.decision {
            Decision::Refuse(refusal) => Some(self.refuse(refusal, head).await.status()),
            Decision::Forward(_) | Decision::Serve(_) => None,
        };
        (explained, status)
    }
}
