//! Pingora's hooks: ask, then do what the decision says.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use pingora::{
    Error, Result,
    http::{RequestHeader, ResponseHeader},
    modules::http::HttpModules,
    protocols::{Digest, SocketDigest},
    proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session},
    server::configuration::ServerConf,
    upstreams::peer::HttpPeer,
};

use crate::{
    clock::Clock,
    gate::{
        Decision, Permit, RequestHead,
        cookie::{AppCookieRecorder, CookieNames},
    },
    id::SessionId,
    metrics::Metrics,
    portcullis::Portcullis,
    proxy::{
        forward::{
            client::{ClientAddress, request_view},
            content, cross_site_form, event_stream, failure,
            identity::IdentityHeaders,
            own_pages, own_response,
            peer::{self, PeerConnection},
            request_context::{self, RequestContext},
            response, retry, upgrade, upstream_request,
            upstreams::Upstreams,
        },
        http::body_limits::BodyReadLimiter,
        in_flight::{private_connections, slot::InFlightSlot},
    },
    public_url::PublicUrl,
    visitor::{TrustedProxies, ip_network},
    web::RequestFailure,
};

/// Servers that one request may be sent to, the first included.
const MAX_ENDPOINTS: usize = 4;
/// Times that one request may be sent again after that: once for a connection that must not be used again, once for one that
/// the app had closed.
const MAX_RESENDS: usize = 2;

/// Looked for in each answer: as text it would be read and folded each time.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The reverse proxy in front of the apps.
pub struct Proxy(pub(super) ProxyParts);

/// What the proxy is made of.
#[derive(Clone)]
pub struct ProxyParts {
    /// Who decides, and answers what is ours.
    pub portcullis: Arc<Portcullis>,
    /// Where apps are.
    pub upstreams: Arc<ArcSwap<Upstreams>>,
    /// What visitors see; whether they come over https is taken from it.
    pub public_url: PublicUrl,
    /// What our cookies are called.
    pub cookies: CookieNames,
    /// Writes cookies of apps down in the browser.
    pub app_cookies: AppCookieRecorder,
    /// Whose word about a visitor's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// For whose bodies is waited.
    pub body_limiter: Arc<BodyReadLimiter>,
    /// How apps are told who is calling.
    pub identity_headers: Arc<ArcSwap<IdentityHeaders>>,
    /// For stopwatches, and for how long a server is passed over.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What browsers are told of coming by TLS only, if anything.
    pub hsts: Option<HeaderValue>,
}

impl Proxy {
    /// Builds the Pingora application, for [`crate::proxy::ConnectionHandler`]; `threads` will serve it.
    #[must_use]
    pub fn build_app(parts: ProxyParts, threads: usize) -> HttpProxy<Self> {
        let conf = ServerConf { threads, max_retries: MAX_ENDPOINTS + MAX_RESENDS, ..ServerConf::default() };
        let mut app = HttpProxy::new(Self(parts), Arc::new(conf));
        app.handle_init_modules();
        app
    }

    /// Evaluates a request and binds it to the session that lets it through: from then on an end of that session cancels it. Where
    /// the session has ended in between, what counts is what holds now.
    async fn evaluate_bound(&self, head: &RequestHead<'_>, slot: &InFlightSlot) -> Decision {
        let stopwatch = self.0.clock.stopwatch();
        loop {
            let (epoch, earlier) = (slot.end_epoch(), stopwatch.elapsed());
            let decision = self.0.portcullis.evaluate(head).await;
            if bind(slot, decision.bound_session(), epoch) {
                return decision.after(earlier);
            }
        }
    }

    pub(super) fn portcullis(&self) -> &Portcullis {
        &self.0.portcullis
    }

    pub(super) fn body_limiter(&self) -> &BodyReadLimiter {
        &self.0.body_limiter
    }

    pub(super) const fn hsts(&self) -> Option<&HeaderValue> {
        self.0.hsts.as_ref()
    }

    pub(super) fn set_permit(&self, ctx: &mut RequestContext, permit: Permit) {
        let upstream = self.0.upstreams.load().get(permit.upstream());
        ctx.set_upstream(permit, upstream);
    }

    /// Sends an answer of ours, and notes what the client was told.
    pub(super) async fn send_response(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
        mut response: Response<Bytes>,
        last: bool,
    ) {
        if let Ok(id) = HeaderValue::from_str(ctx.request_id.as_str()) {
            response.headers_mut().entry(&REQUEST_ID).or_insert(id);
        }
        if let Some(hsts) = &self.0.hsts {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        ctx.status = response.status().as_u16();
        if let Some(slot) = &ctx.slot {
            response = response.map(|body| response::track_chunk(slot, session, body));
        }
        let body_limiter = &self.0.body_limiter;
        let sent = own_response::send(session, response, last, body_limiter).await;
        match sent {
            Ok(bytes) => ctx.body_bytes = bytes,
            Err(error) => {
                ctx.write_timed_out = failure::is_write_timeout(&error);
                session.set_keepalive(None);
                tracing::debug!(error = error.etype().as_str(), "The client went before it had its answer");
            }
        }
    }
}

/// Binds a request to the session that lets it through, where one does. False: the session may have ended since `epoch`.
pub(super) fn bind(slot: &InFlightSlot, session: Option<SessionId>, epoch: u64) -> bool {
    session.is_none_or(|session| slot.bind_session(session, epoch))
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(self.0.clock.stopwatch(), InFlightSlot::current(), Arc::clone(&self.0.metrics))
    }

    fn init_downstream_modules(&self, _: &mut HttpModules) {
        // None: what the app sends is what the visitor gets.
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut RequestContext) -> Result<bool> {
        upgrade::normalize_upgrade(session);
        ctx.client = ClientAddress::from_session(session, &self.0.trusted_proxies);
        let (source, request_id) = (ctx.client, ctx.request_id);
        let request = session.req_header();
        let head = request_view(request, source, request_id.as_str());
        let Some(slot) = &ctx.slot else {
            tracing::error!(
                request_id = request_id.as_str(),
                "Refused a request that is not registered: the end of its session could not cut it"
            );
            let response = self.0.portcullis.fail(RequestFailure::Internal, None, &head).await;
            self.send_response(session, ctx, response, true).await;
            return Ok(true);
        };
        // Of who carries many visitors, not one may be counted.
        let is_visitor = !source.ip.is_loopback() && !self.0.trusted_proxies.trusts(source.ip);
        slot.set_network(is_visitor.then(|| ip_network(source.ip)));
        let portcullis = &self.0.portcullis;
        let decision = self.evaluate_bound(&head, slot).await;
        private_connections::close_for_other_sessions(slot, &decision);
        ctx.protocol = request_context::protocol_name(request.version);
        ctx.record(&head, &decision.fields());
        let response = match decision {
            Decision::Stream(own) => {
                event_stream::handle(self, session, ctx, own).await;
                return Ok(true);
            }
            Decision::Form(form) => return cross_site_form::handle(self, session, ctx, form).await,
            Decision::Serve(own) => {
                own_pages::handle(self, session, ctx, own).await;
                return Ok(true);
            }
            Decision::Forward(permit) => {
                self.set_permit(ctx, portcullis.record(&head, permit));
                if ctx.is_within_body_limit(own_response::content_length(session).unwrap_or(0)) {
                    ctx.has_no_content = content::has_no_content(session).await?;
                    return Ok(false);
                }
                let user = ctx.permit.as_ref().and_then(Permit::user);
                portcullis.fail(RequestFailure::BodyTooLarge, user, &head).await
            }
            Decision::Refuse(refusal) => portcullis.refuse(&portcullis.record(&head, refusal), &head).await,
        };
        self.send_response(session, ctx, response, false).await;
        Ok(true)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut RequestContext) -> Result<Box<HttpPeer>> {
        if ctx.is_retry {
            self.evaluate_retry(session, ctx).await?;
        }
        ctx.upstream_stopwatch.get_or_insert(self.0.clock.stopwatch());
        peer::select_peer(session.req_header(), ctx, self.0.clock.now())
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        sent: &mut Option<Bytes>,
        end: bool,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        content::drop_empty_last_chunk(sent, end);
        let Some(sent) = sent else { return Ok(()) };
        if !ctx.count_body(sent) {
            return Error::e_explain(failure::BODY_TOO_LARGE, "the body is larger than its route takes");
        }
        if let Some(slot) = &ctx.slot {
            slot.read_timeout.restart();
        }
        if ctx.is_activity(sent)
            && let Some(permit) = &ctx.permit
        {
            self.0.portcullis.record_stream_activity(permit, ctx.client.ip);
        }
        Ok(())
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        ctx: &mut RequestContext,
        mut e: Box<Error>,
    ) -> Box<Error> {
        let upstream = ctx.upstream.as_deref().filter(|_| !failure::is_local(&e));
        let another = upstream.is_some_and(|upstream| upstream.mark_refused(&ctx.tried_addresses, self.0.clock.now()));
        if let Some(upstream) = upstream {
            tracing::warn!(
                upstream = upstream.name(),
                server = ctx.tried_addresses.last().map(tracing::field::display),
                error = e.etype().as_str(),
                "Could not connect to a server of upstream {}",
                upstream.name()
            );
            self.0.metrics.set_upstream_up(upstream.name(), another);
        }
        // Not a byte of the request has been sent, and none of its body has been read.
        e.set_retry(another && ctx.tried_addresses.len() < MAX_ENDPOINTS);
        e
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        session: &mut Session,
        mut e: Box<Error>,
        ctx: &mut RequestContext,
        reused: bool,
    ) -> Box<Error> {
        if let Some(slot) = &ctx.slot {
            slot.read_timeout.stop();
            e = slot.read_timeout.error().unwrap_or(e);
        }
        // Else the app may have seen the request, and have acted on it: it is not sent again.
        let again = *e.etype() == private_connections::NOT_REUSABLE || reused && retry::begin_retry(session, ctx, &e);
        if again {
            ctx.peer_connection = PeerConnection::New;
            ctx.tried_addresses.pop();
        }
        e.set_retry(again);
        e
    }

    async fn connected_to_upstream(
        &self,
        _: &mut Session,
        reused: bool,
        _: &HttpPeer,
        descriptor: std::os::unix::io::RawFd,
        digest: Option<&Digest>,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        if private_connections::is_marked_not_reusable(digest) && ctx.peer_connection != PeerConnection::Private {
            return Err(Error::new_up(private_connections::NOT_REUSABLE));
        }
        ctx.upstream_socket = digest.and_then(|digest| digest.socket_digest.clone());
        if let Some(slot) = &ctx.slot {
            let socket = ctx.upstream_socket.clone().unwrap_or_else(|| Arc::new(SocketDigest::from_raw_fd(descriptor)));
            slot.read_timeout.start(ctx.read_timeout, descriptor, socket);
        }
        if let (false, Some(upstream)) = (reused, ctx.upstream.as_deref()) {
            self.0.metrics.set_upstream_up(upstream.name(), true);
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        upstream_request::rewrite_head(&self.0, request, ctx)?;
        cross_site_form::mark_sent(self, session, ctx).await
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        response::filter(&self.0, session, response, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut RequestContext,
    ) -> Result<Option<std::time::Duration>> {
        ctx.appended.append(body, end);
        ctx.body_bytes += body.as_ref().map_or(0, Bytes::len);
        if let Some(slot) = &ctx.slot {
            response::forward_chunk(slot, session, body, end)?;
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, ctx: &mut RequestContext) -> FailToProxy {
        self.respond_to_failure(session, e, ctx).await;
        FailToProxy { error_code: ctx.status, can_reuse_downstream: false }
    }

    async fn logging(&self, _: &mut Session, _: Option<&Error>, ctx: &mut RequestContext) {
        if let Some(form) = ctx.claimed_form.take() {
            self.0.portcullis.release_form(&form).await;
        }
        // What ends by the client's framing ends without a last piece.
        if let Some(slot) = &ctx.slot {
            slot.read_timeout.stop();
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &RequestContext, _: &Error) -> bool {
        // Pingora's line holds the query. Ours is written in `fail_to_proxy`.
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, _: &RequestContext, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }

    fn request_summary(&self, _: &Session, ctx: &RequestContext) -> String {
        ctx.request_id.as_str().to_owned()
    }
}
