//! A request that posts a form of another site: its visitor is asked, or has sent it on. Its fields go onto the page that asks,
//! and nowhere else.

use pingora::{Error, ErrorType::InternalError, Result, proxy::Session};

use crate::{
    gate::{Evaluated, FormRequest, Permit, Refusal, RequestHead},
    proxy::{
        forward::{
            client::request_view, content, failure::ProxyFailure, hooks::Proxy, own_response, peer::PeerConnection,
            request_context::RequestContext,
        },
        http::body_limits::BodyClass,
    },
    web::{FormDecision, RequestFailure},
};

/// Serves it. False: it goes to the app.
///
/// # Errors
/// The client broke off.
pub(super) async fn handle(
    proxy: &Proxy,
    session: &mut Session,
    ctx: &mut RequestContext,
    form: FormRequest,
) -> Result<bool> {
    let head = request_view(session.req_header(), ctx.client, ctx.request_id.as_str()).to_owned_head();
    let head = head.view();
    let (portcullis, body_limiter) = (proxy.portcullis(), proxy.body_limiter());
    let step = portcullis.claim_form(form, &head).await;
    let (response, last) = match step {
        FormDecision::Respond(response, outcome) => {
            record_outcome(proxy, &head, outcome, ctx);
            (response, false)
        }
        FormDecision::Confirm(form) => {
            let read = own_response::read_body(session, BodyClass::CrossSiteForm, body_limiter).await;
            let page = match &read {
                Ok(content) => portcullis.confirm_form(&form, &head, content).await,
                Err(_) => None,
            };
            let last = read.is_err();
            let refusal = record_outcome(proxy, &head, form.outcome, ctx);
            let response = match (page, refusal, read) {
                (Some(page), _, _) => page,
                // Larger than is carried, or not what a browser would send again: as without the page.
                (_, Some(refusal), Ok(_) | Err(ProxyFailure::Respond(RequestFailure::BodyTooLarge))) => {
                    portcullis.refuse(&refusal, &head).await
                }
                (_, _, Err(ProxyFailure::Respond(failed))) => portcullis.fail(failed, None, &head).await,
                (_, _, Err(ProxyFailure::Malformed | ProxyFailure::ClientClosed)) => own_response::malformed_request(),
                (_, _, Ok(_)) => portcullis.fail(RequestFailure::BodyTooLarge, None, &head).await,
            };
            (response, last)
        }
        FormDecision::Forward(claimed, permit) => {
            proxy.set_permit(ctx, portcullis.record(&head, permit));
            ctx.claimed_form = Some(claimed);
            if ctx.is_within_body_limit(own_response::content_length(session).unwrap_or(0)) {
                // An app may close an idle connection just when a request is sent into it, and this one is sent once.
                ctx.peer_connection = PeerConnection::New;
                ctx.has_no_content = content::has_no_content(session).await?;
                return Ok(false);
            }
            let user = ctx.permit.as_ref().and_then(Permit::user);
            (portcullis.fail(RequestFailure::BodyTooLarge, user, &head).await, false)
        }
    };
    proxy.send_response(session, ctx, response, last).await;
    Ok(true)
}

/// Notes that the form of a request is sent, where it has one: its first byte goes to the app next.
///
/// # Errors
/// The form must not be sent; the answer says why.
pub(super) async fn mark_sent(proxy: &Proxy, session: &Session, ctx: &mut RequestContext) -> Result<()> {
    let Some(form) = ctx.claimed_form.take() else { return Ok(()) };
    let head = request_view(session.req_header(), ctx.client, ctx.request_id.as_str());
    match proxy.portcullis().mark_form_sent(&form, &head).await {
        None => Ok(()),
        Some(response) => {
            ctx.own_response = Some(response);
            Error::e_explain(InternalError, "the form is not sent")
        }
    }
}

/// Counts the outcome of a form that does not go to the app. The log has whose it is; the refusal, where it is one.
fn record_outcome(
    proxy: &Proxy,
    head: &RequestHead<'_>,
    outcome: Evaluated<Permit>,
    ctx: &mut RequestContext,
) -> Option<Refusal> {
    match outcome {
        Ok(permit) => {
            ctx.set_upstream(proxy.portcullis().record(head, permit), None);
            None
        }
        Err(refusal) => Some(proxy.portcullis().record(head, refusal)),
    }
}
