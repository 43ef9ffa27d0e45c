//! From what the operator said to what each part is given; and what a reload can change while we run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;

use crate::{
    account::{PasswordPolicy, PolicyKind},
    audit::JournalPolicy,
    certificate::Certificate,
    config::{self, Config, ExtraValue},
    gate::{Access, FormTarget, Letters, PathPolicy, Route, RouteTable},
    guard::LockoutPolicy,
    proxy::{IdentityHeaders, Limits, ServerAddress, UpstreamIds, UpstreamPlan},
    session::{AppPolicy, RememberMe, SessionPolicy, Span},
    visitor::TrustedProxies,
    web::{AfterChange, House, look::Branding},
};

/// What a reload can change, each piece shared with the part that reads it.
#[derive(Clone)]
pub struct Settings {
    /// When sessions end by themselves.
    pub session: Arc<ArcSwap<SessionPolicy>>,
    /// Rules for new passwords.
    pub password: Arc<ArcSwap<PasswordPolicy>>,
    /// When an account cools off.
    pub lockout: Arc<ArcSwap<LockoutPolicy>>,
    /// What the journal keeps.
    pub audit: Arc<ArcSwap<JournalPolicy>>,
    /// Names, links and habits.
    pub house: Arc<ArcSwap<House>>,
    /// What is shown to who comes by TLS; none where nobody does.
    pub certificate: Option<Arc<ArcSwap<Certificate>>>,
    /// Access rules.
    pub routes: Arc<ArcSwap<RouteTable>>,
    /// How apps are told who is calling.
    pub identity: Arc<ArcSwap<IdentityHeaders>>,
    ids: Arc<Mutex<UpstreamIds>>,
}

impl Settings {
    /// As the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let ids = Arc::new(Mutex::new(UpstreamIds::default()));
        Self {
            session: Arc::new(ArcSwap::from_pointee(session_policy(config))),
            password: Arc::new(ArcSwap::from_pointee(password_policy(config))),
            lockout: Arc::new(ArcSwap::from_pointee(lockout_policy(config))),
            audit: Arc::new(ArcSwap::from_pointee(journal_policy(config))),
            house: Arc::new(ArcSwap::from_pointee(house(config))),
            certificate: config.tls.as_ref().map(|tls| Arc::new(ArcSwap::from_pointee(tls.certificate.clone()))),
            routes: Arc::new(ArcSwap::from_pointee(route_table(config, &ids))),
            identity: Arc::new(ArcSwap::from_pointee(identity_headers(config))),
            ids,
        }
    }

    /// From now on as this configuration says. What a reload cannot change is left as it is. All is made before any of it
    /// counts: should that panic, everything is as it was.
    pub fn apply(&self, config: &Config) {
        let (session, password) = (session_policy(config), password_policy(config));
        let (lockout, audit, house) = (lockout_policy(config), journal_policy(config), house(config));
        let (routes, identity) = (route_table(config, &self.ids), identity_headers(config));
        self.session.store(Arc::new(session));
        self.password.store(Arc::new(password));
        self.lockout.store(Arc::new(lockout));
        self.audit.store(Arc::new(audit));
        self.house.store(Arc::new(house));
        self.routes.store(Arc::new(routes));
        self.identity.store(Arc::new(identity));
        if let (Some(shown), Some(tls)) = (&self.certificate, &config.tls) {
            let (new, old) = (Arc::new(tls.certificate.clone()), shown.load_full());
            if new != old {
                tracing::info!("The certificate is renewed, and good until {}", new.until().rfc3339());
            }
            shown.store(new);
        }
    }

    /// Where the apps are, as this configuration says.
    #[must_use]
    pub fn upstream_plans(&self, config: &Config) -> Vec<UpstreamPlan> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = |(name, said): (&String, &config::Upstream)| UpstreamPlan {
            id: ids.of(name),
            name: name.clone(),
            servers: said.servers.iter().map(server).collect(),
            connect: said.timeouts.connect,
            read: said.timeouts.read,
            forget_on: said.forget_on,
            identity_encoding: said.identity_encoding,
        };
        config.upstreams.iter().map(plan).collect()
    }
}

fn session_policy(config: &Config) -> SessionPolicy {
    let said = &config.sessions;
    SessionPolicy {
        idle_timeout: span(said.idle_timeout),
        remember_me: RememberMe { allowed: said.remember_me.allowed, lifetime: span(said.remember_me.lifetime) },
        unremembered_lifetime: said.unremembered_lifetime,
        app: AppPolicy { idle_timeout: span(said.app.idle_timeout), lifetime: span(said.app.lifetime) },
        absolute_timeout: said.absolute_timeout,
        max_per_user: usize::try_from(said.max_per_user).unwrap_or(usize::MAX),
        heartbeat_interval: said.heartbeat_interval,
        streams_outlive_store: said.streams_outlive_store,
    }
}

const fn span(said: config::Span) -> Span {
    match said {
        config::Span::For(length) => Span::For(length),
        config::Span::Never => Span::Never,
    }
}

fn password_policy(config: &Config) -> PasswordPolicy {
    let kind = match config.passwords.policy {
        config::PasswordPolicy::Classic => PolicyKind::Classic,
        config::PasswordPolicy::Modern => PolicyKind::Modern,
    };
    PasswordPolicy { kind, min_length: usize::try_from(config.passwords.min_length).unwrap_or(usize::MAX) }
}

const fn lockout_policy(config: &Config) -> LockoutPolicy {
    let config::Lockout { failures, within, cool_off } = config.lockout;
    LockoutPolicy { failures, within, cool_off }
}

fn journal_policy(config: &Config) -> JournalPolicy {
    let config::Audit { retention, unknown_names_retention, max_entries } = config.audit;
    JournalPolicy { retention, unknown_names_retention, max_entries: max_entries.into() }
}

fn house(config: &Config) -> House {
    House {
        branding: Branding {
            app_name: config.branding.app_name.clone(),
            home_url: config.branding.home_url.clone(),
            support_url: config.branding.support_url.clone(),
            accent: config.branding.accent.clone(),
        },
        landing: config.sign_in.landing.clone(),
        after_change: match config.passwords.after_change {
            config::AfterPasswordChange::Ask => AfterChange::Ask,
            config::AfterPasswordChange::Keep => AfterChange::Keep,
            config::AfterPasswordChange::EndOthers => AfterChange::EndOthers,
        },
        page_labels: config.activity.page_labels.clone(),
        forget_on: config.upstreams.iter().map(|(name, said)| (name.clone(), said.forget_on)).collect(),
    }
}

/// What a client may ask of a connection.
pub(super) fn limits(config: &Config) -> Limits {
    let said = &config.limits;
    Limits {
        head_bytes: usize::try_from(said.head_size.bytes()).unwrap_or(usize::MAX),
        headers: usize::try_from(said.headers).unwrap_or(usize::MAX),
        head_deadline: said.head_deadline,
        idle: said.keep_alive,
        requests: said.requests_per_connection,
        body_idle: said.body_idle,
        write_idle: said.write_idle,
        slow_readers_per_session: said.slow_readers_per_session,
        slow_readers_per_address: config.knows_visitors().then_some(said.slow_readers_per_address),
        streams: said.http2_streams,
        ..Limits::default()
    }
}

/// Whose word about a visitor's address is taken.
#[must_use]
pub fn trusted_proxies(config: &Config) -> TrustedProxies {
    TrustedProxies::new(config.trusted_proxies.iter().map(|network| network.net()))
}

fn server(said: &config::Server) -> ServerAddress {
    let host = said.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerAddress { host, port: said.port }
}

fn identity_headers(config: &Config) -> IdentityHeaders {
    config.identity.extra.iter().fold(IdentityHeaders::new(config.identity.preset, []), |headers, extra| {
        match &extra.value {
            ExtraValue::Told(told) => headers.with(&extra.header, *told),
            ExtraValue::Secret(secret) => headers.with_fixed(&extra.header, secret.expose()),
        }
    })
}

fn route_table(config: &Config, ids: &Mutex<UpstreamIds>) -> RouteTable {
    let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
    for name in config.upstreams.keys() {
        ids.of(name);
    }
    let routes = config.routes.iter().map(|said| {
        let access = match &said.access {
            config::Access::Public => Access::Public,
            config::Access::SignedIn => Access::SignedIn,
            config::Access::Roles(roles) => Access::Roles(roles.clone()),
        };
        Route::new(&said.path, access, ids.of(&said.upstream), said.counts_as_activity)
            .expect("a configuration takes a path only if the gate makes a route of it")
            .taking(said.body_size.map(config::Size::bytes))
            .silent_for(apart_from_upstream(config, said))
            .with_paths(PathPolicy {
                allow_encoded_slash: said.allow_encoded_slash,
                keep_double_slash: said.keep_double_slash,
                letters: Letters {
                    semicolon: said.allow_semicolon,
                    backslash: said.allow_encoded_backslash,
                    control: said.allow_encoded_control,
                },
                preserve_path: said.preserve_path,
            })
            .with_websocket_origins(said.websocket_origins.iter().map(|site| site.origin().to_owned()).collect())
            .with_cross_site_forms(said.cross_site_forms.iter().map(form_target).collect())
            .with_caching(said.caching)
            .watched(config.branding.watch)
    });
    RouteTable::new(routes.collect())
}

fn form_target(said: &config::CrossSiteForms) -> FormTarget {
    FormTarget { path: said.path.clone(), senders: said.from.iter().map(|sender| sender.origin().to_owned()).collect() }
}

/// How long the app may be silent on this route, where its upstream does not say the same.
fn apart_from_upstream(config: &Config, route: &config::Route) -> Option<Duration> {
    let upstream = config.upstreams.get(&route.upstream).map(|upstream| upstream.timeouts.read);
    (upstream != Some(route.timeouts.read)).then_some(route.timeouts.read)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What our own listeners keep to is what visitors' do where nothing is written.
    #[test]
    fn the_limits_of_the_manual_are_those_of_the_program() {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(limits(&Config::demo(address, address)), Limits::default());
    }
}
