//! The gate itself: asks what must be asked, in this order, and decides.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use http::{Method, header};
use tracing::{debug, error};

use super::{
    Access, BadPath, Because, Caller, CanonicalPath, CrossSiteForm, Decision, Explained, Head, Judged, Label, Permit,
    Presented, Principal, Refusal, RouteTable, Visit,
    cookie::{self, CookieNames, Shown},
    own_paths::{ASSETS, NOWHERE, is_ours},
    same_site,
};
use crate::{
    clock::{Clock, Timestamp},
    id::SessionId,
    metrics::{LookupResult, Metrics},
    outage::StoreError,
    public_url::PublicUrl,
    secret::Digest,
    session::{
        Beat, Found, Heart, Kind, Owner, Secrets, SessionPolicy, SessionStore, SessionToken, Standing, Terms,
        UnconfirmedEnds,
    },
};

/// Own paths that are asked for without anybody doing anything: a look at them is no sign of life of a session. The stream of
/// changes of the list of sessions, and the state of a session that an app's open page asks for.
const PASSIVE: [&str; 2] = [LIVE_SESSIONS, "/security/api/v1/session-state"];

/// The stream of changes of the list of sessions: open for as long as its page is, and cut when its session ends.
pub const LIVE_SESSIONS: &str = "/security/sessions/live";

/// Decides what happens to a request.
pub struct Gate {
    parts: GateParts,
}

/// Who is taken to send a request.
#[derive(Clone, Copy)]
enum Who<'a> {
    /// Whoever its cookie shows.
    Shows,
    /// Whoever an operator supposes: somebody who has signed in just now, or nobody.
    Supposed(Option<&'a Owner>),
}

/// What the gate is made of.
pub struct GateParts {
    /// The one origin that is served.
    pub public_url: PublicUrl,
    /// What our cookies are called.
    pub cookies: CookieNames,
    /// The rules.
    pub routes: Arc<ArcSwap<RouteTable>>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// Ends that the store does not know yet.
    pub unconfirmed: Arc<UnconfirmedEnds>,
    /// When they end by themselves.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// Where hits go.
    pub heart: Heart,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Gate {
    /// A gate.
    #[must_use]
    pub fn new(parts: GateParts) -> Self {
        parts.metrics.register_decisions(&Label::ALL.map(Label::as_str));
        parts.metrics.register_refused_paths(&BadPath::labels());
        Self { parts }
    }

    /// Judges a request: looks up who sends it, and does nothing else. It never fails: an outage is a refusal.
    pub async fn judge(&self, head: &Head<'_>) -> Judged {
        let watch = self.parts.clock.stopwatch();
        let routes = self.parts.routes.load();
        let judged = self.look(head, Who::Shows, &routes).await;
        Judged { took: watch.elapsed(), ..judged }
    }

    /// Judges again what was judged some time `before`: what counts is what holds now.
    pub async fn judge_again(&self, head: &Head<'_>, before: Judged) -> Judged {
        let now = self.judge(head).await;
        Judged { took: before.took + now.took, ..now }
    }

    /// Decides as it was judged. Now, and once, it counts: for the metrics, and as a sign of life of its session.
    #[must_use]
    pub fn decide(&self, head: &Head<'_>, judged: Judged) -> Decision {
        let Judged { decision, label, took, .. } = judged;
        match &decision {
            Decision::Forward(permit) => {
                if let Some(principal) = permit.alive() {
                    self.beat(head, permit.path(), principal);
                }
            }
            Decision::Serve(visit) => {
                let passive = !head.is_action() && PASSIVE.contains(&visit.path.path());
                if let Some(principal) = visit.presented.good().filter(|_| !passive) {
                    self.beat(head, &visit.path, principal);
                }
            }
            Decision::Refuse(Refusal::CrossSite) => self.parts.metrics.csrf_rejected(),
            Decision::Refuse(Refusal::Path(why)) => {
                self.parts.metrics.path_refused(why.label(), why.key().unwrap_or("none"));
            }
            Decision::Refuse(_) => {}
        }
        self.parts.metrics.gate_decided(label.as_str(), took);
        decision
    }

    /// The client has sent more of a request that was let through, or on the stream that it has become: a sign of life of its
    /// session as the request was. What the app sends is none.
    pub fn hears(&self, permit: &Permit, ip: IpAddr) {
        if let Some(principal) = permit.alive() {
            self.note(Beat { id: principal.session, at: self.parts.clock.now(), ip, actions: 0, page: None });
        }
    }

    /// What would become of a request of `supposed`, who has just signed in; `None` is somebody who has not. The same
    /// judgement as [`Gate::judge`], but nobody is looked up.
    pub async fn explain(&self, head: &Head<'_>, supposed: Option<&Owner>) -> Explained {
        let routes = self.parts.routes.load();
        let Judged { decision, rule, .. } = self.look(head, Who::Supposed(supposed), &routes).await;
        let rule = rule.and_then(|place| Some((place, routes.all().get(place)?.clone())));
        Explained { verdict: decision.into(), rule }
    }

    async fn look(&self, head: &Head<'_>, who: Who<'_>, routes: &RouteTable) -> Judged {
        let refused = |refusal| Judged::of(Decision::Refuse(refusal), Label::Denied);
        if matches!(*head.method, Method::CONNECT | Method::TRACE) {
            return refused(Refusal::Method);
        }
        let form = match routes.form_of(head, self.parts.public_url.origin()) {
            Ok(form) => form,
            Err(refusal) => return refused(refusal),
        };
        let parsed = routes.read(routes.without_form_token(head.target));
        if let Err(refusal) = self.check_host(head) {
            // What is the same for everybody: the page that says so can be read under the wrong host, too.
            if refusal != Refusal::WrongHost || !parsed.as_ref().is_ok_and(is_asset) {
                return refused(refusal);
            }
        }
        let path = match parsed {
            Ok(path) => path,
            Err(why) => return refused(Refusal::Path(why)),
        };
        if is_ours(path.path()) {
            return self.visit(head, path, who).await;
        }
        let Some((place, route)) = routes.find(&path) else {
            return refused(Refusal::NoRoute);
        };
        let judged = if route.access == Access::Public {
            Judged::of(Decision::Forward(Permit::new(path, route, None)), Label::Public)
        } else if !same_site::may_open(head, self.parts.public_url.origin(), &route.websocket_origins) {
            refused(Refusal::CrossSite)
        } else {
            match self.recognise(head, who).await {
                Err(_) => Judged::of(Decision::Refuse(Refusal::StoreAway), Label::Unavailable),
                Ok(Presented::Good(principal)) if !route.access.allows(&principal.owner.roles) => {
                    let owner = Box::new(principal.owner);
                    refused(Refusal::NotAllowed { session: principal.session, owner })
                }
                Ok(Presented::Good(principal)) => {
                    let form = form.filter(is_sent_on).map(Box::new);
                    let permit = Permit::new(path, route, Some(principal));
                    Judged { form, ..Judged::of(Decision::Forward(permit), Label::Allow) }
                }
                Ok(Presented::Nothing) => Judged { form: form.map(Box::new), ..sign_in(head, &path, None) },
                Ok(Presented::Bad(because)) => {
                    Judged { form: form.filter(is_sent_on).map(Box::new), ..sign_in(head, &path, Some(because)) }
                }
            }
        };
        let refused = matches!(judged.decision, Decision::Refuse(_)).then(|| Arc::clone(&route.path));
        Judged { rule: Some(place), route: refused, ..judged }
    }

    /// Our own pages. What is the same for everybody needs no look-up, and so outlives an outage of the store.
    async fn visit(&self, head: &Head<'_>, path: CanonicalPath, who: Who<'_>) -> Judged {
        if !same_site::allows(head, self.parts.public_url.origin()) {
            return Judged::of(Decision::Refuse(Refusal::CrossSite), Label::Denied);
        }
        let same_for_all = is_asset(&path) || path.path() == NOWHERE;
        let presented = if same_for_all { Ok(Presented::Nothing) } else { self.recognise(head, who).await };
        match presented {
            // The secret before a change is good for looks that are under way, and changes nothing any more.
            Ok(Presented::Good(principal)) if head.is_action() && !principal.current => {
                let presented = Presented::Bad(Because::WrongSecret(principal.session));
                Judged::of(Decision::Serve(Visit { path, presented, ip: head.ip }), Label::Public)
            }
            Ok(presented) => Judged::of(Decision::Serve(Visit { path, presented, ip: head.ip }), Label::Public),
            Err(_) => Judged::of(Decision::Refuse(Refusal::StoreAway), Label::Unavailable),
        }
    }

    /// Host must be there once, agree with an absolute-form target, and name the one origin.
    fn check_host(&self, head: &Head<'_>) -> Result<(), Refusal> {
        let mut hosts = head.headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().map_err(|_| Refusal::Host)?,
            (None, _) => head.authority.ok_or(Refusal::Host)?,
            (Some(_), Some(_)) => return Err(Refusal::Host),
        };
        if head.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(Refusal::Host);
        }
        // Some proxies write a host of their own there, and beside it the one that was asked for.
        let asked = |host: &str| self.parts.public_url.authority_matches(host);
        if asked(host) || head.forwarded_host.is_some_and(asked) { Ok(()) } else { Err(Refusal::WrongHost) }
    }

    /// Who presents what: at most one look into the store.
    async fn recognise(&self, head: &Head<'_>, who: Who<'_>) -> Result<Presented, StoreError> {
        match who {
            Who::Shows => {}
            Who::Supposed(None) => return Ok(Presented::Nothing),
            Who::Supposed(Some(owner)) => {
                let token = SessionToken::mint(SessionId::mint(owner.id));
                let (id, shown) = (token.id(), token.digest());
                return Ok(self.weigh(id, shown, just_opened(shown, owner.clone(), self.parts.clock.now())));
            }
        }
        let token = match cookie::find(head.headers, &self.parts.cookies.session) {
            Shown::Nothing => return Ok(Presented::Nothing),
            Shown::Several => return Ok(Presented::Bad(Because::TwoCookies)),
            Shown::One(value) => match SessionToken::parse(value) {
                Some(token) => token,
                None => return Ok(Presented::Bad(Because::Unreadable)),
            },
        };
        let looked_up = self.look_up(&token).await;
        self.parts.metrics.session_looked_up(match &looked_up {
            Ok(Presented::Good(_)) => LookupResult::Valid,
            Ok(_) => LookupResult::Invalid,
            Err(_) => LookupResult::StoreAway,
        });
        looked_up
    }

    async fn look_up(&self, token: &SessionToken) -> Result<Presented, StoreError> {
        let (id, shown) = (token.id(), token.digest());
        // Asked before the look and after it: an end that is written while the store answers is let go by then.
        let held = self.parts.unconfirmed.holds(id);
        let found = match self.parts.sessions.find(id).await {
            Ok(Some(found)) if found.is_of_the_future(self.parts.clock.now()) => self.clamp(id, found).await,
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Presented::Bad(Because::NoSuchSession { id, shown })),
            Err(why @ StoreError::Unreadable(_)) => {
                error!(session.id = %id, "Session {id} is refused: {why}");
                return Ok(Presented::Bad(Because::Damaged(id)));
            }
            Err(away) => {
                debug!("A session cannot be checked: {away}");
                return Err(away);
            }
        };
        Ok(match self.weigh(id, shown, found) {
            Presented::Good(_) if held => Presented::Bad(Because::NoSuchSession { id, shown }),
            weighed => weighed,
        })
    }

    /// Counts what lies in the future as now, and writes that: a store that cannot is asked again at the next look.
    async fn clamp(&self, id: SessionId, found: Found) -> Found {
        let now = self.parts.clock.now();
        if let Err(away) = self.parts.sessions.clamp(id, found.latest, now).await {
            debug!(session.id = %id, "Session {id} is of the future, and stays so: {away}");
        }
        found.clamped(now)
    }

    /// Whether what the store has of a session lets in, now, whoever has `shown` the secret with this digest. Takes the
    /// digest: a SHA-256 for each request is enough.
    fn weigh(&self, id: SessionId, shown: Digest, found: Found) -> Presented {
        let now = self.parts.clock.now();
        if !found.secrets.accept(shown, now) {
            return Presented::Bad(Because::WrongSecret(id));
        }
        if self.parts.unconfirmed.holds(id) {
            return Presented::Bad(Because::NoSuchSession { id, shown });
        }
        if found.owner.disabled {
            return Presented::Bad(Because::Disabled(id));
        }
        match self.parts.policy.load().standing(found.terms, found.latest, now) {
            Standing::Idle { .. } => Presented::Bad(Because::Idle(id, found.terms.kind)),
            Standing::Worn { .. } => Presented::Bad(Because::Worn(id)),
            Standing::Live => Presented::Good(Box::new(Principal {
                session: id,
                shown,
                current: found.secrets.current == shown,
                terms: found.terms,
                latest: found.latest,
                assurance: found.assurance,
                owner: found.owner,
            })),
        }
    }

    fn beat(&self, head: &Head<'_>, path: &CanonicalPath, principal: &Principal) {
        let at: Timestamp = self.parts.clock.now();
        let page = (!is_ours(path.path()) && head.opens_a_page()).then(|| page_of(path));
        let beat = Beat { id: principal.session, at, ip: head.ip, actions: u32::from(head.is_action()), page };
        self.note(beat);
    }

    fn note(&self, beat: Beat) {
        self.parts.heart.beat(beat, self.parts.policy.load().heartbeat_interval);
    }
}

/// Whether this is a style sheet or the script, with its parameters and without.
fn is_asset(path: &CanonicalPath) -> bool {
    path.path().starts_with(ASSETS) && path.without_parameters().starts_with(ASSETS)
}

const fn is_sent_on(form: &CrossSiteForm) -> bool {
    form.token.is_some()
}

fn sign_in(head: &Head<'_>, path: &CanonicalPath, because: Option<Because>) -> Judged {
    let label = match head.caller() {
        Caller::Navigation if !head.is_framed() => Label::SignIn,
        Caller::Navigation | Caller::Upgrade | Caller::Program => Label::Unauthorized,
    };
    Judged::of(Decision::Refuse(Refusal::SignIn { target: path.with_query(), because }), label)
}

/// What the store would have of a session that has begun at this moment.
fn just_opened(secret: Digest, owner: Owner, now: Timestamp) -> Found {
    Found {
        secrets: Secrets { current: secret, former: None },
        terms: Terms { opened: now, remembered: false, kind: Kind::Web },
        latest: now,
        assurance: 1,
        owner,
    }
}

/// A path for "last page": bounded, without its query.
fn page_of(path: &CanonicalPath) -> String {
    let path = path.without_parameters();
    path[..path.floor_char_boundary(256)].to_owned()
}
