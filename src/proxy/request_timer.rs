//! Timer of requests in flight: when the app has been silent for too long, when the client is a slow reader, and when it has
//! taken nothing for so long that it is cut.
//!
//! A timer that is moved costs more than one that is let go off too early. So it is moved only to an earlier time, and what is
//! due is looked up when it goes off.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Sleep;

use super::{Cut, Limits, Line, slow_readers::SlowReader};
use crate::clock::Clock;

/// Timer of the requests of one line, one after the other.
pub(super) struct RequestTimer<'a> {
    sleep: Pin<&'a mut Sleep>,
    /// When it goes off, by the line's clock.
    at: Option<Duration>,
    limits: &'a Limits,
    slow: Option<SlowReader>,
    /// Whether the app's time is up, and only the client holds it up.
    is_held: bool,
}

impl<'a> RequestTimer<'a> {
    pub(super) const fn new(sleep: Pin<&'a mut Sleep>, limits: &'a Limits) -> Self {
        Self { sleep, at: None, limits, slow: None, is_held: false }
    }

    /// Serves a request to its end, or until it is cut: then it is dropped, and its connections close, that of the app too.
    ///
    /// # Errors
    ///
    /// It was cut.
    pub(super) async fn serve<T>(&mut self, line: &Arc<Line>, serving: impl Future<Output = T>) -> Result<T, Cut> {
        let (mut serving, mut cut) = (pin!(serving), pin!(line.cut()));
        let served = poll_fn(|context| {
            if let Poll::Ready(cut) = cut.as_mut().poll(context) {
                return Poll::Ready(Err(cut));
            }
            if let Poll::Ready(served) = serving.as_mut().poll(context) {
                return Poll::Ready(Ok(served));
            }
            self.look(line, context);
            Poll::Pending
        })
        .await;
        self.slow = None;
        served
    }

    /// Does what is due, and sees to it that the task is woken for what is due next.
    fn look(&mut self, line: &Arc<Line>, context: &mut Context<'_>) {
        loop {
            let blocked = line.writes.blocked();
            if self.slow.as_ref().is_some_and(|slow| Some(slow.since) != blocked) {
                self.slow = None;
            }
            self.is_held &= blocked.is_some();
            let slow = blocked.filter(|_| self.slow.is_none()).map(|since| since + self.limits.slow_after);
            // Over HTTP/2 no write is pending while the windows are open, though the client reads nothing of its socket.
            let stalled = blocked.map(|since| since + self.limits.write_idle);
            let silent = if self.is_held { None } else { line.read_timeout.due(line.writes.taken()) };
            let Some(next) = slow.into_iter().chain(stalled).chain(silent).min() else { return };
            if self.at.is_none_or(|at| next < at) {
                self.sleep.as_mut().reset(Clock::deadline(next.saturating_sub(line.now())));
                self.at = Some(next);
            }
            if self.sleep.as_mut().poll(context).is_pending() {
                return;
            }
            self.at = None;
            let now = line.now();
            if stalled.is_some_and(|stalled| stalled <= now) {
                line.order(line.request(), Cut::WRITE_IDLE);
                return;
            }
            if let (Some(since), true) = (blocked, slow.is_some_and(|slow| slow <= now)) {
                self.slow = Some(line.slow_readers().enter(line, since, self.limits));
                line.writes.wake_when_taken(context.waker());
            }
            if silent.is_some_and(|silent| silent <= now) {
                // Who takes nothing keeps the app from being heard.
                self.is_held = line.writes.wake_when_taken(context.waker());
                if !self.is_held {
                    line.read_timeout.expire();
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
    use crate::proxy::Lines;

    #[tokio::test]
    async fn who_takes_nothing_for_too_long_is_cut_over_both_protocols() {
        let limits = Limits { write_idle: Duration::from_millis(20), ..Limits::default() };
        let lines = Arc::<Lines>::default();
        for is_http2 in [false, true] {
            let line = lines.open();
            line.begin();
            let sleep = pin!(tokio::time::sleep_until(Clock::deadline(limits.slow_after)));
            let mut timer = RequestTimer::new(sleep, &limits);
            let serving = async {
                let _piece = is_http2.then(|| line.writes.piece(Bytes::from_static(b"piece")));
                if !is_http2 {
                    line.writes.note(true);
                }
                std::future::pending::<()>().await;
            };
            assert_eq!(timer.serve(&line, serving).await, Err(Cut::WRITE_IDLE), "HTTP/2: {is_http2}");
            assert_eq!(line.was_cut(), Some(Cut::WRITE_IDLE));
        }
    }
}
