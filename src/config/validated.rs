//! The configuration as meant: plain values, a section for each part of the program.
//!
//! Here the keys are looked at together. Every complaint is filed at the diagnostics and reading goes on with the default, so that
//! an operator hears everything at once; a configuration with a complaint is never used.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

use super::diagnostics::Diagnostics;
use super::raw::RawConfig;
use super::value::network::Network;
use super::value::secret::RootSecret;
use super::value::store::{RecordsLocation, StoreLocation};
use crate::audit::AuditPolicy;
use crate::guard::LockoutPolicy;
use crate::public_url::PublicUrl;
use crate::web::theme::Branding;

use super::sections::activity::ActivitySettings;
use super::sections::admin::AdminSettings;
use super::sections::branding::BrandingSettings;
use super::sections::identity::IdentitySettings;
use super::sections::limits::LimitSettings;
use super::sections::log::LogSettings;
use super::sections::passwords::PasswordSettings;
use super::sections::routes::RouteSettings;
use super::sections::routing::RoutingSettings;
use super::sections::sessions::SessionSettings;
use super::sections::shutdown::ShutdownSettings;
use super::sections::sign_in::SignInSettings;
use super::sections::tls::TlsSettings;
use super::sections::upstreams::UpstreamSettings;
use super::sections::{listen, public_url, secret, store, trusted_proxies};

/// All that an operator can say, checked and complete. Serializes as it would be written, without the secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// The one origin that visitors see.
    pub public_url: PublicUrl,
    /// The addresses to listen on; at least one.
    pub listen: Vec<SocketAddr>,
    /// Whether plain HTTP beyond this machine is allowed.
    pub insecure_http: bool,
    /// TLS on all of these addresses; none: plain HTTP.
    pub tls: Option<TlsSettings>,
    /// Whose word about a visitor's address is taken; nobody's where there are none.
    pub trusted_proxies: Vec<Network>,
    /// Whether these say whose connection it is before its first byte, and nobody else is served.
    pub proxy_protocol: bool,
    /// Where sessions and accounts are kept.
    pub store: StoreLocation,
    /// Where accounts and the journal are kept, if apart from sessions; only with [`StoreLocation::Redis`].
    pub records: Option<RecordsLocation>,
    /// What keys are made from; none only with [`StoreLocation::Memory`], where one is made at start.
    #[serde(serialize_with = "redacted")]
    pub secret: Option<RootSecret>,
    /// The apps by name.
    pub upstreams: BTreeMap<String, UpstreamSettings>,
    /// What goes where; the first match wins.
    pub routes: Vec<RouteSettings>,
    /// Signing in.
    pub sign_in: SignInSettings,
    /// How long visitors stay signed in.
    pub sessions: SessionSettings,
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// When an account is locked.
    pub lockout: LockoutPolicy,
    /// What the journal keeps.
    pub audit: AuditPolicy,
    /// What a client may ask of a connection.
    pub limits: LimitSettings,
    /// How the app learns who is calling.
    pub identity: IdentitySettings,
    /// Metrics and health.
    pub admin: AdminSettings,
    /// Logs.
    pub log: LogSettings,
    /// Names of pages.
    pub activity: ActivitySettings,
    /// Stopping.
    pub shutdown: ShutdownSettings,
    /// The look of the pages.
    pub branding: BrandingSettings,
}

impl Config {
    /// What a file means. Where a complaint was filed at the diagnostics, something stands in for what could not be read.
    pub(super) fn validate(raw: RawConfig, diagnostics: &Diagnostics) -> Self {
        let insecure_http = raw.insecure_http.is_some_and(|written| written.value);
        let public_url = public_url::public_url(raw.public_url, insecure_http, raw.at, diagnostics);
        let plain_http_allowed = insecure_http || raw.tls.is_some() || diagnostics.has_error_at("tls");
        let listen = listen::listen(raw.listen, public_url.as_ref(), plain_http_allowed, raw.at, diagnostics);
        let tls = TlsSettings::validate(raw.tls, public_url.as_ref(), &listen, diagnostics);
        let trusted_proxies = trusted_proxies::trusted_proxies(raw.trusted_proxies, diagnostics);
        let store = store::store(raw.store, raw.store_file, diagnostics);
        let records = store::records(raw.records, raw.records_file, &store, diagnostics);
        let secret = secret::secret(raw.secret, raw.secret_file, &store, raw.at, diagnostics);
        let bodies = raw.limits.body_size;
        let routing = RoutingSettings::validate(raw.upstream, raw.upstreams, raw.routes, bodies, raw.at, diagnostics);
        let redirects = tls.iter().flat_map(|tls| &tls.redirect_from);
        raw.admin.check_port(listen.iter().chain(redirects), diagnostics);
        routing.report_self_proxying(&listen, diagnostics);
        let mut branding = raw.branding;
        if !diagnostics.is_written("branding.app_name") {
            let host = public_url.as_ref().map_or("localhost", |url| url.host().as_str());
            host.clone_into(&mut branding.pages.app_name);
        }
        Self {
            public_url: public_url.unwrap_or_else(|| PublicUrl::loopback(SocketAddr::from(([127, 0, 0, 1], 8080)))),
            listen,
            insecure_http,
            tls,
            proxy_protocol: trusted_proxies::proxy_protocol(raw.proxy_protocol, &trusted_proxies, diagnostics),
            trusted_proxies,
            store,
            records,
            secret,
            upstreams: routing.upstreams,
            routes: routing.routes,
            sign_in: raw.sign_in,
            sessions: raw.sessions,
            passwords: raw.passwords,
            lockout: raw.lockout,
            audit: raw.audit,
            limits: raw.limits,
            identity: IdentitySettings::validate(raw.identity, diagnostics),
            admin: raw.admin,
            log: raw.log,
            activity: raw.activity,
            shutdown: raw.shutdown,
            branding,
        }
    }

    /// Whether the addresses of visitors are known, and not only that of what ends TLS in front of us.
    #[must_use]
    pub fn knows_client_addresses(&self) -> bool {
        !self.public_url.is_https() || self.tls.is_some() || !self.trusted_proxies.is_empty()
    }

    /// What follows where they are not, and the mend.
    #[must_use]
    pub fn client_address_warning(&self) -> Option<&'static str> {
        const WARNING: &str = "trusted_proxies: is empty, so all visitors share the address of what ends TLS in front: tries to \
                               sign in are counted by account only, and connections in all; write the network of what passes \
                               requests on, such as [127.0.0.1/32] for this machine, and let it append to X-Forwarded-For";
        if self.knows_client_addresses() { None } else { Some(WARNING) }
    }

    /// A configuration for a look around: store in memory, one app, everything else by default.
    #[must_use]
    pub fn demo(listen: SocketAddr, app: SocketAddr) -> Self {
        let public_url = PublicUrl::loopback(listen);
        Self {
            branding: BrandingSettings {
                pages: Branding { app_name: "Demo".to_owned(), ..Branding::default() },
                ..BrandingSettings::default()
            },
            listen: vec![listen],
            insecure_http: !listen.ip().is_loopback(),
            tls: None,
            public_url,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            store: StoreLocation::Memory,
            records: None,
            secret: None,
            upstreams: BTreeMap::from([("app".to_owned(), UpstreamSettings::single_server(app.into()))]),
            routes: vec![RouteSettings::catch_all("app", None)],
            sign_in: SignInSettings::default(),
            sessions: SessionSettings::default(),
            passwords: PasswordSettings::default(),
            lockout: LockoutPolicy::default(),
            audit: AuditPolicy::default(),
            limits: LimitSettings::default(),
            identity: IdentitySettings::default(),
            admin: AdminSettings::default(),
            log: LogSettings::default(),
            activity: ActivitySettings::default(),
            shutdown: ShutdownSettings::default(),
        }
    }
}

/// Says that there is a secret, and nothing about it.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn redacted<S: serde::Serializer>(secret: &Option<RootSecret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str("(redacted)"),
        None => serializer.serialize_none(),
    }
}
