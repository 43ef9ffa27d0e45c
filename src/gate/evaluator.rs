//! The gate itself: asks what must be asked, in this order, and decides.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use http::{Method, header};

use super::{
    Access, Authentication, CanonicalPath, CrossSiteForm, Decision, DecisionLabel, Evaluated, Explanation, FormRequest,
    InvalidPath, OwnRequest, Pending, Permit, Principal, Refusal, RejectReason, RequestHead, RequestMode, Route,
    RouteTable, cookie::CookieNames, credentials::Authenticator, evaluation::Outcome, same_site,
};
use crate::{
    clock::{Clock, Timestamp},
    metrics::Metrics,
    own_paths,
    public_url::PublicUrl,
    session::{Heartbeat, HeartbeatBuffer, SessionPolicy, SessionStore, UnconfirmedEnds, UserSnapshot},
    store_error::StoreError,
};

/// Decides what happens to a request.
pub struct Gate {
    parts: GateParts,
    authenticator: Authenticator,
}

/// Who is taken to send a request.
#[derive(Clone, Copy)]
enum Subject<'a> {
    /// Whoever its cookie shows.
    FromRequest,
    /// Whoever an operator supposes: somebody who has signed in just now, or nobody.
    Assumed(Option<&'a UserSnapshot>),
}

/// What the gate is made of.
pub struct GateParts {
    /// The one origin that is served.
    pub public_url: PublicUrl,
    /// What our cookies are called.
    pub cookie_names: CookieNames,
    /// The rules.
    pub routes: Arc<ArcSwap<RouteTable>>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// Ends that the store does not know yet.
    pub unconfirmed_ends: Arc<UnconfirmedEnds>,
    /// When they end by themselves.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// Where hits go.
    pub heartbeats: HeartbeatBuffer,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Gate {
    /// A gate.
    #[must_use]
    pub fn new(parts: GateParts) -> Self {
        parts.metrics.register_decisions(&DecisionLabel::ALL.map(DecisionLabel::as_str));
        parts.metrics.register_refused_paths(&InvalidPath::labels());
        let authenticator = Authenticator::new(&parts);
        Self { parts, authenticator }
    }

    /// Evaluates a request: looks up who sends it, and does nothing else. It never fails: an outage is a refusal.
    pub async fn evaluate(&self, head: &RequestHead<'_>) -> Decision {
        let stopwatch = self.parts.clock.stopwatch();
        let routes = self.parts.routes.load();
        self.evaluate_as(head, Subject::FromRequest, &routes).await.after(stopwatch.elapsed())
    }

    /// Evaluates a request for an own page again, whose body took its time: what counts is what holds now.
    pub async fn reevaluate_own(&self, head: &RequestHead<'_>, own: Pending<OwnRequest>) -> Evaluated<OwnRequest> {
        let stopwatch = self.parts.clock.stopwatch();
        let now = self.evaluate_own(head, own.outcome.path, Subject::FromRequest).await;
        let took = own.duration + stopwatch.elapsed();
        now.map(|own| own.after(took)).map_err(|refusal| refusal.after(took))
    }

    /// Evaluates a request again that has this permit, before it is sent once more: what counts is what holds now.
    pub async fn reevaluate_permit(&self, head: &RequestHead<'_>, permit: &Permit) -> Evaluated<Permit> {
        let stopwatch = self.parts.clock.stopwatch();
        let routes = self.parts.routes.load();
        let now = self.evaluate_route(head, permit.path().clone(), Subject::FromRequest, &routes).await;
        let took = stopwatch.elapsed();
        now.map(|permit| permit.after(took)).map_err(|refusal| refusal.after(took))
    }

    /// Counts an outcome, and gives it out. Once for each request: metrics, and the activity of its session.
    pub fn record<T: Outcome>(&self, head: &RequestHead<'_>, pending: Pending<T>) -> T {
        let Pending { outcome, label, duration, .. } = pending;
        outcome.record(self, head);
        self.parts.metrics.gate_decided(label.as_str(), duration);
        outcome
    }

    /// Records that the client has sent more of a request that was let through, or on the stream that it has become: activity of
    /// its session where the request was. What the app sends is none.
    pub fn record_stream_activity(&self, permit: &Permit, ip: IpAddr) {
        if let Some(principal) = permit.activity_principal() {
            self.buffer_heartbeat(Heartbeat {
                id: principal.session().id,
                at: self.parts.clock.now(),
                ip,
                actions: 0,
                path: None,
            });
        }
    }

    /// Explains the decision on a request of `user`, who has just signed in; `None` is somebody who has not. The same evaluation
    /// as [`Gate::evaluate`], but nobody is looked up.
    pub async fn explain(&self, head: &RequestHead<'_>, user: Option<&UserSnapshot>) -> Explanation {
        let routes = self.parts.routes.load();
        let decision = self.evaluate_as(head, Subject::Assumed(user), &routes).await;
        let route = decision.route_index().and_then(|index| Some((index, routes.routes().get(index)?.clone())));
        Explanation { decision: decision.into(), route }
    }

    async fn evaluate_as(&self, head: &RequestHead<'_>, subject: Subject<'_>, routes: &RouteTable) -> Decision {
        let (path, form) = match self.read_head(head, routes) {
            Ok(read) => read,
            Err(refusal) => return Decision::Refuse(Pending::denied(refusal)),
        };
        if own_paths::is_own(path.path()) {
            return Decision::from_own(self.evaluate_own(head, path, subject).await, head);
        }
        let outcome = self.evaluate_route(head, path, subject, routes).await;
        // A form is asked about where somebody is to sign in, and goes on where its visitor has sent it. Without a session it was
        // a stranger's, and its sender may as well be.
        match form.filter(|form| is_form_outcome(form, &outcome)) {
            Some(form) => Decision::Form(FormRequest { form: Box::new(form), outcome }),
            None => Decision::from_guarded(outcome),
        }
    }

    /// The path that a request is for, and the form of another site that it posts, if it does.
    fn read_head(
        &self,
        head: &RequestHead<'_>,
        routes: &RouteTable,
    ) -> Result<(CanonicalPath, Option<CrossSiteForm>), Refusal> {
        if matches!(*head.method, Method::CONNECT | Method::TRACE) {
            return Err(Refusal::Method);
        }
        let form = routes.cross_site_form(head, self.parts.public_url.origin())?;
        let path = routes.parse_path(routes.strip_form_token(head.target));
        if let Err(refusal) = self.check_host(head) {
            // What is the same for everybody: the page that says so can be read under the wrong host, too.
            if refusal != Refusal::WrongHost || !path.as_ref().is_ok_and(is_asset) {
                return Err(refusal);
            }
        }
        Ok((path.map_err(Refusal::InvalidPath)?, form))
    }

    /// A request for a route of the operator's.
    async fn evaluate_route(
        &self,
        head: &RequestHead<'_>,
        path: CanonicalPath,
        subject: Subject<'_>,
        routes: &RouteTable,
    ) -> Evaluated<Permit> {
        let Some((index, route)) = routes.find(&path) else { return Err(Pending::denied(Refusal::NoRoute)) };
        let outcome = if route.access == Access::Public {
            Ok(Pending::new(Permit::new(path, route, None), DecisionLabel::Public))
        } else {
            self.evaluate_guarded(head, path, subject, route).await
        };
        match outcome {
            Ok(permit) => Ok(Pending { route_index: Some(index), ..permit }),
            Err(refusal) => {
                let refused_route = Some(Arc::clone(&route.path));
                Err(Pending { route_index: Some(index), refused_route, ..refusal })
            }
        }
    }

    async fn evaluate_guarded(
        &self,
        head: &RequestHead<'_>,
        path: CanonicalPath,
        subject: Subject<'_>,
        route: &Route,
    ) -> Evaluated<Permit> {
        if !same_site::allows_upgrade(head, self.parts.public_url.origin(), &route.websocket_origins) {
            return Err(Pending::denied(Refusal::CrossSite));
        }
        match self.authenticate(head, subject).await {
            Err(_) => Err(Pending::store_unavailable()),
            Ok(Authentication::Authenticated(principal)) if !route.access.allows(&principal.subject.roles) => {
                let (session, user) = (principal.session().id, Box::new(principal.subject));
                Err(Pending::denied(Refusal::Forbidden { session, user }))
            }
            Ok(Authentication::Authenticated(principal)) => {
                Ok(Pending::new(Permit::new(path, route, Some(principal)), DecisionLabel::Allow))
            }
            Ok(Authentication::NotPresented) => Err(require_sign_in(head, &path, None)),
            Ok(Authentication::Rejected(reason)) => Err(require_sign_in(head, &path, Some(reason))),
        }
    }

    /// A request for an own page. What is the same for everybody needs no look-up, and so outlives an outage of the store.
    async fn evaluate_own(
        &self,
        head: &RequestHead<'_>,
        path: CanonicalPath,
        subject: Subject<'_>,
    ) -> Evaluated<OwnRequest> {
        if !same_site::allows_request(head, self.parts.public_url.origin()) {
            return Err(Pending::denied(Refusal::CrossSite));
        }
        let is_same_for_all = is_asset(&path) || path.path() == own_paths::NONEXISTENT;
        let presented =
            if is_same_for_all { Ok(Authentication::NotPresented) } else { self.authenticate(head, subject).await };
        let presented = match presented {
            // The secret before a change is good for reads that are under way, and changes nothing any more.
            Ok(Authentication::Authenticated(principal))
                if head.is_action() && !principal.session().is_current_secret =>
            {
                Authentication::Rejected(RejectReason::WrongSecret(principal.session().id))
            }
            Ok(presented) => presented,
            Err(_) => return Err(Pending::store_unavailable()),
        };
        Ok(Pending::new(OwnRequest { path, authentication: presented }, DecisionLabel::Public))
    }

    /// Host must be there once, agree with an absolute-form target, and name the one origin.
    fn check_host(&self, head: &RequestHead<'_>) -> Result<(), Refusal> {
        let mut hosts = head.headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().map_err(|_| Refusal::InvalidHost)?,
            (None, _) => head.authority.ok_or(Refusal::InvalidHost)?,
            (Some(_), Some(_)) => return Err(Refusal::InvalidHost),
        };
        if head.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(Refusal::InvalidHost);
        }
        // Some proxies write a host of their own there, and beside it the one that was asked for.
        let asked = |host: &str| self.parts.public_url.authority_matches(host);
        if asked(host) || head.forwarded_host.is_some_and(asked) { Ok(()) } else { Err(Refusal::WrongHost) }
    }

    /// Authenticates the sender of a request, or takes it for who is assumed. At most one look-up in the store.
    async fn authenticate(&self, head: &RequestHead<'_>, subject: Subject<'_>) -> Result<Authentication, StoreError> {
        match subject {
            Subject::FromRequest => self.authenticator.authenticate(head).await,
            Subject::Assumed(None) => Ok(Authentication::NotPresented),
            Subject::Assumed(Some(user)) => Ok(self.authenticator.assume(user)),
        }
    }

    /// Counts a refusal that has a metric of its own.
    pub(super) fn record_refusal(&self, refusal: &Refusal) {
        match refusal {
            Refusal::CrossSite => self.parts.metrics.csrf_rejected(),
            Refusal::InvalidPath(why) => self.parts.metrics.path_refused(why.label(), why.key().unwrap_or("none")),
            _ => {}
        }
    }

    /// Notes a hit of a session, to be written with the next heartbeat.
    pub(super) fn record_activity(&self, head: &RequestHead<'_>, path: &CanonicalPath, principal: &Principal) {
        let at: Timestamp = self.parts.clock.now();
        let page = (!own_paths::is_own(path.path()) && head.is_page_view()).then(|| activity_path(path));
        let heartbeat =
            Heartbeat { id: principal.session().id, at, ip: head.ip, actions: u32::from(head.is_action()), path: page };
        self.buffer_heartbeat(heartbeat);
    }

    fn buffer_heartbeat(&self, heartbeat: Heartbeat) {
        self.parts.heartbeats.record(heartbeat, self.parts.policy.load().heartbeat_interval);
    }
}

/// Whether this is a style sheet or the script, with its parameters and without.
fn is_asset(path: &CanonicalPath) -> bool {
    let is_below = |path: &str| path.strip_prefix(own_paths::ASSETS).is_some_and(|rest| rest.starts_with('/'));
    is_below(path.path()) && is_below(&path.without_parameters())
}

/// Whether a request is treated as the form of another site that it posts: where nobody is signed in its visitor is asked, and where
/// its visitor has sent it on it goes once.
const fn is_form_outcome(form: &CrossSiteForm, outcome: &Evaluated<Permit>) -> bool {
    match outcome {
        Ok(permit) => permit.outcome.is_guarded() && form.token.is_some(),
        Err(Pending { outcome: Refusal::SignInRequired { reason: None, .. }, .. }) => true,
        Err(Pending { outcome: Refusal::SignInRequired { reason: Some(_), .. }, .. }) => form.token.is_some(),
        Err(_) => false,
    }
}

fn require_sign_in(head: &RequestHead<'_>, path: &CanonicalPath, reason: Option<RejectReason>) -> Pending<Refusal> {
    let label = match head.mode() {
        RequestMode::Navigation if !head.is_framed() => DecisionLabel::SignIn,
        RequestMode::Navigation | RequestMode::Upgrade | RequestMode::Program => DecisionLabel::Unauthorized,
    };
    Pending::new(Refusal::SignInRequired { target: path.with_query(), reason }, label)
}

/// A path for "last page": bounded, without its query.
fn activity_path(path: &CanonicalPath) -> String {
    let path = path.without_parameters();
    path[..path.floor_char_boundary(256)].to_owned()
}
