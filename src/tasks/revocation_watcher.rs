//! Cuts what is in flight for sessions that have ended, whoever ended them and wherever: by the log of ends. And what is in
//! flight for any session, when that log could not be read for too long: nobody can tell then who is still signed in.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use super::{CheckStreams, ReapplyEnds, Task};
use crate::{
    clock::{Clock, Stopwatch},
    metrics::Metrics,
    proxy::{CancelReason, InFlight},
    session::{EndLog, EndLogPage, EndLogPosition, SessionPolicy},
    store_error::StoreError,
};

/// How often it looks where it gets no hint.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Watches the log of ends.
pub struct RevocationWatcher {
    parts: RevocationWatcherParts,
    state: Mutex<WatchState>,
}

/// Parts of the watcher.
pub struct RevocationWatcherParts {
    /// Log of ended sessions.
    pub store: Arc<dyn EndLog>,
    /// Requests in flight.
    pub in_flight: Arc<InFlight>,
    /// Check of each session, where the log does not tell all.
    pub stream_check: Arc<CheckStreams>,
    /// Memory of ends, in case the store forgets them.
    pub reapply: Arc<ReapplyEnds>,
    /// How long streams go on without the store.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// Clock.
    pub clock: Clock,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// Position read so far.
struct WatchState {
    /// How far; none where nothing was read yet.
    position: Option<EndLogPosition>,
    /// Since the beginning of the last look that succeeded.
    last_success: Stopwatch,
    store_away: bool,
}

impl RevocationWatcher {
    /// A watch that has read nothing yet.
    #[must_use]
    pub fn new(parts: RevocationWatcherParts) -> Self {
        let seen = WatchState { position: None, last_success: parts.clock.stopwatch(), store_away: false };
        Self { parts, state: Mutex::new(seen) }
    }

    /// Reads what is new in the log and cuts what it is about; tells how many requests it cut.
    pub async fn run_once(&self) -> usize {
        let mut seen = self.state.lock().await;
        let mut cut = 0;
        loop {
            match self.poll(&mut seen).await {
                Ok(ends) => {
                    cut += self.apply_ends(&ends, seen.position.is_some());
                    seen.position = Some(ends.next);
                    if ends.ended.is_empty() {
                        return cut;
                    }
                }
                Err(away) => return cut + self.handle_outage(&mut seen, &away),
            }
        }
    }

    /// No look takes longer than streams may go on without an answer.
    async fn poll(&self, seen: &mut WatchState) -> Result<EndLogPage, StoreError> {
        let begun = self.parts.clock.stopwatch();
        let rest = self.parts.policy.load().stream_grace.saturating_sub(seen.last_success.elapsed());
        let reading = async {
            match self.parts.store.end_log(seen.position.as_ref()).await {
                // One line that cannot be read must not hide those behind it: it is passed over, and each session looked at.
                Err(StoreError::Unreadable(why)) if seen.position.is_some() => {
                    error!(error = %why, "End log entry unreadable");
                    let ends = self.parts.store.end_log(None).await?;
                    Ok(EndLogPage { has_gap: true, ..ends })
                }
                // What was let through before the first look may have ended before it, too.
                read => read.map(|ends| EndLogPage { has_gap: ends.has_gap || seen.position.is_none(), ..ends }),
            }
        };
        let in_time = timeout(rest.max(POLL_INTERVAL), reading).await;
        let ends =
            in_time.unwrap_or_else(|_| Err(StoreError::Unavailable("the log of ends was not read in time".into())))?;
        seen.last_success = begun;
        if std::mem::take(&mut seen.store_away) {
            info!("End log readable again");
        }
        Ok(ends)
    }

    fn apply_ends(&self, ends: &EndLogPage, seen: bool) -> usize {
        if ends.has_gap {
            self.parts.stream_check.invalidate_all();
            // Not for the first look: nothing was seen before it.
            if seen {
                warn!(
                    "The store has forgotten what it told before: it was emptied, put back or replaced; all is looked at anew"
                );
                self.parts.reapply.request_reapply();
            }
        }
        if ends.ended.is_empty() {
            return 0;
        }
        self.parts.reapply.remember(&ends.ended);
        let gone: Vec<_> = ends
            .ended
            .iter()
            .map(|(session, ended)| (*session, CancelReason::from_end_reason(&ended.reason)))
            .collect();
        let cut = self.parts.in_flight.cancel_sessions(&gone);
        let now = self.parts.clock.now();
        for (_, ended) in &ends.ended {
            self.parts.metrics.end_propagated(now.since(ended.at));
        }
        cut
    }

    /// Request that was let through a moment ago: it was evaluated with a store that answered then: it has its time, too.
    fn handle_outage(&self, seen: &mut WatchState, away: &StoreError) -> usize {
        if !std::mem::replace(&mut seen.store_away, true) {
            warn!(error = %away, "End log unreadable");
        }
        let outlive = self.parts.policy.load().stream_grace;
        if seen.last_success.elapsed() < outlive {
            return 0;
        }
        let cut = self.parts.in_flight.cancel_older(outlive, CancelReason::StoreUnavailable);
        if cut > 0 {
            warn!(cut, "Streams cut, sessions cannot be checked: store is away");
        }
        cut
    }
}

#[async_trait]
impl Task for RevocationWatcher {
    /// Returns at a hint, or when it is time to look.
    async fn due(&self) {
        let outlive = self.parts.policy.load().stream_grace;
        let seen = self.state.lock().await;
        let rest = if seen.store_away { outlive.saturating_sub(seen.last_success.elapsed()) } else { POLL_INTERVAL };
        drop(seen);
        let wait = if rest.is_zero() { POLL_INTERVAL } else { rest.min(POLL_INTERVAL) };
        tokio::select! {
            () = self.parts.store.wait_for_end() => {}
            () = sleep(wait) => {}
        }
    }

    async fn run(&self) {
        self.run_once().await;
    }
}
