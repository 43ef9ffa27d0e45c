//! Components of the program over one store, shared by the server and the command line.

use std::{sync::Arc, thread};

use super::{LiveSettings, Stores, settings::trusted_proxies};
use crate::{
    account::{AccountService, AccountServiceParts, HashCost, Hasher},
    audit::AuditLog,
    clock::Clock,
    config::{ByteSize, Config, PublicUrl},
    gate::{
        Gate, GateParts,
        cookie::{AppCookieRecorder, CookieNames},
    },
    guard::{FormGuard, Throttle},
    metrics::Metrics,
    portcullis::Portcullis,
    proxy::{CancelReason, InFlight},
    secret::SecretKey,
    session::{HeartbeatBuffer, SessionService},
    sign_in::{SignIn, SignInParts},
    tasks::ReapplyEnds,
    visitor::DeviceDetector,
    web::{Web, WebState},
};

/// Components of the program, without its sockets.
pub struct Components {
    /// Clock.
    pub clock: Clock,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Stores.
    pub stores: Stores,
    /// Settings that a reload can change.
    pub settings: LiveSettings,
    /// Heartbeat buffer.
    pub heartbeats: HeartbeatBuffer,
    /// Registry of requests in flight.
    pub in_flight: Arc<InFlight>,
    /// Ends kept in memory, in case the store loses them.
    pub reapply_ends: Arc<ReapplyEnds>,
    /// Audit log.
    pub audit_log: AuditLog,
    /// Use cases of sessions: open, list, end.
    pub sessions: SessionService,
    /// Use cases of accounts and passwords.
    pub accounts: AccountService,
    pub(super) hasher: Hasher,
    throttle: Throttle,
    pub(super) forms: FormGuard,
    public_url: PublicUrl,
    /// Names of our cookies.
    pub cookie_names: CookieNames,
    /// Writes cookies of apps down in the browser.
    pub app_cookies: AppCookieRecorder,
    derived_key: SecretKey,
}

impl Components {
    /// Wires the components.
    #[must_use]
    pub fn new(config: &Config, stores: Stores, clock: Clock, cost: HashCost) -> Self {
        let metrics = Arc::new(Metrics::new());
        let stores = stores.with_metrics(&clock, &metrics);
        let settings = LiveSettings::from_config(config);
        let journal = AuditLog::new(stores.audit.clone(), clock.clone(), metrics.clone());
        let sessions = SessionService::new(
            stores.sessions.clone(),
            journal.clone(),
            settings.session.clone(),
            clock.clone(),
            metrics.clone(),
        );
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let hasher =
            Hasher::new(cost, cores, config.passwords.memory.map(ByteSize::bytes), clock.clone(), metrics.clone());
        let key = config.secret.as_ref().map_or_else(SecretKey::ephemeral, |secret| SecretKey::new(secret.expose()));
        let lockout = settings.lockout.clone();
        let forms = FormGuard::new(stores.throttle.clone(), key.clone(), clock.clone());
        let throttle = Throttle::new(stores.throttle.clone(), lockout, key.clone(), clock.clone(), metrics.clone());
        let throttle = throttle.with_shared_addresses(trusted_proxies(config));
        // Where something in front has ended TLS and nobody says for whom, every visitor has its address.
        let throttle = if config.knows_client_addresses() { throttle } else { throttle.by_account_only() };
        let accounts = AccountService::new(AccountServiceParts {
            store: stores.accounts.clone(),
            sessions: sessions.clone(),
            audit_log: journal.clone(),
            hasher: hasher.clone(),
            throttle: throttle.clone(),
            policy: settings.password.clone(),
            clock: clock.clone(),
        });
        metrics.register_cancel_reasons(&CancelReason::LABELS);
        let (heart, lines) = (HeartbeatBuffer::default(), Arc::new(InFlight::with_metrics(&metrics)));
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
            app_cookies: AppCookieRecorder::new(&cookies, key.clone()),
            cookie_names: cookies,
            derived_key: key,
            forms,
            public_url,
        }
    }

    /// Program without its sockets.
    #[must_use]
    pub fn portcullis(&self) -> Portcullis {
        let gate = Gate::new(GateParts {
            public_url: self.public_url.clone(),
            cookie_names: self.cookie_names.clone(),
            routes: self.settings.routes.clone(),
            sessions: self.stores.sessions.clone(),
            unconfirmed_ends: self.sessions.unconfirmed_ends(),
            policy: self.settings.session.clone(),
            heartbeats: self.heartbeats.clone(),
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
            audit_log: self.audit_log.clone(),
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
            user_agent_parser: DeviceDetector::start(),
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
        gate::{Decision, RequestHead},
        id::UserId,
        secret::DIGESTS,
        session::{ClientKind, OpenRequest, Proof, UserSnapshot},
        store::embedded::EmbeddedStore,
        visitor::Visitor,
    };

    /// Of all that a checked request costs, SHA-256 is the largest part that is ours.
    #[tokio::test]
    async fn a_token_is_hashed_once_for_each_request() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let stores = Stores::from_single(Arc::new(EmbeddedStore::in_memory().unwrap()));
        let config = Config::demo(address, address);
        let parts = Components::new(&config, stores, Clock::system(), HashCost { memory: 8, passes: 1 });
        let (id, ip) = (UserId::mint(), address.ip());
        let owner = UserSnapshot {
            id,
            name: "alice".into(),
            display_name: None,
            email: None,
            roles: Vec::new(),
            disabled: false,
            version: 1,
        };
        let opening = OpenRequest {
            owner: id,
            generation: parts.sessions.register_user(&owner).await.unwrap(),
            proof: Proof {
                assurance: crate::auth_method::Assurance::OneFactor,
                methods: Vec::new(),
                at: parts.clock.now(),
            },
            remember: false,
            kind: ClientKind::Web,
            visitor: Visitor { ip, device: DeviceDetector::start().detect(None) },
            sign_ins: 1,
            replaces: None,
            secret: None,
        };
        let (_, token) = parts.sessions.open(opening).await.unwrap().unwrap();
        let names = CookieNames::new(config.public_url.is_https(), &config.sessions.cookie_name);
        let cookie = HeaderValue::from_str(&format!("{}={}", names.session, token.to_cookie_value())).unwrap();
        let host = HeaderValue::from_str(config.public_url.authority()).unwrap();
        let headers = HeaderMap::from_iter([(header::HOST, host), (header::COOKIE, cookie)]);
        let (method, request_id) = (&Method::GET, "a");
        let head = RequestHead {
            method,
            target: b"/",
            authority: None,
            headers: &headers,
            ip,
            forwarded_host: None,
            request_id,
        };
        let (portcullis, before) = (parts.portcullis(), DIGESTS.get());
        let Decision::Forward(permit) = portcullis.evaluate(&head).await else {
            panic!("a request that is checked to its end")
        };
        assert!(portcullis.record(&head, permit).session().is_some());
        assert_eq!(DIGESTS.get() - before, 1);
    }
}
