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
use tracing::debug;

use super::{
    Error, RequestFailure, SessionEventStream, WebRequest, WebState, api, event_stream::EventStreamLimiter,
    headers::allow_framing, pages, paths, render, request::WebRequestParts, set_security_headers,
};
use crate::{
    gate::{Authentication, OwnRequest, OwnedHead, Refusal, RequestHead},
    session::UserSnapshot,
};

/// `Allow` where a place is not ours: any other method goes to the app, too, and what it thinks of it the app tells.
pub const FORWARDED_METHODS: &str = "GET, HEAD, OPTIONS, QUERY, POST, PUT, PATCH, DELETE";

/// Our own pages and the API.
pub struct Web {
    state: Arc<WebState>,
    router: Router,
    event_streams: EventStreamLimiter,
}

impl Web {
    /// All pages and the API, over these use cases.
    #[must_use]
    pub fn new(state: Arc<WebState>) -> Self {
        let router = Router::new()
            .nest(api::ROOT, api::router())
            .merge(pages::router())
            .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
            .fallback(|| async { Error::NotFound });
        Self { state, router, event_streams: EventStreamLimiter::default() }
    }

    /// Answers a request for our own pages.
    pub async fn serve(&self, visit: OwnRequest, head: Arc<OwnedHead>, body: Bytes) -> http::Response<Bytes> {
        let request = self.new_request(head, visit.authentication, None);
        let head = &request.head();
        let target = visit.path.with_query();
        let response = self.route(&request, &target, body).await;
        let asks_to_sign_in = matches!(response.extensions().get(), Some(Error::SignInRequired));
        let response = render::render_response(response, &request, head, &target);
        finalize(match request.reject_reason() {
            Some(because) if asks_to_sign_in => request.clear_ended_session(because, head, response).await,
            _ => response,
        })
        .await
    }

    /// Opens the event stream that a visit asks for.
    ///
    /// # Errors
    /// The answer to a visit that gets none.
    pub async fn open_event_stream(
        &self,
        visit: OwnRequest,
        head: Arc<OwnedHead>,
    ) -> Result<SessionEventStream, http::Response<Bytes>> {
        let request = self.new_request(head, visit.authentication, None);
        let head = &request.head();
        match SessionEventStream::open(request.clone(), &self.event_streams).await {
            Ok(live) => Ok(live),
            Err(why) => Err(finalize(render::render_error(&why, &request, head, paths::LIVE_SESSIONS)).await),
        }
    }

    /// Answers a request that goes nowhere.
    pub async fn refuse(&self, refusal: &Refusal, head: &RequestHead<'_>) -> http::Response<Bytes> {
        if matches!(refusal, Refusal::SignInRequired { .. }) && head.is_framed() {
            return self.framed_response(head).await;
        }
        if let Refusal::SignInRequired { reason, .. } = refusal {
            debug!(request_id = head.request_id, ?reason, "Sign-in required");
        }
        let target = match refusal {
            Refusal::SignInRequired { target, reason: Some(because) } => {
                let request = self.anonymous_request(head);
                let response = render::render_error(&Error::from(refusal), &request, head, target);
                return finalize(request.clear_ended_session(*because, head, response).await).await;
            }
            Refusal::SignInRequired { target, .. } => target.as_str(),
            _ => "/",
        };
        let mut response = self.respond(&refusal.into(), refusal.user(), head, target).await;
        if *refusal == Refusal::Method {
            response.headers_mut().insert(header::ALLOW, self.allowed_methods(head.target).await);
        }
        response
    }

    /// Answers a request that was not refused, and came to nothing. `person` is who was let through.
    pub async fn fail(
        &self,
        failure: RequestFailure,
        user: Option<&UserSnapshot>,
        head: &RequestHead<'_>,
    ) -> http::Response<Bytes> {
        self.respond(&failure.into(), user, head, "/").await
    }

    /// The one page of ours that may stand inside another, wherever that is from.
    async fn framed_response(&self, head: &RequestHead<'_>) -> http::Response<Bytes> {
        let request = self.anonymous_request(head);
        let page = pages::framed::framed_page(&request);
        let may_be_framed = page.is_ok();
        let mut answer = finalize(render::render_result(page, &request, head, "/")).await;
        if may_be_framed {
            allow_framing(answer.headers_mut());
        }
        answer
    }

    /// `person` is who is known to be signed in: nobody is looked up for it.
    async fn respond(
        &self,
        error: &Error,
        user: Option<&UserSnapshot>,
        head: &RequestHead<'_>,
        target: &str,
    ) -> http::Response<Bytes> {
        let request = self.new_request(head.to_owned_head(), Authentication::NotPresented, user);
        finalize(render::render_error(error, &request, head, target)).await
    }

    /// The methods that a place supports, for a 405 (RFC 9110, 15.5.6): of one of ours the router knows them.
    async fn allowed_methods(&self, target: &[u8]) -> HeaderValue {
        let options = Request::builder().method(Method::OPTIONS).uri(target).body(Body::empty());
        let answer = match options {
            Ok(options) => self.router.clone().oneshot(options).await.unwrap_or_else(|never| match never {}),
            Err(_) => return HeaderValue::from_static(FORWARDED_METHODS),
        };
        let known = answer.headers().get(header::ALLOW).cloned();
        known.unwrap_or(HeaderValue::from_static(FORWARDED_METHODS))
    }

    pub(super) fn state(&self) -> &WebState {
        &self.state
    }

    /// A request whose sender is not known.
    pub(super) fn anonymous_request(&self, head: &RequestHead<'_>) -> WebRequest {
        self.new_request(head.to_owned_head(), Authentication::NotPresented, None)
    }

    fn new_request(
        &self,
        head: Arc<OwnedHead>,
        authentication: Authentication,
        refused_user: Option<&UserSnapshot>,
    ) -> WebRequest {
        WebRequest::new(WebRequestParts {
            state: Arc::clone(&self.state),
            authentication,
            refused_user: refused_user.cloned(),
            head,
            browser_id: OnceLock::new(),
        })
    }

    async fn route(&self, request: &WebRequest, target: &str, body: Bytes) -> Response {
        let mut axum_request = Request::new(Body::from(body));
        *axum_request.method_mut() = request.method().clone();
        match target.parse() {
            Ok(uri) => *axum_request.uri_mut() = uri,
            Err(_) => return Error::NotFound.into_response(),
        }
        if let Some(content_type) =
            request.header(header::CONTENT_TYPE.as_str()).and_then(|text| HeaderValue::from_str(text).ok())
        {
            axum_request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        axum_request.extensions_mut().insert(request.clone());
        match self.router.clone().oneshot(axum_request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The headers of all of our own answers, and the body as one piece.
pub(super) async fn finalize(response: Response) -> http::Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    set_security_headers(&mut parts.headers);
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    http::Response::from_parts(parts, body)
}
