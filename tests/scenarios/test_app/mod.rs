//! A town behind Portcullis: the whole program without a socket, a clock that is moved by hand, people with browsers, and a
//! store with faults that the test chooses.
//!
//! Every answer that passes through here is held to the house rules ([`response::assert_response_rules`]), whatever its story is about.

mod browser;
mod faulty_store;
mod response;
mod users;

pub(crate) use browser::{ANDROID, Browser, CURL, IPHONE, MAC, TestRequest, WINDOWS};
pub(crate) use faulty_store::StoreFault;
pub(crate) use response::{ForwardedRequest, RequestOutcome, TestResponse};
pub(crate) use users::{PASSWORD, TestUser};

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use faulty_store::FaultyStore;
use portcullis::{
    account::HashCost,
    audit::AuditEntry,
    clock::{Clock, Timestamp},
    config::Config,
    portcullis::Portcullis,
    server::{Components, Stores},
    store::embedded::EmbeddedStore,
    store_error::StoreError,
    tasks::{FlushHeartbeats, SweepReport},
};

/// 2026-11-21T12:00:00Z, when every story begins.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A second less.
pub(crate) const fn one_second_less(span: Duration) -> Duration {
    span.saturating_sub(SECOND)
}

const HTTPS: &str = "https://app.example.com";
const LOOPBACK: &str = "http://localhost:8080";
const ROUTES: &str = "
  - { path: /assets, access: public, upstream: app }
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - { path: /reports, access: { roles: [editor, auditor] }, upstream: app }
  - { path: /api/poll, access: signed_in, counts_as_activity: false, upstream: app }
  - { path: /, access: signed_in, upstream: app }";

/// The program, its store, and the time of day.
pub(crate) struct TestApp {
    pub(crate) components: Components,
    portcullis: Portcullis,
    public_url: &'static str,
    routes: &'static str,
    faulty_store: Arc<FaultyStore>,
    /// What no answer may repeat.
    secrets: Mutex<Vec<String>>,
    request_count: AtomicU64,
    _folder: Option<tempfile::TempDir>,
}

impl TestApp {
    /// As the defaults have it, over https, kept in memory.
    pub(crate) fn new() -> Self {
        Self::with_settings("")
    }

    /// With these settings besides.
    pub(crate) fn with_settings(settings: &str) -> Self {
        Self::build(HTTPS, ROUTES, settings, None)
    }

    /// Over plain http on this machine.
    pub(crate) fn over_http() -> Self {
        Self::build(LOOPBACK, ROUTES, "", None)
    }

    /// With these routes and no others.
    pub(crate) fn with_routes(routes: &'static str) -> Self {
        Self::build(HTTPS, routes, "", None)
    }

    /// One town kept in memory and one kept in a file, for stories whose ending the store decides.
    pub(crate) fn on_each_store() -> [Self; 2] {
        Self::on_each_store_with_routes(ROUTES)
    }

    /// The same, with these routes and no others.
    pub(crate) fn on_each_store_with_routes(routes: &'static str) -> [Self; 2] {
        let folder = tempfile::tempdir().unwrap();
        [Self::with_routes(routes), Self::build(HTTPS, routes, "", Some(folder))]
    }

    fn build(
        public_url: &'static str,
        routes: &'static str,
        settings: &str,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        let config = config_with(public_url, routes, settings);
        let in_file = |folder: &tempfile::TempDir| EmbeddedStore::open(&folder.path().join("portcullis.db")).unwrap();
        let store = folder.as_ref().map_or_else(|| EmbeddedStore::in_memory().unwrap(), in_file);
        let store = Stores::from_single(Arc::new(store));
        let faulty_store = Arc::new(FaultyStore::new(store));
        let cheap = HashCost { memory: 8, passes: 1 };
        let parts = Components::new(&config, Stores::from_single(faulty_store.clone()), Clock::manual(NOON), cheap);
        let portcullis = parts.portcullis();
        Self {
            components: parts,
            portcullis,
            public_url,
            routes,
            faulty_store,
            secrets: Mutex::default(),
            request_count: AtomicU64::new(0),
            _folder: folder,
        }
    }

    /// A browser at a desk that nobody has signed in with.
    pub(crate) fn new_browser(&self) -> Browser<'_> {
        Browser::new(self, MAC)
    }

    /// From now on with these settings, as a reload would have it.
    pub(crate) fn reload(&self, settings: &str) {
        self.components.settings.apply(&config_with(self.public_url, self.routes, settings));
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.components.clock.advance(by);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.components.clock.now()
    }

    /// Writes the hits that are due; says of how many sessions.
    pub(crate) async fn flush(&self) -> usize {
        self.flush_task().run_once(false).await
    }

    /// Time passes, and the hits until then are written.
    pub(crate) async fn pass_time(&self, span: Duration) {
        self.flush().await;
        self.advance(span);
        self.flush().await;
    }

    pub(crate) async fn sweep(&self) -> SweepReport {
        self.try_to_sweep().await.unwrap()
    }

    pub(crate) async fn try_to_sweep(&self) -> Result<SweepReport, StoreError> {
        self.components.sweep().run_once().await
    }

    /// What the store does from now on.
    pub(crate) fn set_fault(&self, fault: StoreFault) {
        self.faulty_store.set_fault(fault);
    }

    /// Everything that was written to the journal, oldest first.
    pub(crate) fn audit_entries(&self) -> Vec<AuditEntry> {
        self.faulty_store.audit_entries()
    }

    /// The names of what was written to the journal, oldest first.
    pub(crate) fn audit_events(&self) -> Vec<&'static str> {
        self.audit_entries().iter().map(|entry| entry.event.name()).collect()
    }

    /// Lets one answer go that [`StoreFault::HoldsReplyOf`] keeps.
    pub(crate) fn release_reply(&self) {
        self.faulty_store.release_reply();
    }

    /// How often the store was asked for this.
    pub(crate) fn store_calls(&self, op: &str) -> usize {
        self.faulty_store.call_count(op)
    }

    /// The rules of the counters of each try.
    pub(crate) fn attempt_limits(&self) -> Vec<Vec<faulty_store::AttemptLimit>> {
        self.faulty_store.attempt_limits()
    }

    /// The value of a series, by its name and labels as Prometheus reads them.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let series = format!("portcullis_{series} ");
        let text = self.components.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(&series));
        value.unwrap_or_else(|| panic!("there is no {series}in\n{text}")).parse().unwrap()
    }

    /// From now on no answer may hold this.
    pub(crate) fn add_secret(&self, text: &str) {
        self.secrets.lock().unwrap().push(text.to_owned());
    }

    /// Everything that no answer and no log may hold.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
    }

    pub(crate) fn origin(&self) -> &'static str {
        self.public_url
    }

    fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    /// The name of the session's cookie.
    pub(crate) fn cookie_name(&self) -> &'static str {
        if self.is_https() { "__Host-portcullis" } else { "portcullis" }
    }

    fn host(&self) -> &'static str {
        self.public_url.rsplit('/').next().unwrap()
    }

    fn next_request_id(&self) -> String {
        format!("req-{}", self.request_count.fetch_add(1, Ordering::SeqCst))
    }

    fn flush_task(&self) -> FlushHeartbeats {
        let parts = &self.components;
        FlushHeartbeats {
            buffer: parts.heartbeats.clone(),
            store: parts.stores.sessions.clone(),
            policy: parts.settings.session.clone(),
            clock: parts.clock.clone(),
            metrics: parts.metrics.clone(),
        }
    }
}

/// A configuration for parts over a store of one's own.
pub(crate) fn test_config() -> Config {
    config_with(HTTPS, ROUTES, "")
}

fn config_with(public_url: &str, routes: &str, settings: &str) -> Config {
    let text = format!(
        "public_url: {public_url}\nlisten: 127.0.0.1:8080\nstore: memory\nupstreams:\n  app: {{ servers: \
         [http://127.0.0.1:3000] }}\nroutes:{routes}\n{settings}\n"
    );
    Config::from_text(&text, Path::new("portcullis.yaml"), Path::new("/nowhere"), &|_| None)
        .unwrap_or_else(|complaints| panic!("{complaints}"))
}
