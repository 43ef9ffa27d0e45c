//! What a reload can not apply: it is bound when the program starts.

use super::{Config, LimitSettings, TlsSettings};

impl Config {
    /// The keys that differ in `new` and count only after a restart. Everything else is applied by a reload.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        // Taken apart, so that a new key has to be put on one side or the other.
        let Self {
            public_url,
            listen,
            insecure_http,
            tls,
            trusted_proxies,
            proxy_protocol,
            store,
            records,
            secret,
            admin,
            log,
            shutdown,
            limits,
            upstreams: _,
            routes: _,
            sign_in: _,
            sessions,
            passwords,
            lockout: _,
            audit: _,
            activity: _,
            branding: _,
            identity: _,
        } = self;
        // Taken apart for the same reason. What a body may be is part of the routes.
        let LimitSettings {
            head_size,
            headers,
            head_deadline,
            body_size: _,
            body_idle,
            write_idle,
            slow_readers_per_session,
            slow_readers_per_address,
            keep_alive,
            requests_per_connection,
            connections_per_address,
            http2_streams,
        } = limits;
        [
            ("public_url", *public_url != new.public_url),
            ("listen", *listen != new.listen),
            ("insecure_http", *insecure_http != new.insecure_http),
            ("tls", tls.is_some() != new.tls.is_some()),
            ("tls.redirect_from", differs(tls, &new.tls, |tls| &tls.redirect_from)),
            ("tls.hsts", differs(tls, &new.tls, |tls| &tls.hsts)),
            ("trusted_proxies", *trusted_proxies != new.trusted_proxies),
            ("proxy_protocol", *proxy_protocol != new.proxy_protocol),
            ("store", *store != new.store),
            ("records", *records != new.records),
            ("secret", *secret != new.secret),
            ("sessions.cookie_name", sessions.cookie_name != new.sessions.cookie_name),
            ("passwords.memory", passwords.memory != new.passwords.memory),
            ("admin.listen", *admin != new.admin),
            ("log.format", log.format != new.log.format),
            ("log.level", log.level != new.log.level),
            ("log.access", log.access != new.log.access),
            ("shutdown.drain", shutdown.drain != new.shutdown.drain),
            ("shutdown.grace", shutdown.grace != new.shutdown.grace),
            ("limits.head_size", *head_size != new.limits.head_size),
            ("limits.headers", *headers != new.limits.headers),
            ("limits.head_deadline", *head_deadline != new.limits.head_deadline),
            ("limits.body_idle", *body_idle != new.limits.body_idle),
            ("limits.write_idle", *write_idle != new.limits.write_idle),
            ("limits.slow_readers_per_session", *slow_readers_per_session != new.limits.slow_readers_per_session),
            ("limits.slow_readers_per_address", *slow_readers_per_address != new.limits.slow_readers_per_address),
            ("limits.keep_alive", *keep_alive != new.limits.keep_alive),
            ("limits.requests_per_connection", *requests_per_connection != new.limits.requests_per_connection),
            ("limits.connections_per_address", *connections_per_address != new.limits.connections_per_address),
            ("limits.http2_streams", *http2_streams != new.limits.http2_streams),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

/// Whether TLS stays, and this of it does not.
#[expect(clippy::ref_option, reason = "both are fields")]
fn differs<T: PartialEq>(
    old: &Option<TlsSettings>,
    new: &Option<TlsSettings>,
    part: impl Fn(&TlsSettings) -> &T,
) -> bool {
    old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| part(old) != part(new))
}
