//! What the proxy asks of the program behind it.

use std::future::Future;

use bytes::Bytes;
use http::Response;

use crate::{
    gate::{Decision, Head, Refusal, Visit},
    portcullis::Portcullis,
    session::Owner,
};

/// The program without a socket, as the proxy sees it.
pub trait Front: Send + Sync + 'static {
    /// What becomes of a request. Never fails: an outage is a refusal.
    fn decide(&self, head: &Head<'_>) -> impl Future<Output = Decision> + Send;

    /// One of our own pages. The body is whole, and bounded.
    fn serve(&self, visit: Visit, head: &Head<'_>, body: Bytes) -> impl Future<Output = Response<Bytes>> + Send;

    /// A refusal as a page, a redirect or a problem document, by what the client asked for.
    fn refuse(&self, refusal: &Refusal, head: &Head<'_>) -> impl Future<Output = Response<Bytes>> + Send;

    /// The same for an app that did not answer somebody who was let through.
    fn fail(
        &self,
        refusal: &Refusal,
        person: Option<&Owner>,
        head: &Head<'_>,
    ) -> impl Future<Output = Response<Bytes>> + Send;
}

impl Front for Portcullis {
    async fn decide(&self, head: &Head<'_>) -> Decision {
        Self::decide(self, head).await
    }

    async fn serve(&self, visit: Visit, head: &Head<'_>, body: Bytes) -> Response<Bytes> {
        Self::serve(self, visit, head, body).await
    }

    async fn refuse(&self, refusal: &Refusal, head: &Head<'_>) -> Response<Bytes> {
        Self::refuse(self, refusal, head).await
    }

    async fn fail(&self, refusal: &Refusal, person: Option<&Owner>, head: &Head<'_>) -> Response<Bytes> {
        Self::fail(self, refusal, person, head).await
    }
}
