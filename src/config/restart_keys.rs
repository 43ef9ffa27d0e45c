//! What a reload can not apply: it is bound when the program starts.

use super::describe::DescribedSection as _;
use super::{Config, TlsSettings};

impl Config {
    /// The keys that differ in `new` and count only after a restart. Everything else is applied by a reload.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<String> {
        let mut keys: Vec<String> = [
            ("public_url", self.public_url != new.public_url),
            ("listen", self.listen != new.listen),
            ("insecure_http", self.insecure_http != new.insecure_http),
            ("tls", self.tls.is_some() != new.tls.is_some()),
            ("tls.redirect_from", differs(&self.tls, &new.tls, |tls| &tls.redirect_from)),
            ("tls.hsts", differs(&self.tls, &new.tls, |tls| &tls.hsts)),
            ("trusted_proxies", self.trusted_proxies != new.trusted_proxies),
            ("proxy_protocol", self.proxy_protocol != new.proxy_protocol),
            ("store", self.store != new.store),
            ("records", self.records != new.records),
            ("secret", self.secret != new.secret),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key.to_owned())
        .collect();
        self.sign_in.restart_keys(&new.sign_in, "sign_in", &mut keys);
        self.sessions.restart_keys(&new.sessions, "sessions", &mut keys);
        self.passwords.restart_keys(&new.passwords, "passwords", &mut keys);
        self.lockout.restart_keys(&new.lockout, "lockout", &mut keys);
        self.audit.restart_keys(&new.audit, "audit", &mut keys);
        self.admin.restart_keys(&new.admin, "admin", &mut keys);
        self.log.restart_keys(&new.log, "log", &mut keys);
        self.activity.restart_keys(&new.activity, "activity", &mut keys);
        self.shutdown.restart_keys(&new.shutdown, "shutdown", &mut keys);
        self.branding.restart_keys(&new.branding, "branding", &mut keys);
        self.limits.restart_keys(&new.limits, "limits", &mut keys);
        keys
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
