//! A connection of a client, or a stream of one of HTTP/2, and whose request it carries: written by its own task alone, and
//! read by whoever cuts.

use std::{
    future::poll_fn,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;

use crate::{
    id::SessionId,
    proxy::in_flight::{
        cancel_reason::CancelReason, lock::lock, private_connections::PrivateConnections, read_timeout::ReadTimeout,
        registry::InFlight, slow_readers::SlowReaders, write_progress::WriteProgress,
    },
};

/// A connection, and the session that it serves at this moment.
#[derive(Debug)]
pub struct InFlightSlot {
    in_flight: Arc<InFlight>,
    /// Its place on the list.
    key: u64,
    /// How many requests have come on it.
    request_number: AtomicU64,
    session: [AtomicU64; 2],
    /// Since when the request is on it, in milliseconds of the list's clock; 0: it is nobody's.
    bound_at: AtomicU64,
    /// Which request shall be cut, and why.
    cancel_requested: AtomicU64,
    /// Which one was.
    cancelled: AtomicU64,
    waker: AtomicWaker,
    /// Of the client that asks; of IPv6 a /64. None where it carries many visitors.
    network: Mutex<Option<IpAddr>>,
    /// What is sent to the client.
    pub(in crate::proxy) write_progress: Arc<WriteProgress>,
    /// For how long the app may be silent.
    pub(in crate::proxy) read_timeout: ReadTimeout,
    /// Connections to apps that nobody else may use.
    pub(in crate::proxy) private_connections: PrivateConnections,
}

tokio::task_local! {
    /// The line of the connection that is being served.
    static CURRENT: Arc<InFlightSlot>;
}

impl InFlightSlot {
    /// The line with this place on the list.
    pub(super) fn new(in_flight: Arc<InFlight>, key: u64) -> Self {
        let [request, first, second, since, ordered, done] = [const { AtomicU64::new(0) }; 6];
        let clock = in_flight.clock();
        Self {
            in_flight,
            key,
            request_number: request,
            session: [first, second],
            bound_at: since,
            cancel_requested: ordered,
            cancelled: done,
            waker: AtomicWaker::new(),
            network: Mutex::default(),
            write_progress: Arc::new(WriteProgress::new(clock)),
            read_timeout: ReadTimeout::new(clock),
            private_connections: PrivateConnections::default(),
        }
    }

    /// The line of the connection that is served by the task that asks. None: nobody could cut what it serves, and so it
    /// must serve nothing.
    pub(in crate::proxy) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Serves a connection on this line.
    pub(in crate::proxy) async fn scope<T>(self: Arc<Self>, serving: impl Future<Output = T>) -> T {
        CURRENT.scope(self, serving).await
    }

    /// Another request begins.
    pub fn begin_request(&self) {
        self.request_number.fetch_add(1, SeqCst);
        self.read_timeout.reset();
        self.set_network(None);
    }

    /// The request comes from this network, where that is one client's.
    pub(in crate::proxy) fn set_network(&self, network: Option<IpAddr>) {
        *lock(&self.network) = network;
    }

    /// Where the request comes from, where that is one client's network.
    pub(super) fn network(&self) -> Option<IpAddr> {
        *lock(&self.network)
    }

    /// The session of the request.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.bound_request(0).map(|(_, session, _)| session)
    }

    /// Time by which the timers of requests go.
    pub(in crate::proxy) fn now(&self) -> Duration {
        self.in_flight.clock().elapsed()
    }

    /// All slow readers.
    pub(in crate::proxy) fn slow_readers(&self) -> &Arc<SlowReaders> {
        self.in_flight.slow_readers()
    }

    /// How many requests have come on it: the number of the one that is under way.
    pub(in crate::proxy) fn request_number(&self) -> u64 {
        self.request_number.load(SeqCst)
    }

    /// What must be read before a request is judged, for [`Line::serve`].
    #[must_use]
    pub fn end_epoch(&self) -> u64 {
        self.in_flight.end_epoch()
    }

    /// The request is of this session, judged good after `told` was read. False: it may have ended since; what counts is
    /// what holds now.
    #[must_use]
    pub fn bind_session(&self, session: SessionId, epoch: u64) -> bool {
        for (cell, word) in self.session.iter().zip(session.words()) {
            cell.store(word, SeqCst);
        }
        self.bound_at.store(self.in_flight.now_millis() + 1, SeqCst);
        let is_current = self.end_epoch() == epoch || !self.in_flight.has_ended(session, epoch);
        if !is_current {
            self.unbind_session();
        }
        is_current
    }

    /// The request is over.
    pub fn unbind_session(&self) {
        self.bound_at.store(0, SeqCst);
    }

    /// Returns when the request that is under way shall be cut.
    pub async fn cancelled(&self) -> CancelReason {
        poll_fn(|context| {
            self.waker.register(context.waker());
            let (ordered, request) = (self.cancel_requested.load(SeqCst), self.request_number.load(SeqCst));
            // One that was meant for a request before this one came too late: that one is over.
            match unpack(ordered).filter(|(number, _)| *number == request) {
                Some((_, reason)) => {
                    self.cancelled.store(ordered, SeqCst);
                    Poll::Ready(reason)
                }
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Why the request that is under way was cut, where it was.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        let (number, reason) = unpack(self.cancelled.load(SeqCst))?;
        (number == self.request_number.load(SeqCst)).then_some(reason)
    }

    /// From now on this request shall be cut.
    pub(in crate::proxy) fn request_cancel(&self, request: u64, reason: CancelReason) {
        // Never back: who cuts beside us may have seen a later request.
        self.cancel_requested.fetch_max(pack(request, reason), SeqCst);
        self.waker.wake();
    }

    /// Which request is under way, of which session, and for how long. None where it is nobody's: if it becomes somebody's
    /// now, its own task sees what was told before.
    pub(super) fn bound_request(&self, now: u64) -> Option<(u64, SessionId, Duration)> {
        loop {
            let (request, since) = (self.request_number.load(SeqCst), self.bound_at.load(SeqCst));
            if since == 0 {
                return None;
            }
            let session = SessionId::from_words([self.session[0].load(SeqCst), self.session[1].load(SeqCst)]);
            if (request, since) == (self.request_number.load(SeqCst), self.bound_at.load(SeqCst)) {
                return Some((request, session, Duration::from_millis((now + 1).saturating_sub(since))));
            }
        }
    }
}

/// Number of a request and the reason for which it is cancelled, as one atomic holds them: of two, the later request is greater.
const fn pack(request: u64, reason: CancelReason) -> u64 {
    request << 8 | reason.as_u8() as u64
}

/// What [`pack`] made; none of 0.
const fn unpack(packed: u64) -> Option<(u64, CancelReason)> {
    let [.., reason] = packed.to_be_bytes();
    match CancelReason::from_u8(reason) {
        Some(reason) => Some((packed >> 8, reason)),
        None => None,
    }
}

impl Drop for InFlightSlot {
    fn drop(&mut self) {
        self.in_flight.deregister(self.key);
    }
}
