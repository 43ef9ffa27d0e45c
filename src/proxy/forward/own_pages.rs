//! A request for our own pages: its body is read within bounds, and it is evaluated again when that has taken its time.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use pingora::{Result, proxy::Session};

use crate::{
    gate::{Evaluated, OwnRequest, OwnedHead, Pending, fields_of},
    proxy::{
        forward::{
            client::request_view, failure::ProxyFailure, hooks::Proxy, own_response, request_context::RequestContext,
        },
        http::body_limits::BodyClass,
    },
};

/// Answers it.
pub(super) async fn handle(proxy: &Proxy, session: &mut Session, ctx: &mut RequestContext, own: Pending<OwnRequest>) {
    let class = match own.outcome().authentication.principal() {
        Some(_) => BodyClass::Known,
        None => BodyClass::Stranger,
    };
    let head = request_view(session.req_header(), ctx.client, ctx.request_id.as_str()).to_owned_head();
    let body = own_response::read_body(session, class, proxy.body_limiter()).await;
    let outcome = if body.as_ref().is_ok_and(|body| !body.is_empty()) {
        // A body takes its sender's time, and the session may have ended in it: what counts is what holds now.
        let now = proxy.portcullis().reevaluate_own(&head.view(), own).await;
        ctx.record(&head.view(), &fields_of(&now));
        now
    } else {
        Ok(own)
    };
    let last = body.is_err();
    let response = response_for(proxy, head, outcome, body).await;
    proxy.send_response(session, ctx, response, last).await;
}

/// The response when the body is there, or will not come.
async fn response_for(
    proxy: &Proxy,
    head: Arc<OwnedHead>,
    outcome: Evaluated<OwnRequest>,
    body: Result<Bytes, ProxyFailure>,
) -> Response<Bytes> {
    let portcullis = proxy.portcullis();
    let outcome = match outcome {
        Ok(own) => Ok(portcullis.record(&head.view(), own)),
        Err(refusal) => Err(portcullis.record(&head.view(), refusal)),
    };
    match (outcome, body) {
        (Ok(own), Ok(body)) => portcullis.serve(own, head, body).await,
        (Err(refusal), Ok(_)) => portcullis.refuse(&refusal, &head.view()).await,
        (_, Err(ProxyFailure::Respond(failed))) => portcullis.fail(failed, None, &head.view()).await,
        (_, Err(ProxyFailure::Malformed | ProxyFailure::ClientClosed)) => own_response::malformed_request(),
    }
}
