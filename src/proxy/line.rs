//! A connection of a client, or a stream of one of HTTP/2, and whose request it carries: written by its own task alone, and
//! read by whoever cuts.

use std::{
    future::poll_fn,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;

use super::{
    Cut, Lines, client_writes::ClientWrites, private::PrivateConnections, read_timeout::ReadTimeout,
    slow_readers::SlowReaders,
};
use crate::id::SessionId;

/// A connection, and the session that it serves at this moment.
#[derive(Debug)]
pub struct Line {
    lines: Arc<Lines>,
    /// Its place on the list.
    key: u64,
    /// How many requests have come on it.
    request: AtomicU64,
    session: [AtomicU64; 2],
    /// Since when the request is on it, in milliseconds of the list's clock; 0: it is nobody's.
    since: AtomicU64,
    /// Which request shall be cut, and why.
    ordered: AtomicU64,
    /// Which one was.
    done: AtomicU64,
    waker: AtomicWaker,
    /// Of the client that asks; of IPv6 a /64. None where it carries many visitors.
    network: Mutex<Option<IpAddr>>,
    /// What is sent to the client.
    pub(super) writes: Arc<ClientWrites>,
    /// For how long the app may be silent.
    pub(super) read_timeout: ReadTimeout,
    /// Connections to apps that nobody else may use.
    pub(super) private: PrivateConnections,
}

tokio::task_local! {
    /// The line of the connection that is being served.
    static CURRENT: Arc<Line>;
}

impl Line {
    /// The line with this place on the list.
    pub(super) fn new(lines: Arc<Lines>, key: u64) -> Self {
        let [request, first, second, since, ordered, done] = [const { AtomicU64::new(0) }; 6];
        let clock = lines.clock();
        Self {
            lines,
            key,
            request,
            session: [first, second],
            since,
            ordered,
            done,
            waker: AtomicWaker::new(),
            network: Mutex::default(),
            writes: Arc::new(ClientWrites::new(clock)),
            read_timeout: ReadTimeout::new(clock),
            private: PrivateConnections::default(),
        }
    }

    /// The line of the connection that is served by the task that asks. None: nobody could cut what it serves, and so it
    /// must serve nothing.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Serves a connection on this line.
    pub(super) async fn scope<T>(self: Arc<Self>, serving: impl Future<Output = T>) -> T {
        CURRENT.scope(self, serving).await
    }

    /// Another request begins.
    pub fn begin(&self) {
        self.request.fetch_add(1, SeqCst);
        self.read_timeout.reset();
        self.comes_from(None);
    }

    /// The request comes from this network, where that is one client's.
    pub(super) fn comes_from(&self, network: Option<IpAddr>) {
        *self.network.lock().unwrap_or_else(PoisonError::into_inner) = network;
    }

    /// Where the request comes from, where that is one client's network.
    pub(super) fn network(&self) -> Option<IpAddr> {
        *self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of the request.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.serving(0).map(|(_, session, _)| session)
    }

    /// Time by which the timers of requests go.
    pub(super) fn now(&self) -> Duration {
        self.lines.clock().elapsed()
    }

    /// All slow readers.
    pub(super) fn slow_readers(&self) -> &Arc<SlowReaders> {
        self.lines.slow_readers()
    }

    /// How many requests have come on it: the number of the one that is under way.
    pub(super) fn request(&self) -> u64 {
        self.request.load(SeqCst)
    }

    /// What must be read before a request is judged, for [`Line::serve`].
    #[must_use]
    pub fn ends_told(&self) -> u64 {
        self.lines.told()
    }

    /// The request is of this session, judged good after `told` was read. False: it may have ended since; what counts is
    /// what holds now.
    #[must_use]
    pub fn serve(&self, session: SessionId, told: u64) -> bool {
        for (place, word) in self.session.iter().zip(session.words()) {
            place.store(word, SeqCst);
        }
        self.since.store(self.lines.millis() + 1, SeqCst);
        let good = self.ends_told() == told || !self.lines.has_ended(session, told);
        if !good {
            self.end();
        }
        good
    }

    /// The request is over.
    pub fn end(&self) {
        self.since.store(0, SeqCst);
    }

    /// Returns when the request that is under way shall be cut.
    pub async fn cut(&self) -> Cut {
        poll_fn(|context| {
            self.waker.register(context.waker());
            let (ordered, request) = (self.ordered.load(SeqCst), self.request.load(SeqCst));
            // One that was meant for a request before this one came too late: that one is over.
            match Cut::numbered(ordered & 0xff).filter(|_| ordered >> 8 == request) {
                Some(cut) => {
                    self.done.store(ordered, SeqCst);
                    Poll::Ready(cut)
                }
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Why the request that is under way was cut, where it was.
    #[must_use]
    pub fn was_cut(&self) -> Option<Cut> {
        let done = self.done.load(SeqCst);
        Cut::numbered(done & 0xff).filter(|_| done >> 8 == self.request.load(SeqCst))
    }

    /// From now on this request shall be cut.
    pub(super) fn order(&self, request: u64, cut: Cut) {
        // Never back: who cuts beside us may have seen a later request.
        self.ordered.fetch_max(request << 8 | cut.number(), SeqCst);
        self.waker.wake();
    }

    /// Which request is under way, of which session, and for how long. None where it is nobody's: if it becomes somebody's
    /// now, its own task sees what was told before.
    pub(super) fn serving(&self, now: u64) -> Option<(u64, SessionId, Duration)> {
        loop {
            let (request, since) = (self.request.load(SeqCst), self.since.load(SeqCst));
            if since == 0 {
                return None;
            }
            let session = SessionId::from_words([self.session[0].load(SeqCst), self.session[1].load(SeqCst)]);
            if (request, since) == (self.request.load(SeqCst), self.since.load(SeqCst)) {
                return Some((request, session, Duration::from_millis((now + 1).saturating_sub(since))));
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.lines.close(self.key);
    }
}
