//! A request for our own pages: its body is read within bounds, and it is judged again when that has taken its time.

use bytes::Bytes;
use http::Response;
use pingora::{Result, proxy::Session};

use super::{Proxy, answer, asked::head_of, bodies::Whose, failure::Failure, passage::Passage};
use crate::{
    gate::{Decision, Head, Judged, Presented},
    web::RequestFailure,
};

/// Answers it.
pub(super) async fn serve(proxy: &Proxy, session: &mut Session, ctx: &mut Passage, judged: Judged) {
    let whose = match judged.visitor().and_then(Presented::good) {
        Some(_) => Whose::Known,
        None => Whose::Stranger,
    };
    let request_id = ctx.request_id;
    let request = session.req_header().clone();
    let head = head_of(&request, ctx.source, request_id.as_str());
    let body = answer::read_body(session, whose, proxy.bodies()).await;
    let judged = if body.as_ref().is_ok_and(|body| !body.is_empty()) {
        // A body takes its sender's time, and the session may have ended in it: what counts is what holds now.
        let now = proxy.portcullis().judge_again(&head, judged).await;
        ctx.note(&head, &request, &now);
        now
    } else {
        judged
    };
    let last = body.is_err();
    let answer = answer_to(proxy, &head, judged, body).await;
    proxy.send(session, ctx, answer, last).await;
}

/// The answer when its body is there, or will not come.
async fn answer_to(proxy: &Proxy, head: &Head<'_>, judged: Judged, body: Result<Bytes, Failure>) -> Response<Bytes> {
    let portcullis = proxy.portcullis();
    match (portcullis.decide(head, judged), body) {
        (Decision::Serve(visit), Ok(body)) => portcullis.serve(visit, head, body).await,
        (Decision::Refuse(refusal), Ok(_)) => portcullis.refuse(&refusal, head).await,
        (Decision::Forward(_), Ok(_)) => portcullis.fail(RequestFailure::Internal, None, head).await,
        (_, Err(Failure::Say(failed))) => portcullis.fail(failed, None, head).await,
        (_, Err(Failure::Malformed | Failure::Gone)) => answer::malformed(),
    }
}
