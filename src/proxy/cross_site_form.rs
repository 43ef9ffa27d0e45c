//! A request that posts a form of another site: its visitor is asked, or has sent it on. Its fields go onto the page that asks,
//! and nowhere else.

use pingora::{Error, ErrorType::InternalError, Result, proxy::Session};

use super::{
    Proxy, answer, asked::head_of, bodies::Whose, content, failure::Failure, passage::Passage, peer::PeerConnection,
};
use crate::{
    gate::{Decision, Judged, Permit, Refusal},
    web::{FormDecision, RequestFailure},
};

/// Serves it. False: it goes to the app.
///
/// # Errors
/// The client broke off.
pub(super) async fn serve(proxy: &Proxy, session: &mut Session, ctx: &mut Passage, judged: Judged) -> Result<bool> {
    let request_id = ctx.request_id;
    let request = session.req_header().clone();
    let head = head_of(&request, ctx.source, request_id.as_str());
    let (portcullis, bodies) = (proxy.portcullis(), proxy.bodies());
    let step = portcullis.claim_form(&judged, &head).await;
    let (answer, last) = match step {
        Some(FormDecision::Respond(answer)) => {
            refusal_in(portcullis.decide(&head, judged), ctx);
            (answer, false)
        }
        Some(FormDecision::Confirm) => {
            let read = answer::read_body(session, Whose::CrossSiteForm, bodies).await;
            let page = match &read {
                Ok(content) => portcullis.ask(&judged, &head, content).await,
                Err(_) => None,
            };
            let last = read.is_err();
            let refusal = refusal_in(portcullis.decide(&head, judged), ctx);
            let answer = match (page, refusal, read) {
                (Some(page), _, _) => page,
                // Larger than is carried, or not what a browser would send again: as without the page.
                (_, Some(refusal), Ok(_) | Err(Failure::Say(RequestFailure::BodyTooLarge))) => {
                    portcullis.refuse(&refusal, &head).await
                }
                (_, _, Err(Failure::Say(failed))) => portcullis.fail(failed, None, &head).await,
                (_, _, Err(Failure::Malformed | Failure::Gone)) => answer::malformed(),
                (_, _, Ok(_)) => portcullis.fail(RequestFailure::BodyTooLarge, None, &head).await,
            };
            (answer, last)
        }
        Some(FormDecision::Forward(form)) => match portcullis.decide(&head, judged) {
            Decision::Forward(permit) => {
                proxy.forward(ctx, permit);
                ctx.form = Some(form);
                if ctx.has_room_for(answer::announced(session).unwrap_or(0)) {
                    // An app may close an idle connection just when a request is sent into it, and this one is sent once.
                    ctx.connection = PeerConnection::New;
                    ctx.is_empty = content::is_empty(session).await?;
                    return Ok(false);
                }
                let person = ctx.permit.as_ref().and_then(Permit::person);
                (portcullis.fail(RequestFailure::BodyTooLarge, person, &head).await, false)
            }
            Decision::Refuse(_) | Decision::Serve(_) => {
                (portcullis.fail(RequestFailure::Internal, None, &head).await, false)
            }
        },
        None => (portcullis.fail(RequestFailure::Internal, None, &head).await, false),
    };
    proxy.send(session, ctx, answer, last).await;
    Ok(true)
}

/// Notes that the form of a request is sent, where it has one: its first byte goes to the app next.
///
/// # Errors
/// The form must not be sent; the answer says why.
pub(super) async fn note_sent(proxy: &Proxy, session: &Session, ctx: &mut Passage) -> Result<()> {
    let Some(form) = ctx.form.take() else { return Ok(()) };
    let head = head_of(session.req_header(), ctx.source, ctx.request_id.as_str());
    match proxy.portcullis().send_form(&form, &head).await {
        None => Ok(()),
        Some(answer) => {
            ctx.answer = Some(answer);
            Error::e_explain(InternalError, "the form is not sent")
        }
    }
}

/// Why it goes nowhere; none where it could, and the log is told whose it is.
fn refusal_in(decision: Decision, ctx: &mut Passage) -> Option<Refusal> {
    match decision {
        Decision::Refuse(refusal) => Some(refusal),
        Decision::Forward(permit) => {
            ctx.goes(permit, None);
            None
        }
        Decision::Serve(_) => None,
    }
}
