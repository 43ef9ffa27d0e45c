//! The configuration as meant: plain values, a section for each part of the program.
//!
//! Here the keys are looked at together. Every complaint is filed at the desk and reading goes on with the default, so that
//! an operator hears everything at once; a configuration with a complaint is never used.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

use super::complaint::Desk;
use super::file::File;
use super::value::network::Network;
use super::value::secret::RootSecret;
use super::value::store::{RecordsIn, Store};
use crate::public_url::PublicUrl;

mod bounds;
pub(super) mod cross_site;
mod entrance;
mod keeping;
pub(super) mod limits;
pub(super) mod policies;
pub(super) mod routing;
pub(super) mod sessions;
pub(super) mod surroundings;
pub(super) mod tls;

use limits::Limits;
use policies::{Audit, Identity, Lockout, Passwords};
use routing::{Route, Upstream};
use sessions::Sessions;
use surroundings::{Activity, Admin, Branding, Log, Shutdown, SignIn};
use tls::Tls;

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
    pub tls: Option<Tls>,
    /// Whose word about a visitor's address is taken; nobody's where there are none.
    pub trusted_proxies: Vec<Network>,
    /// Whether these say whose connection it is before its first byte, and nobody else is served.
    pub proxy_protocol: bool,
    /// Where sessions and accounts are kept.
    pub store: Store,
    /// Where accounts and the journal are kept, if apart from sessions; only with [`Store::Redis`].
    pub records: Option<RecordsIn>,
    /// What keys are made from; none only with [`Store::Memory`], where one is made at start.
    #[serde(serialize_with = "redacted")]
    pub secret: Option<RootSecret>,
    /// The apps by name.
    pub upstreams: BTreeMap<String, Upstream>,
    /// What goes where; the first match wins.
    pub routes: Vec<Route>,
    /// Signing in.
    pub sign_in: SignIn,
    /// How long visitors stay signed in.
    pub sessions: Sessions,
    /// Rules for passwords.
    pub passwords: Passwords,
    /// When an account is locked.
    pub lockout: Lockout,
    /// What the journal keeps.
    pub audit: Audit,
    /// What a client may ask of a connection.
    pub limits: Limits,
    /// How the app learns who is calling.
    pub identity: Identity,
    /// Metrics and health.
    pub admin: Admin,
    /// Logs.
    pub log: Log,
    /// Names of pages.
    pub activity: Activity,
    /// Stopping.
    pub shutdown: Shutdown,
    /// The look of the pages.
    pub branding: Branding,
}

impl Config {
    /// What a file means. Where a complaint was filed at the desk, something stands in for what could not be read.
    pub(super) fn of(file: File, desk: &Desk) -> Self {
        let insecure_http = file.insecure_http.is_some_and(|written| written.value);
        let public_url = entrance::public_url(file.public_url, insecure_http, file.at, desk);
        let bare_is_fine = insecure_http || file.tls.is_some() || desk.knows("tls");
        let listen = entrance::listen(file.listen, public_url.as_ref(), bare_is_fine, file.at, desk);
        let tls = Tls::of(file.tls, public_url.as_ref(), &listen, desk);
        let trusted_proxies = entrance::trusted_proxies(file.trusted_proxies, desk);
        let store = keeping::store(file.store, file.store_file, desk);
        let records = keeping::records(file.records, file.records_file, &store, desk);
        let secret = keeping::secret(file.secret, file.secret_file, &store, file.at, desk);
        let limits = Limits::of(file.limits, desk);
        let bodies = limits.body_size;
        let routing = routing::Routing::of(file.upstream, file.upstreams, file.routes, bodies, file.at, desk);
        let redirects = tls.iter().flat_map(|tls| &tls.redirect_from);
        let admin = Admin::of(file.admin, listen.iter().chain(redirects), desk);
        routing.refuse_self(&listen, desk);
        let host = public_url.as_ref().map_or("localhost", |url| url.host()).to_owned();
        Self {
            public_url: public_url.unwrap_or_else(|| PublicUrl::loopback(SocketAddr::from(([127, 0, 0, 1], 8080)))),
            listen,
            insecure_http,
            tls,
            proxy_protocol: entrance::proxy_protocol(file.proxy_protocol, &trusted_proxies, desk),
            trusted_proxies,
            store,
            records,
            secret,
            upstreams: routing.upstreams,
            routes: routing.routes,
            sign_in: SignIn::of(file.sign_in),
            sessions: Sessions::of(file.sessions, desk),
            passwords: Passwords::of(file.passwords, desk),
            lockout: Lockout::of(file.lockout, desk),
            audit: Audit::of(file.audit, desk),
            limits,
            identity: Identity::of(file.identity, desk),
            admin,
            log: Log::of(file.log),
            activity: Activity::of(file.activity, desk),
            shutdown: Shutdown::of(file.shutdown, desk),
            branding: Branding::of(file.branding, host),
        }
    }

    /// Whether the addresses of visitors are known, and not only that of what ends TLS in front of us.
    #[must_use]
    pub fn knows_visitors(&self) -> bool {
        !self.public_url.is_https() || self.tls.is_some() || !self.trusted_proxies.is_empty()
    }

    /// What follows where they are not, and the mend.
    #[must_use]
    pub fn hides_visitors(&self) -> Option<&'static str> {
        const WARNING: &str = "trusted_proxies: is empty, so all visitors share the address of what ends TLS in front: tries to \
                               sign in are counted by account only, and connections in all; write the network of what passes \
                               requests on, such as [127.0.0.1/32] for this machine, and let it append to X-Forwarded-For";
        if self.knows_visitors() { None } else { Some(WARNING) }
    }

    /// A configuration for a look around: store in memory, one app, everything else by default.
    #[must_use]
    pub fn demo(listen: SocketAddr, app: SocketAddr) -> Self {
        let public_url = PublicUrl::loopback(listen);
        Self {
            branding: Branding { app_name: "Demo".to_owned(), ..Branding::default() },
            listen: vec![listen],
            insecure_http: !listen.ip().is_loopback(),
            tls: None,
            public_url,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            store: Store::Memory,
            records: None,
            secret: None,
            upstreams: BTreeMap::from([("app".to_owned(), Upstream::of_server(app.into()))]),
            routes: vec![Route::everything_to("app", None)],
            sign_in: SignIn::default(),
            sessions: Sessions::default(),
            passwords: Passwords::default(),
            lockout: Lockout::default(),
            audit: Audit::default(),
            limits: Limits::default(),
            identity: Identity::default(),
            admin: Admin::default(),
            log: Log::default(),
            activity: Activity::default(),
            shutdown: Shutdown::default(),
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
