//! A request for our own pages: its body is read within bounds, and it is judged again when that has taken its time.

use bytes::Bytes;
use http::Response;
use pingora::{Result, proxy::Session};

use crate::{
    gate::{Decision, Evaluation, Presented, RequestHead},
    proxy::{
        forward::{
            client::request_view, failure::ProxyFailure, hooks::Proxy, own_response, request_context::RequestContext,
        },
        http::body_limits::BodyClass,
    },
    web::RequestFailure,
};

/// Answers it.
pub(super) async fn handle(proxy: &Proxy, session: &mut Session, ctx: &mut RequestContext, evaluation: Evaluation) {
    let class = match evaluation.presented().and_then(Presented::principal) {
        Some(_) => BodyClass::Known,
        None => BodyClass::Stranger,
    };
    let request_id = ctx.request_id;
    let request = session.req_header().clone();
    let head = request_view(&request, ctx.client, request_id.as_str());
    let body = own_response::read_body(session, class, proxy.body_limiter()).await;
    let evaluation = if body.as_ref().is_ok_and(|body| !body.is_empty()) {
        // A body takes its sender's time, and the session may have ended in it: what counts is what holds now.
        let now = proxy.portcullis().reevaluate(&head, evaluation).await;
        ctx.record(&head, &request, &now);
        now
    } else {
        evaluation
    };
    let last = body.is_err();
    let response = response_for(proxy, &head, evaluation, body).await;
    proxy.send_response(session, ctx, response, last).await;
}

/// The answer when its body is there, or will not come.
async fn response_for(
    proxy: &Proxy,
    head: &RequestHead<'_>,
    evaluation: Evaluation,
    body: Result<Bytes, ProxyFailure>,
) -> Response<Bytes> {
    let portcullis = proxy.portcullis();
    match (portcullis.decide(head, evaluation), body) {
        (Decision::Serve(visit), Ok(body)) => portcullis.serve(visit, head, body).await,
        (Decision::Refuse(refusal), Ok(_)) => portcullis.refuse(&refusal, head).await,
        (Decision::Forward(_), Ok(_)) => portcullis.fail(RequestFailure::Internal, None, head).await,
        (_, Err(ProxyFailure::Respond(failed))) => portcullis.fail(failed, None, head).await,
        (_, Err(ProxyFailure::Malformed | ProxyFailure::ClientClosed)) => own_response::malformed_request(),
    }
}
