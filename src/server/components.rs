//! The parts of the program, put together over one store. The server and the command line are made of the same ones.

use std::{sync::Arc, thread};

use super::{LiveSettings, Stores, settings::trusted_proxies};
use crate::{
    account::{Accounts, AccountsParts, Cost, Hasher},
    audit::Journal,
    clock::Clock,
    config::{ByteSize, Config, PublicUrl},
    gate::{
        Gate, GateParts,
        cookie::{AppCookies, CookieNames},
    },
    guard::{Forms, Throttle},
    metrics::Metrics,
    portcullis::Portcullis,
    proxy::{CancelReason, InFlight},
    secret::Key,
    session::{Heart, Sessions},
    sign_in::{SignIn, SignInParts},
    tasks::ReapplyEnds,
    visitor::Recogniser,
    web::{Web, WebState},
};

/// What the program is made of, but for the socket.
pub struct Components {
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where everything is kept.
    pub stores: Stores,
    /// What a reload can change.
    pub settings: LiveSettings,
    /// Where hits go.
    pub heartbeats: Heart,
    /// What is in flight.
    pub in_flight: Arc<InFlight>,
    /// What has ended, in case the store forgets it.
    pub reapply_ends: Arc<ReapplyEnds>,
    /// What happened.
    pub audit_log: Journal,
    /// Open, list, end.
    pub sessions: Sessions,
    /// Users and passwords.
    pub accounts: Accounts,
    pub(super) hasher: Hasher,
    throttle: Throttle,
    pub(super) forms: Forms,
    public_url: PublicUrl,
    /// What our cookies are called.
    pub cookie_names: CookieNames,
    /// Writes cookies of apps down in the browser.
    pub app_cookies: AppCookies,
    derived_key: Key,
}

impl Components {
    /// Puts the parts together.
    #[must_use]
    pub fn new(config: &Config, stores: Stores, clock: Clock, cost: Cost) -> Self {
        let metrics = Arc::new(Metrics::new());
        let stores = stores.with_metrics(&clock, &metrics);
        let settings = LiveSettings::from_config(config);
        let journal = Journal::new(stores.audit.clone(), clock.clone(), metrics.clone());
        let sessions = Sessions::new(
            stores.sessions.clone(),
            journal.clone(),
            settings.session.clone(),
            clock.clone(),
            metrics.clone(),
        );
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let hasher =
            Hasher::new(cost, cores, config.passwords.memory.map(ByteSize::bytes), clock.clone(), metrics.clone());
        let key = config.secret.as_ref().map_or_else(Key::passing, |secret| Key::new(secret.expose()));
        let lockout = settings.lockout.clone();
        let forms = Forms::new(stores.throttle.clone(), key.clone(), clock.clone());
        let throttle = Throttle::new(stores.throttle.clone(), lockout, key.clone(), clock.clone(), metrics.clone());
        let throttle = throttle.shared_by(trusted_proxies(config));
        // Where something in front has ended TLS and nobody says for whom, every visitor has its address.
        let throttle = if config.knows_client_addresses() { throttle } else { throttle.by_account_only() };
        let accounts = Accounts::new(AccountsParts {
            store: stores.accounts.clone(),
            sessions: sessions.clone(),
            journal: journal.clone(),
            hasher: hasher.clone(),
            throttle: throttle.clone(),
            policy: settings.password.clone(),
            clock: clock.clone(),
        });
        metrics.register_cancel_reasons(&CancelReason::LABELS);
        let (heart, lines) = (Heart::default(), Arc::new(InFlight::with_metrics(&metrics)));
        let end_again =
            ReapplyEnds::new(stores.sessions.clone(), stores.accounts.clone(), sessions.clone(), clock.clone());
        let public_url = config.public_url.clone();
        let cookies = CookieNames::new(public_url.is_https(), &config.sessions.cookie_name);
        Self {
            clock,
            metrics,
            stores,
            settings,
            heartbeats: heart,
            in_flight: lines,
            reapply_ends: Arc::new(end_again),
            audit_log: journal,
            sessions,
            accounts,
            hasher,
            throttle,
            app_cookies: AppCookies::new(&cookies, key.clone()),
            cookie_names: cookies,
            derived_key: key,
            forms,
            public_url,
        }
    }

    /// The program without a socket.
    #[must_use]
    pub fn portcullis(&self) -> Portcullis {
        let gate = Gate::new(GateParts {
            public_url: self.public_url.clone(),
            cookies: self.cookie_names.clone(),
            routes: self.settings.routes.clone(),
            sessions: self.stores.sessions.clone(),
            unconfirmed: self.sessions.unconfirmed(),
            policy: self.settings.session.clone(),
            heart: self.heartbeats.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        Portcullis::new(gate, Web::new(Arc::new(self.web_state())))
    }

    fn web_state(&self) -> WebState {
        let sign_in = SignIn::new(SignInParts {
            accounts: self.stores.accounts.clone(),
            sessions: self.sessions.clone(),
            hasher: self.hasher.clone(),
            throttle: self.throttle.clone(),
            forms: self.forms.clone(),
            journal: self.audit_log.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        WebState {
            public_url: self.public_url.clone(),
            cookies: self.cookie_names.clone(),
            app_cookies: self.app_cookies.clone(),
            signing_key: self.derived_key.clone(),
            clock: self.clock.clone(),
            sessions: self.sessions.clone(),
            accounts: self.accounts.clone(),
            sign_in,
            forms: self.forms.clone(),
            audit_log: self.audit_log.clone(),
            user_agent_parser: Recogniser::start(),
            site: self.settings.site.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::{HeaderMap, HeaderValue, Method, header};

    use super::*;
    use crate::{
        gate::{Decision, Head},
        id::UserId,
        secret::DIGESTS,
        session::{Kind, Opening, Owner, Proof},
        store::embedded::EmbeddedStore,
        visitor::Visitor,
    };

    /// Of all that a checked request costs, SHA-256 is the largest part that is ours.
    #[tokio::test]
    async fn a_token_is_hashed_once_for_each_request() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let stores = Stores::from_single(Arc::new(EmbeddedStore::in_memory().unwrap()));
        let config = Config::demo(address, address);
        let parts = Components::new(&config, stores, Clock::machine(), Cost { memory: 8, passes: 1 });
        let (id, ip) = (UserId::mint(), address.ip());
        let owner = Owner {
            id,
            name: "alice".into(),
            display_name: None,
            email: None,
            roles: Vec::new(),
            disabled: false,
            version: 1,
        };
        let opening = Opening {
            owner: id,
            generation: parts.sessions.admit(&owner).await.unwrap(),
            proof: Proof { assurance: 1, methods: Vec::new(), at: parts.clock.now() },
            remember: false,
            kind: Kind::Web,
            from: Visitor { ip, device: Recogniser::start().recognise(None) },
            sign_ins: 1,
            replaces: None,
            secret: None,
        };
        let (_, token) = parts.sessions.open(opening).await.unwrap().unwrap();
        let names = CookieNames::new(config.public_url.is_https(), &config.sessions.cookie_name);
        let cookie = HeaderValue::from_str(&format!("{}={}", names.session, token.hand_over())).unwrap();
        let host = HeaderValue::from_str(config.public_url.authority()).unwrap();
        let headers = HeaderMap::from_iter([(header::HOST, host), (header::COOKIE, cookie)]);
        let (method, request_id) = (&Method::GET, "a");
        let head =
            Head { method, target: b"/", authority: None, headers: &headers, ip, forwarded_host: None, request_id };
        let (portcullis, before) = (parts.portcullis(), DIGESTS.get());
        let judged = portcullis.judge(&head).await;
        assert!(
            matches!(portcullis.decide(&head, judged), Decision::Forward(_)),
            "a request that is checked to its end"
        );
        assert_eq!(DIGESTS.get() - before, 1);
    }
}
