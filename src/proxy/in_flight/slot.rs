//! Slot of the registry: one HTTP/1.1 connection or one HTTP/2 stream, and the session that its request is bound to.
//!
//! Written by its own task alone, and read by tasks that cancel. Without a slot no request is served: it could not be cancelled.

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

/// Slot of a connection or stream, with the session that its request is bound to at this moment.
#[derive(Debug)]
pub struct InFlightSlot {
    in_flight: Arc<InFlight>,
    /// Key of the slot in the registry.
    key: u64,
    /// Number of the request under way; counts from 1.
    request_number: AtomicU64,
    session: [AtomicU64; 2],
    /// Time at which the request was bound to the session, in milliseconds of the registry's clock, plus 1; 0 where it is bound to
    /// none.
    bound_at: AtomicU64,
    /// Number of the request to cancel, and the reason ([`pack`]).
    cancel_requested: AtomicU64,
    /// Number of the request that was cancelled, and the reason ([`pack`]).
    cancelled: AtomicU64,
    waker: AtomicWaker,
    /// Network of the client, of IPv6 a /64; none where it is a proxy, which carries many visitors.
    network: Mutex<Option<IpAddr>>,
    /// Progress of writes to the client.
    pub(in crate::proxy) write_progress: Arc<WriteProgress>,
    /// Read timeout of the app.
    pub(in crate::proxy) read_timeout: ReadTimeout,
    /// Connections to apps that only this client connection may use.
    pub(in crate::proxy) private_connections: PrivateConnections,
}

tokio::task_local! {
    /// Slot of the connection or stream that the task serves.
    static CURRENT: Arc<InFlightSlot>;
}

impl InFlightSlot {
    /// Slot with this key.
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

    /// Slot of the connection or stream that the current task serves. None: what it serves could not be cancelled, and so it must
    /// serve nothing.
    pub(in crate::proxy) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Runs the task that serves the connection or stream of this slot.
    pub(in crate::proxy) async fn scope<T>(self: Arc<Self>, serving: impl Future<Output = T>) -> T {
        CURRENT.scope(self, serving).await
    }

    /// Begins the next request.
    pub fn begin_request(&self) {
        self.request_number.fetch_add(1, SeqCst);
        self.read_timeout.reset();
        self.set_network(None);
    }

    /// Sets the network that the request comes from, where that is one client's.
    pub(in crate::proxy) fn set_network(&self, network: Option<IpAddr>) {
        *lock(&self.network) = network;
    }

    /// Network that the request comes from, where that is one client's.
    pub(super) fn network(&self) -> Option<IpAddr> {
        *lock(&self.network)
    }

    /// Session that the request is bound to.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.bound_request(0).map(|(_, session, _)| session)
    }

    /// Time of the registry's clock.
    pub(in crate::proxy) fn now(&self) -> Duration {
        self.in_flight.clock().elapsed()
    }

    /// Slow readers of the registry.
    pub(in crate::proxy) fn slow_readers(&self) -> &Arc<SlowReaders> {
        self.in_flight.slow_readers()
    }

    /// Number of the request under way.
    pub(in crate::proxy) fn request_number(&self) -> u64 {
        self.request_number.load(SeqCst)
    }

    /// Number of ends so far; to be read before a request is evaluated, for [`InFlightSlot::bind_session`].
    #[must_use]
    pub fn end_epoch(&self) -> u64 {
        self.in_flight.end_epoch()
    }

    /// Binds the request to a session that was found good after `epoch` was read. False: the session may have ended since, and the
    /// request must be evaluated again.
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

    /// Unbinds the request from its session: it is over.
    pub fn unbind_session(&self) {
        self.bound_at.store(0, SeqCst);
    }

    /// Waits until the request under way is cancelled.
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

    /// Reason for which the request under way was cancelled, if it was.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        let (number, reason) = unpack(self.cancelled.load(SeqCst))?;
        (number == self.request_number.load(SeqCst)).then_some(reason)
    }

    /// Cancels a request, if it is still under way.
    pub(in crate::proxy) fn request_cancel(&self, request: u64, reason: CancelReason) {
        // Never back: who cuts beside us may have seen a later request.
        self.cancel_requested.fetch_max(pack(request, reason), SeqCst);
        self.waker.wake();
    }

    /// Number of the request under way, its session, and how long it has been bound. None where it is bound to none: if it is bound
    /// now, its own task sees the ends before.
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

/// Number and reason that [`pack`] put together; none of 0.
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
