//! Timer of requests in flight: read timeout of the app, and a client that is a slow reader, or takes nothing for so long that its
//! request is cancelled.
//!
//! To move a timer costs more than to let it fire too early. So it is moved only to an earlier time, and what is due is looked up
//! when it fires.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Sleep;

use crate::{
    clock::Clock,
    proxy::{
        http::limits::ConnectionLimits,
        in_flight::{cancel_reason::CancelReason, slot::InFlightSlot, slow_readers::SlowReaderGuard},
    },
};

/// Timer of the requests of one slot, one after the other.
pub(super) struct RequestTimer<'a> {
    sleep: Pin<&'a mut Sleep>,
    /// Time at which the timer fires, by the slot's clock.
    armed_for: Option<Duration>,
    limits: &'a ConnectionLimits,
    slow_reader: Option<SlowReaderGuard>,
    /// Whether the read timeout is over, and the client, which takes nothing, is what keeps the app from being heard.
    is_client_blocked: bool,
}

impl<'a> RequestTimer<'a> {
    pub(super) const fn new(sleep: Pin<&'a mut Sleep>, limits: &'a ConnectionLimits) -> Self {
        Self { sleep, armed_for: None, limits, slow_reader: None, is_client_blocked: false }
    }

    /// Serves a request to its end, or until it is cancelled: then it is dropped, and its connections close, that of the app too.
    ///
    /// # Errors
    ///
    /// The request was cancelled.
    pub(super) async fn run<T>(
        &mut self,
        slot: &Arc<InFlightSlot>,
        serving: impl Future<Output = T>,
    ) -> Result<T, CancelReason> {
        let (mut serving, mut reason) = (pin!(serving), pin!(slot.cancelled()));
        let served = poll_fn(|context| {
            if let Poll::Ready(reason) = reason.as_mut().poll(context) {
                return Poll::Ready(Err(reason));
            }
            if let Poll::Ready(served) = serving.as_mut().poll(context) {
                return Poll::Ready(Ok(served));
            }
            self.poll_deadlines(slot, context);
            Poll::Pending
        })
        .await;
        self.slow_reader = None;
        served
    }

    /// Handles the deadlines that are due, and has the task woken for the next one.
    fn poll_deadlines(&mut self, slot: &Arc<InFlightSlot>, context: &mut Context<'_>) {
        loop {
            let blocked = slot.write_progress.blocked_since();
            if self.slow_reader.as_ref().is_some_and(|reader| Some(reader.blocked_since) != blocked) {
                self.slow_reader = None;
            }
            self.is_client_blocked &= blocked.is_some();
            let slow_reader_due =
                blocked.filter(|_| self.slow_reader.is_none()).map(|since| since + self.limits.slow_after);
            // Over HTTP/2 no write is pending while the windows are open, though the client reads nothing of its socket.
            let stalled = blocked.map(|since| since + self.limits.write_idle);
            let silent = if self.is_client_blocked {
                None
            } else {
                slot.read_timeout.deadline(slot.write_progress.last_progress())
            };
            let Some(next) = slow_reader_due.into_iter().chain(stalled).chain(silent).min() else { return };
            if self.armed_for.is_none_or(|at| next < at) {
                self.sleep.as_mut().reset(Clock::deadline(next.saturating_sub(slot.now())));
                self.armed_for = Some(next);
            }
            if self.sleep.as_mut().poll(context).is_pending() {
                return;
            }
            self.armed_for = None;
            let now = slot.now();
            if stalled.is_some_and(|stalled| stalled <= now) {
                slot.request_cancel(slot.request_number(), CancelReason::WriteIdle);
                return;
            }
            if let (Some(since), true) = (blocked, slow_reader_due.is_some_and(|due| due <= now)) {
                self.slow_reader = Some(slot.slow_readers().register(slot, since, self.limits.slow_readers()));
                slot.write_progress.wake_on_progress(context.waker());
            }
            if silent.is_some_and(|silent| silent <= now) {
                // Who takes nothing keeps the app from being heard.
                self.is_client_blocked = slot.write_progress.wake_on_progress(context.waker());
                if !self.is_client_blocked {
                    slot.read_timeout.expire();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use bytes::Bytes;

    use super::*;
    use crate::proxy::in_flight::registry::InFlight;

    #[tokio::test]
    async fn who_takes_nothing_for_too_long_is_cut_over_both_protocols() {
        let limits = ConnectionLimits { write_idle: Duration::from_millis(20), ..ConnectionLimits::default() };
        let in_flight = Arc::<InFlight>::default();
        for is_http2 in [false, true] {
            let slot = in_flight.register();
            slot.begin_request();
            let sleep = pin!(tokio::time::sleep_until(Clock::deadline(limits.slow_after)));
            let mut timer = RequestTimer::new(sleep, &limits);
            let serving = async {
                let _piece = is_http2.then(|| slot.write_progress.track_chunk(Bytes::from_static(b"piece")));
                if !is_http2 {
                    slot.write_progress.record_write(true);
                }
                std::future::pending::<()>().await;
            };
            assert_eq!(timer.run(&slot, serving).await, Err(CancelReason::WriteIdle), "HTTP/2: {is_http2}");
            assert_eq!(slot.cancel_reason(), Some(CancelReason::WriteIdle));
        }
    }
}
