//! From a visit to an answer: the router, and the headers that all of our answers have.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::{Body, to_bytes},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use tower::ServiceExt as _;

use super::{
    Call, Desk, Error, Failed, LiveSessions, api, call::Facts, harden, headers::let_be_framed, live::LiveStreams,
    pages, paths, render,
};
use crate::{
    gate::{Head, Presented, Refusal, Visit},
    session::Owner,
};

/// `Allow` where a place is not ours: any other method goes to the app, too, and what it thinks of it the app tells.
pub const FORWARDED_METHODS: &str = "GET, HEAD, OPTIONS, QUERY, POST, PUT, PATCH, DELETE";

/// Our own pages and the API.
pub struct Web {
    desk: Arc<Desk>,
    router: Router,
    live: LiveStreams,
}

impl Web {
    /// All pages and the API, over these use cases.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        let router = Router::new()
            .nest(api::ROOT, api::router())
            .merge(pages::router())
            .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
            .fallback(|| async { Error::NotFound });
        Self { desk, router, live: LiveStreams::default() }
    }

    /// Answers a request for our own pages.
    pub async fn serve(&self, visit: Visit, head: &Head<'_>, body: Bytes) -> http::Response<Bytes> {
        let call = self.call(head, visit.presented, None, visit.ip);
        let target = visit.path.with_query();
        let response = self.route(&call, &target, body).await;
        let asks_to_sign_in = matches!(response.extensions().get(), Some(Error::SignInRequired));
        let response = render::said(response, &call, head, &target);
        finish(match call.because() {
            Some(because) if asks_to_sign_in => call.forget_ended(because, head, response).await,
            _ => response,
        })
        .await
    }

    /// Opens the event stream that a visit asks for.
    ///
    /// # Errors
    /// The answer to a visit that gets none.
    pub async fn live(&self, visit: Visit, head: &Head<'_>) -> Result<LiveSessions, http::Response<Bytes>> {
        let call = self.call(head, visit.presented, None, visit.ip);
        match LiveSessions::open(call.clone(), &self.live).await {
            Ok(live) => Ok(live),
            Err(why) => Err(finish(render::said(why.into_response(), &call, head, paths::LIVE_SESSIONS)).await),
        }
    }

    /// Answers a request that goes nowhere.
    pub async fn refuse(&self, refusal: &Refusal, head: &Head<'_>) -> http::Response<Bytes> {
        if matches!(refusal, Refusal::SignIn { .. }) && head.is_framed() {
            return self.frame(head).await;
        }
        let target = match refusal {
            Refusal::SignIn { target, because: Some(because) } => {
                let call = self.call(head, Presented::Nothing, None, head.ip);
                let response = render::said(Error::from(refusal).into_response(), &call, head, target);
                return finish(call.forget_ended(*because, head, response).await).await;
            }
            Refusal::SignIn { target, .. } => target.as_str(),
            _ => "/",
        };
        let mut response = Error::from(refusal).into_response();
        if *refusal == Refusal::Method {
            response.headers_mut().insert(header::ALLOW, self.allowed_at(head.target).await);
        }
        self.say(response, refusal.person(), head, target).await
    }

    /// Answers a request that was not refused, and came to nothing. `person` is who was let through.
    pub async fn fail(&self, failed: Failed, person: Option<&Owner>, head: &Head<'_>) -> http::Response<Bytes> {
        self.say(Error::from(failed).into_response(), person, head, "/").await
    }

    /// The one page of ours that may stand inside another, wherever that is from.
    async fn frame(&self, head: &Head<'_>) -> http::Response<Bytes> {
        let call = self.call(head, Presented::Nothing, None, head.ip);
        let page = pages::framed::answer(&call);
        let may_be_framed = page.is_ok();
        let mut answer = finish(render::said(page.into_response(), &call, head, "/")).await;
        if may_be_framed {
            let_be_framed(answer.headers_mut());
        }
        answer
    }

    /// `person` is who is known to be signed in: nobody is looked up for it.
    async fn say(
        &self,
        response: Response,
        person: Option<&Owner>,
        head: &Head<'_>,
        target: &str,
    ) -> http::Response<Bytes> {
        let call = self.call(head, Presented::Nothing, person, head.ip);
        finish(render::said(response, &call, head, target)).await
    }

    /// The methods that a place supports, for a 405 (RFC 9110, 15.5.6): of one of ours the router knows them.
    async fn allowed_at(&self, target: &[u8]) -> HeaderValue {
        let options = Request::builder().method(Method::OPTIONS).uri(target).body(Body::empty());
        let answer = match options {
            Ok(options) => self.router.clone().oneshot(options).await.unwrap_or_else(|never| match never {}),
            Err(_) => return HeaderValue::from_static(FORWARDED_METHODS),
        };
        let known = answer.headers().get(header::ALLOW).cloned();
        known.unwrap_or(HeaderValue::from_static(FORWARDED_METHODS))
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(super) fn call(
        &self,
        head: &Head<'_>,
        presented: Presented,
        refused: Option<&Owner>,
        ip: std::net::IpAddr,
    ) -> Call {
        Call::new(Facts {
            desk: Arc::clone(&self.desk),
            presented,
            refused: refused.cloned(),
            ip,
            method: head.method.clone(),
            headers: head.headers.clone(),
            request_id: head.request_id.to_owned(),
            browser: OnceLock::new(),
        })
    }

    async fn route(&self, call: &Call, target: &str, body: Bytes) -> Response {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = call.method().clone();
        match target.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return Error::NotFound.into_response(),
        }
        if let Some(content_type) =
            call.header(header::CONTENT_TYPE.as_str()).and_then(|text| HeaderValue::from_str(text).ok())
        {
            request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        request.extensions_mut().insert(call.clone());
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The headers of all of our own answers, and the body as one piece.
pub(super) async fn finish(response: Response) -> http::Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    harden(&mut parts.headers);
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    http::Response::from_parts(parts, body)
}
