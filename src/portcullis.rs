//! THE PROGRAM WITHOUT A SOCKET: a request's head comes in, a decision goes out; pages are answered; refusals are said.
//!
//! Pingora is the plug, the store is a drawer. Whoever reads requests from a wire calls these three methods and obeys.

use bytes::Bytes;

use crate::{
    gate::{Decision, Gate, Head, Refusal, Visit},
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
        self.web.refuse(refusal, head).await
    }

    /// What the rules say of a request, without making it.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }
}
