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

use super::{
    Bodies, IdentityHeaders, Line, Upstreams, answer,
    asked::{Source, head_of},
    content, cross_site_form, failure, live,
    passage::Passage,
    peer,
    peer::PeerConnection,
    private, response, retry, upstream_request, visit, wishes,
};
use crate::{
    clock::Clock,
    gate::{
        Decision, Head, Judged, Permit,
        cookie::{AppCookies, CookieNames},
    },
    metrics::Metrics,
    portcullis::Portcullis,
    public_url::PublicUrl,
    visitor::{TrustedProxies, network_of},
    web::RequestFailure,
};

/// Servers that one request may be sent to, the first included.
const TRIES: usize = 4;
/// Times that one request may be sent again after that: once for a connection that must not be used again, once for one that
/// the app had closed.
const AGAIN: usize = 2;

/// Looked for in each answer: as text it would be read and folded each time.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The reverse proxy in front of the apps.
pub struct Proxy(pub(super) ProxyParts);

/// What the proxy is made of.
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
    pub app_cookies: AppCookies,
    /// Whose word about a visitor's address is taken.
    pub trusted: TrustedProxies,
    /// For whose bodies is waited.
    pub bodies: Arc<Bodies>,
    /// How apps are told who is calling.
    pub identity: Arc<ArcSwap<IdentityHeaders>>,
    /// For stopwatches, and for how long a server is passed over.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What browsers are told of coming by TLS only, if anything.
    pub hsts: Option<HeaderValue>,
}

impl Proxy {
    /// As an application for [`super::Connections`]; `threads` will serve it.
    #[must_use]
    pub fn app(parts: ProxyParts, threads: usize) -> HttpProxy<Self> {
        let conf = ServerConf { threads, max_retries: TRIES + AGAIN, ..ServerConf::default() };
        let mut app = HttpProxy::new(Self(parts), Arc::new(conf));
        app.handle_init_modules();
        app
    }

    /// Judges a request, and puts it on its line where it is let through for a session: from then on it is cut when that
    /// one ends. Where it has ended in between, what counts is what holds now.
    pub(super) async fn judge(&self, head: &Head<'_>, line: &Line) -> Judged {
        let mut told = line.ends_told();
        let mut judged = self.0.portcullis.judge(head).await;
        while let Some(session) = judged.lets_in()
            && !line.serve(session, told)
        {
            told = line.ends_told();
            judged = self.0.portcullis.judge_again(head, judged).await;
        }
        judged
    }

    pub(super) fn portcullis(&self) -> &Portcullis {
        &self.0.portcullis
    }

    pub(super) fn bodies(&self) -> &Bodies {
        &self.0.bodies
    }

    pub(super) const fn hsts(&self) -> Option<&HeaderValue> {
        self.0.hsts.as_ref()
    }

    pub(super) fn forward(&self, ctx: &mut Passage, permit: Permit) {
        let upstream = self.0.upstreams.load().get(permit.upstream());
        ctx.goes(permit, upstream);
    }

    /// Sends an answer of ours, and notes what the client was told.
    pub(super) async fn send(&self, session: &mut Session, ctx: &mut Passage, mut answer: Response<Bytes>, last: bool) {
        if let Ok(id) = HeaderValue::from_str(ctx.request_id.as_str()) {
            answer.headers_mut().entry(&REQUEST_ID).or_insert(id);
        }
        if let Some(hsts) = &self.0.hsts {
            answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        ctx.status = answer.status().as_u16();
        if let Some(line) = &ctx.line {
            answer = answer.map(|body| response::waited_for(line, session, body));
        }
        let bodies = &self.0.bodies;
        let sent = answer::send(session, answer, last, bodies).await;
        match sent {
            Ok(bytes) => ctx.bytes = bytes,
            Err(error) => {
                ctx.is_stalled = failure::is_stalled(&error);
                session.set_keepalive(None);
                tracing::debug!(error = error.etype().as_str(), "The client went before it had its answer");
            }
        }
    }
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Passage;

    fn new_ctx(&self) -> Passage {
        Passage::new(self.0.clock.stopwatch(), Line::current(), Arc::clone(&self.0.metrics))
    }

    fn init_downstream_modules(&self, _: &mut HttpModules) {
        // None: what the app sends is what the visitor gets.
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Passage) -> Result<bool> {
        wishes::settle(session);
        ctx.source = Source::of(session, &self.0.trusted);
        let (source, request_id) = (ctx.source, ctx.request_id);
        let request = session.req_header();
        let head = head_of(request, source, request_id.as_str());
        let Some(line) = &ctx.line else {
            tracing::error!(
                request_id = request_id.as_str(),
                "Refused a request that is not registered: the end of its session could not cut it"
            );
            let answer = self.0.portcullis.fail(RequestFailure::Internal, None, &head).await;
            self.send(session, ctx, answer, true).await;
            return Ok(true);
        };
        // Of who carries many visitors, not one may be counted.
        let is_visitor = !source.ip.is_loopback() && !self.0.trusted.trusts(source.ip);
        line.comes_from(is_visitor.then(|| network_of(source.ip)));
        let judged = self.judge(&head, line).await;
        private::close_of_others(line, &judged);
        ctx.note(&head, request, &judged);
        if judged.opens_a_stream(&head) {
            let request = request.clone();
            let head = head_of(&request, source, request_id.as_str());
            live::serve(self, session, ctx, &head, judged).await;
            return Ok(true);
        }
        if judged.form().is_some() {
            return cross_site_form::serve(self, session, ctx, judged).await;
        }
        if judged.visitor().is_some() {
            visit::serve(self, session, ctx, judged).await;
            return Ok(true);
        }
        let answer = match self.0.portcullis.decide(&head, judged) {
            Decision::Forward(permit) => {
                self.forward(ctx, permit);
                if ctx.has_room_for(answer::announced(session).unwrap_or(0)) {
                    ctx.is_empty = content::is_empty(session).await?;
                    return Ok(false);
                }
                let person = ctx.permit.as_ref().and_then(Permit::person);
                self.0.portcullis.fail(RequestFailure::BodyTooLarge, person, &head).await
            }
            Decision::Refuse(refusal) => self.0.portcullis.refuse(&refusal, &head).await,
            // Never: a visit has been told apart above.
            Decision::Serve(_) => self.0.portcullis.fail(RequestFailure::Internal, None, &head).await,
        };
        self.send(session, ctx, answer, false).await;
        Ok(true)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Passage) -> Result<Box<HttpPeer>> {
        if ctx.retried {
            self.judge_retry(session, ctx).await?;
        }
        ctx.asked.get_or_insert(self.0.clock.stopwatch());
        peer::choose(session.req_header(), ctx, self.0.clock.now())
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        sent: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Passage,
    ) -> Result<()> {
        content::drop_empty_end(sent, end);
        let Some(sent) = sent else { return Ok(()) };
        if !ctx.takes(sent) {
            return Error::e_explain(failure::TOO_LARGE, "the body is larger than its route takes");
        }
        if let Some(line) = &ctx.line {
            line.read_timeout.restart();
        }
        if ctx.hears(sent)
            && let Some(permit) = &ctx.permit
        {
            self.0.portcullis.hears(permit, ctx.source.ip);
        }
        Ok(())
    }

    fn fail_to_connect(&self, _: &mut Session, _: &HttpPeer, ctx: &mut Passage, mut e: Box<Error>) -> Box<Error> {
        let upstream = ctx.upstream.as_deref().filter(|_| !failure::is_ours(&e));
        let another = upstream.is_some_and(|upstream| upstream.refused(&ctx.tried, self.0.clock.now()));
        if let Some(upstream) = upstream {
            tracing::warn!(
                upstream = upstream.name(),
                server = ctx.tried.last().map(tracing::field::display),
                error = e.etype().as_str(),
                "Could not connect to a server of upstream {}",
                upstream.name()
            );
            self.0.metrics.set_upstream_up(upstream.name(), another);
        }
        // Not a byte of the request has been sent, and none of its body has been read.
        e.set_retry(another && ctx.tried.len() < TRIES);
        e
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        session: &mut Session,
        mut e: Box<Error>,
        ctx: &mut Passage,
        reused: bool,
    ) -> Box<Error> {
        if let Some(line) = &ctx.line {
            line.read_timeout.stop();
            e = line.read_timeout.error().unwrap_or(e);
        }
        // Else the app may have seen the request, and have acted on it: it is not sent again.
        let again = *e.etype() == private::SPENT || reused && retry::begin(session, ctx, &e);
        if again {
            ctx.connection = PeerConnection::New;
            ctx.tried.pop();
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
        ctx: &mut Passage,
    ) -> Result<()> {
        if private::is_spent(digest) && ctx.connection != PeerConnection::Private {
            return Err(Error::new_up(private::SPENT));
        }
        ctx.socket = digest.and_then(|digest| digest.socket_digest.clone());
        if let Some(line) = &ctx.line {
            let socket = ctx.socket.clone().unwrap_or_else(|| Arc::new(SocketDigest::from_raw_fd(descriptor)));
            line.read_timeout.start(ctx.read_timeout, descriptor, socket);
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
        ctx: &mut Passage,
    ) -> Result<()> {
        upstream_request::write(&self.0, request, ctx)?;
        cross_site_form::note_sent(self, session, ctx).await
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Passage,
    ) -> Result<()> {
        response::filter(&self.0, session, answer, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Passage,
    ) -> Result<Option<std::time::Duration>> {
        ctx.appended.append(body, end);
        ctx.bytes += body.as_ref().map_or(0, Bytes::len);
        if let Some(line) = &ctx.line {
            response::pass_piece(line, session, body, end)?;
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, ctx: &mut Passage) -> FailToProxy {
        self.answer_failure(session, e, ctx).await;
        FailToProxy { error_code: ctx.status, can_reuse_downstream: false }
    }

    async fn logging(&self, _: &mut Session, _: Option<&Error>, ctx: &mut Passage) {
        if let Some(form) = ctx.form.take() {
            self.0.portcullis.release_form(&form).await;
        }
        // What ends by the client's framing ends without a last piece.
        if let Some(line) = &ctx.line {
            line.read_timeout.stop();
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &Passage, _: &Error) -> bool {
        // Pingora's line holds the query. Ours is written in `fail_to_proxy`.
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, _: &Passage, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }

    fn request_summary(&self, _: &Session, ctx: &Passage) -> String {
        ctx.request_id.as_str().to_owned()
    }
}
