//! A town behind Portcullis: the whole program without a socket, a clock that is moved by hand, people with browsers, and a
//! store whose weather the story makes.
//!
//! Every answer that passes through here is held to the house rules ([`answer::house_rules`]), whatever its story is about.

mod answer;
mod browser;
mod people;
mod witness;

pub(crate) use answer::{Answer, Arrived, Reply};
pub(crate) use browser::{ANDROID, Ask, Browser, CURL, IPHONE, MAC, WINDOWS};
pub(crate) use people::{PASSWORD, Person};
pub(crate) use witness::Weather;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
use witness::Witness;

/// 2026-11-21T12:00:00Z, when every story begins.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A second less.
pub(crate) const fn just_under(span: Duration) -> Duration {
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
pub(crate) struct Town {
    pub(crate) parts: Components,
    portcullis: Portcullis,
    public_url: &'static str,
    routes: &'static str,
    witness: Arc<Witness>,
    /// What no answer may repeat.
    secrets: Mutex<Vec<String>>,
    requests: AtomicU64,
    _folder: Option<tempfile::TempDir>,
}

impl Town {
    /// As the defaults have it, over https, kept in memory.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With these settings besides.
    pub(crate) fn with(settings: &str) -> Self {
        Self::founded(HTTPS, ROUTES, settings, None)
    }

    /// Over plain http on this machine.
    pub(crate) fn on_http() -> Self {
        Self::founded(LOOPBACK, ROUTES, "", None)
    }

    /// With these routes and no others.
    pub(crate) fn with_routes(routes: &'static str) -> Self {
        Self::founded(HTTPS, routes, "", None)
    }

    /// One town kept in memory and one kept in a file, for stories whose ending the store decides.
    pub(crate) fn on_each_store() -> [Self; 2] {
        Self::on_each_store_with_routes(ROUTES)
    }

    /// The same, with these routes and no others.
    pub(crate) fn on_each_store_with_routes(routes: &'static str) -> [Self; 2] {
        let folder = tempfile::tempdir().unwrap();
        [Self::with_routes(routes), Self::founded(HTTPS, routes, "", Some(folder))]
    }

    fn founded(
        public_url: &'static str,
        routes: &'static str,
        settings: &str,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        let config = config(public_url, routes, settings);
        let in_file = |folder: &tempfile::TempDir| EmbeddedStore::open(&folder.path().join("portcullis.db")).unwrap();
        let store = folder.as_ref().map_or_else(|| EmbeddedStore::in_memory().unwrap(), in_file);
        let store = Stores::from_single(Arc::new(store));
        let witness = Arc::new(Witness::over(store));
        let cheap = HashCost { memory: 8, passes: 1 };
        let parts = Components::new(&config, Stores::from_single(witness.clone()), Clock::manual(NOON), cheap);
        let portcullis = parts.portcullis();
        Self {
            parts,
            portcullis,
            public_url,
            routes,
            witness,
            secrets: Mutex::default(),
            requests: AtomicU64::new(0),
            _folder: folder,
        }
    }

    /// A browser at a desk that nobody has signed in with.
    pub(crate) fn stranger(&self) -> Browser<'_> {
        Browser::new(self, MAC)
    }

    /// From now on with these settings, as a reload would have it.
    pub(crate) fn rule(&self, settings: &str) {
        self.parts.settings.apply(&config(self.public_url, self.routes, settings));
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.parts.clock.advance(by);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Writes the hits that are due; says of how many sessions.
    pub(crate) async fn flush(&self) -> usize {
        self.heartbeats().run_once(false).await
    }

    /// Time passes, and the hits until then are written.
    pub(crate) async fn pass(&self, span: Duration) {
        self.flush().await;
        self.advance(span);
        self.flush().await;
    }

    pub(crate) async fn sweep(&self) -> SweepReport {
        self.try_to_sweep().await.unwrap()
    }

    pub(crate) async fn try_to_sweep(&self) -> Result<SweepReport, StoreError> {
        self.parts.sweep().run_once().await
    }

    /// What the store does from now on.
    pub(crate) fn weather(&self, weather: Weather) {
        self.witness.set(weather);
    }

    /// Everything that was written to the journal, oldest first.
    pub(crate) fn journal(&self) -> Vec<AuditEntry> {
        self.witness.entries()
    }

    /// The names of what was written to the journal, oldest first.
    pub(crate) fn told(&self) -> Vec<&'static str> {
        self.journal().iter().map(|entry| entry.event.name()).collect()
    }

    /// Lets one answer go that [`Weather::KeepsAnswersOf`] keeps.
    pub(crate) fn answer(&self) {
        self.witness.answer();
    }

    /// How often the store was asked for this.
    pub(crate) fn asked(&self, op: &str) -> usize {
        self.witness.asked(op)
    }

    /// The rules of the counters of each try.
    pub(crate) fn counters(&self) -> Vec<Vec<witness::Rule>> {
        self.witness.counters()
    }

    /// The value of a series, by its name and labels as Prometheus reads them.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let series = format!("portcullis_{series} ");
        let text = self.parts.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(&series));
        value.unwrap_or_else(|| panic!("there is no {series}in\n{text}")).parse().unwrap()
    }

    /// From now on no answer may hold this.
    pub(crate) fn keep_secret(&self, text: &str) {
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
    pub(crate) fn cookie(&self) -> &'static str {
        if self.is_https() { "__Host-portcullis" } else { "portcullis" }
    }

    fn host(&self) -> &'static str {
        self.public_url.rsplit('/').next().unwrap()
    }

    fn next_request(&self) -> String {
        format!("req-{}", self.requests.fetch_add(1, Ordering::SeqCst))
    }

    fn heartbeats(&self) -> FlushHeartbeats {
        let parts = &self.parts;
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
pub(crate) fn config_of_tests() -> Config {
    config(HTTPS, ROUTES, "")
}

fn config(public_url: &str, routes: &str, settings: &str) -> Config {
    let text = format!(
        "public_url: {public_url}\nlisten: 127.0.0.1:8080\nstore: memory\nupstreams:\n  app: {{ servers: \
         [http://127.0.0.1:3000] }}\nroutes:{routes}\n{settings}\n"
    );
    Config::from_text(&text, Path::new("portcullis.yaml"), Path::new("/nowhere"), &|_| None)
        .unwrap_or_else(|complaints| panic!("{complaints}"))
}
