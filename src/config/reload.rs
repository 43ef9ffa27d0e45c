//! What a reload can not apply: it is bound when the program starts.

use super::Config;

impl Config {
    /// The keys that differ in `new` and count only after a restart. Everything else is applied by a reload.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        // Taken apart, so that a new key has to be put on one side or the other.
        let Self {
            public_url,
            listen,
            insecure_http,
            store,
            records,
            secret,
            identity,
            admin,
            log,
            shutdown,
            upstreams: _,
            routes: _,
            sign_in: _,
            sessions: _,
            passwords: _,
            lockout: _,
            activity: _,
            branding: _,
        } = self;
        [
            ("public_url", *public_url != new.public_url),
            ("listen", *listen != new.listen),
            ("insecure_http", *insecure_http != new.insecure_http),
            ("store", *store != new.store),
            ("records", *records != new.records),
            ("secret", *secret != new.secret),
            ("identity", *identity != new.identity),
            ("admin.listen", *admin != new.admin),
            ("log.format", log.format != new.log.format),
            ("log.level", log.level != new.log.level),
            ("log.access", log.access != new.log.access),
            ("shutdown.drain", shutdown.drain != new.shutdown.drain),
            ("shutdown.grace", shutdown.grace != new.shutdown.grace),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
