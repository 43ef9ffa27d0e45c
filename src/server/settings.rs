//! From what the operator said to what each part is given; and what a reload can change while we run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;

use crate::{
    account::PasswordPolicy,
    audit::AuditPolicy,
    certificate::Certificate,
    config::{self, Config, ExtraHeaderValue},
    gate::{Access, FormTarget, LiteralChars, PathPolicy, Route, RouteTable},
    guard::LockoutPolicy,
    proxy::{ConnectionLimits, HostPort, IdentityHeaders, UpstreamIds, UpstreamSpec},
    session::SessionPolicy,
    visitor::TrustedProxies,
    web::SiteSettings,
};

/// What a reload can change, each piece shared with the part that reads it.
#[derive(Clone)]
pub struct LiveSettings {
    /// When sessions end by themselves.
    pub session: Arc<ArcSwap<SessionPolicy>>,
    /// Rules for new passwords.
    pub password: Arc<ArcSwap<PasswordPolicy>>,
    /// When an account cools off.
    pub lockout: Arc<ArcSwap<LockoutPolicy>>,
    /// What the journal keeps.
    pub audit: Arc<ArcSwap<AuditPolicy>>,
    /// Names, links and habits.
    pub site: Arc<ArcSwap<SiteSettings>>,
    /// What is shown to who comes by TLS; none where nobody does.
    pub certificate: Option<Arc<ArcSwap<Certificate>>>,
    /// Access rules.
    pub routes: Arc<ArcSwap<RouteTable>>,
    /// How apps are told who is calling.
    pub identity: Arc<ArcSwap<IdentityHeaders>>,
    ids: Arc<Mutex<UpstreamIds>>,
}

impl LiveSettings {
    /// As the configuration says.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let ids = Arc::new(Mutex::new(UpstreamIds::default()));
        Self {
            session: Arc::new(ArcSwap::from_pointee(config.sessions.policy.clone())),
            password: Arc::new(ArcSwap::from_pointee(config.passwords.policy)),
            lockout: Arc::new(ArcSwap::from_pointee(config.lockout)),
            audit: Arc::new(ArcSwap::from_pointee(config.audit)),
            site: Arc::new(ArcSwap::from_pointee(site_settings(config))),
            certificate: config.tls.as_ref().map(|tls| Arc::new(ArcSwap::from_pointee(tls.certificate.clone()))),
            routes: Arc::new(ArcSwap::from_pointee(route_table(config, &ids))),
            identity: Arc::new(ArcSwap::from_pointee(identity_headers(config))),
            ids,
        }
    }

    /// From now on as this configuration says. What a reload cannot change is left as it is. All is made before any of it
    /// counts: should that panic, everything is as it was.
    pub fn apply(&self, config: &Config) {
        let (session, password) = (config.sessions.policy.clone(), config.passwords.policy);
        let (lockout, audit, house) = (config.lockout, config.audit, site_settings(config));
        let (routes, identity) = (route_table(config, &self.ids), identity_headers(config));
        self.session.store(Arc::new(session));
        self.password.store(Arc::new(password));
        self.lockout.store(Arc::new(lockout));
        self.audit.store(Arc::new(audit));
        self.site.store(Arc::new(house));
        self.routes.store(Arc::new(routes));
        self.identity.store(Arc::new(identity));
        if let (Some(shown), Some(tls)) = (&self.certificate, &config.tls) {
            let (new, old) = (Arc::new(tls.certificate.clone()), shown.load_full());
            if new != old {
                tracing::info!("The certificate is renewed, and good until {}", new.not_after().rfc3339());
            }
            shown.store(new);
        }
    }

    /// Where the apps are, as this configuration says.
    #[must_use]
    pub fn upstream_plans(&self, config: &Config) -> Vec<UpstreamSpec> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = |(name, upstream): (&String, &config::UpstreamSettings)| UpstreamSpec {
            id: ids.id_for(name),
            name: name.clone(),
            servers: upstream.servers.iter().map(server_address).collect(),
            connect_timeout: upstream.timeouts.connect,
            read_timeout: upstream.timeouts.read,
            forget_on: upstream.forget_on,
            identity_encoding: upstream.identity_encoding,
        };
        config.upstreams.iter().map(plan).collect()
    }
}

fn site_settings(config: &Config) -> SiteSettings {
    SiteSettings {
        branding: config.branding.pages.clone(),
        landing_path: config.sign_in.landing.clone(),
        other_sessions: config.passwords.after_change,
        page_labels: config.activity.page_labels.clone(),
        clear_cookies_on: config.upstreams.iter().map(|(name, said)| (name.clone(), said.forget_on)).collect(),
    }
}

/// What a client may ask of a connection.
pub(super) fn limits(config: &Config) -> ConnectionLimits {
    let limits = &config.limits;
    ConnectionLimits {
        head_bytes: usize::try_from(limits.head_size.bytes()).unwrap_or(usize::MAX),
        headers: usize::try_from(limits.headers).unwrap_or(usize::MAX),
        head_deadline: limits.head_deadline,
        idle: limits.keep_alive,
        requests: limits.requests_per_connection,
        body_idle: limits.body_idle,
        write_idle: limits.write_idle,
        slow_readers_per_session: limits.slow_readers_per_session,
        slow_readers_per_address: config.knows_client_addresses().then_some(limits.slow_readers_per_address),
        streams: limits.http2_streams,
        ..ConnectionLimits::default()
    }
}

/// Whose word about a visitor's address is taken.
#[must_use]
pub fn trusted_proxies(config: &Config) -> TrustedProxies {
    TrustedProxies::new(config.trusted_proxies.iter().map(|network| network.net()))
}

fn server_address(address: &config::UpstreamAddress) -> HostPort {
    HostPort { host: address.host.unbracketed().to_owned(), port: address.port }
}

fn identity_headers(config: &Config) -> IdentityHeaders {
    config.identity.extra.iter().fold(IdentityHeaders::new(config.identity.preset, []), |headers, extra| {
        match &extra.value {
            ExtraHeaderValue::Field(told) => headers.with_field(&extra.header, *told),
            ExtraHeaderValue::Secret(secret) => headers.with_fixed(&extra.header, secret.expose()),
        }
    })
}

fn route_table(config: &Config, ids: &Mutex<UpstreamIds>) -> RouteTable {
    let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
    for name in config.upstreams.keys() {
        ids.id_for(name);
    }
    let routes = config.routes.iter().map(|route| {
        let access = match &route.access {
            config::RouteAccess::Public => Access::Public,
            config::RouteAccess::SignedIn => Access::SignedIn,
            config::RouteAccess::Roles(roles) => Access::Roles(roles.clone()),
        };
        Route::new(&route.path, access, ids.id_for(&route.upstream), route.counts_as_activity)
            .expect("a configuration takes a path only if the gate makes a route of it")
            .with_body_size(route.body_size.map(config::ByteSize::bytes))
            .with_read_timeout(read_timeout_override(config, route))
            .with_paths(PathPolicy {
                allow_encoded_slash: route.allow_encoded_slash,
                keep_double_slash: route.keep_double_slash,
                literal_chars: LiteralChars {
                    semicolon: route.allow_semicolon,
                    backslash: route.allow_encoded_backslash,
                    control: route.allow_encoded_control,
                },
                preserve_path: route.preserve_path,
            })
            .with_websocket_origins(route.websocket_origins.iter().map(|site| site.origin().to_owned()).collect())
            .with_cross_site_forms(route.cross_site_forms.iter().map(form_target).collect())
            .with_caching(route.caching)
            .with_watch(config.branding.watch)
    });
    RouteTable::new(routes.collect())
}

fn form_target(forms: &config::CrossSiteForms) -> FormTarget {
    FormTarget {
        path: forms.path.clone(),
        senders: forms.from.iter().map(|sender| sender.origin().to_owned()).collect(),
    }
}

/// How long the app may be silent on this route, where its upstream does not say the same.
fn read_timeout_override(config: &Config, route: &config::RouteSettings) -> Option<Duration> {
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
        assert_eq!(limits(&Config::demo(address, address)), ConnectionLimits::default());
    }
}
