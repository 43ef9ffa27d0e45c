//! Cuts what is in flight for sessions that have ended, whoever ended them and wherever: by the log of ends. And what is in
//! flight for any session, when that log could not be read for too long: nobody can tell then who is still signed in.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use super::{CheckStreams, EndAgain};
use crate::{
    clock::{Clock, Stopwatch},
    metrics::Metrics,
    outage::StoreError,
    proxy::{Cut, Lines},
    session::{Ends, Mark, SessionPolicy, SessionStore},
};

/// How often it looks where it gets no hint.
const LOOK: Duration = Duration::from_millis(250);

/// Watches the log of ends.
pub struct WatchEnds {
    parts: WatchEndsParts,
    seen: Mutex<Seen>,
}

/// What it is made of.
pub struct WatchEndsParts {
    /// Where the log is.
    pub store: Arc<dyn SessionStore>,
    /// What is in flight.
    pub lines: Arc<Lines>,
    /// Who looks at each session where the log does not tell all.
    pub check: Arc<CheckStreams>,
    /// Who remembers what has ended, in case the store forgets it.
    pub again: Arc<EndAgain>,
    /// How long streams go on without the store.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What was read so far.
struct Seen {
    /// How far; none where nothing was read yet.
    mark: Option<Mark>,
    /// Since the beginning of the last look that succeeded.
    current: Stopwatch,
    away: bool,
}

impl WatchEnds {
    /// A watch that has read nothing yet.
    #[must_use]
    pub fn new(parts: WatchEndsParts) -> Self {
        let seen = Seen { mark: None, current: parts.clock.stopwatch(), away: false };
        Self { parts, seen: Mutex::new(seen) }
    }

    /// Waits for a hint, or until it is time to look.
    pub async fn due(&self) {
        let outlive = self.parts.policy.load().streams_outlive_store;
        let seen = self.seen.lock().await;
        let rest = if seen.away { outlive.saturating_sub(seen.current.elapsed()) } else { LOOK };
        drop(seen);
        let wait = if rest.is_zero() { LOOK } else { rest.min(LOOK) };
        tokio::select! {
            () = self.parts.store.end_hinted() => {}
            () = sleep(wait) => {}
        }
    }

    /// Reads what is new in the log and cuts what it is about; tells how many requests it cut.
    pub async fn run_once(&self) -> usize {
        let mut seen = self.seen.lock().await;
        let mut cut = 0;
        loop {
            match self.read(&mut seen).await {
                Ok(ends) => {
                    cut += self.act_on(&ends, seen.mark.is_some());
                    seen.mark = Some(ends.mark);
                    if ends.ended.is_empty() {
                        return cut;
                    }
                }
                Err(away) => return cut + self.without_the_store(&mut seen, &away),
            }
        }
    }

    /// No look takes longer than streams may go on without an answer.
    async fn read(&self, seen: &mut Seen) -> Result<Ends, StoreError> {
        let begun = self.parts.clock.stopwatch();
        let rest = self.parts.policy.load().streams_outlive_store.saturating_sub(seen.current.elapsed());
        let reading = async {
            match self.parts.store.ends(seen.mark.as_ref()).await {
                // One line that cannot be read must not hide those behind it: it is passed over, and each session looked at.
                Err(StoreError::Unreadable(why)) if seen.mark.is_some() => {
                    error!("A line of the log of ended sessions cannot be read: {why}");
                    let ends = self.parts.store.ends(None).await?;
                    Ok(Ends { gap: true, ..ends })
                }
                // What was let through before the first look may have ended before it, too.
                read => read.map(|ends| Ends { gap: ends.gap || seen.mark.is_none(), ..ends }),
            }
        };
        let in_time = timeout(rest.max(LOOK), reading).await;
        let ends = in_time.unwrap_or_else(|_| Err(StoreError::Away("the log of ends was not read in time".into())))?;
        seen.current = begun;
        if std::mem::take(&mut seen.away) {
            info!("The log of ended sessions can be read again");
        }
        Ok(ends)
    }

    fn act_on(&self, ends: &Ends, seen: bool) -> usize {
        if ends.gap {
            self.parts.check.doubt_all();
            // Not for the first look: nothing was seen before it.
            if seen {
                warn!(
                    "The store has forgotten what it told before: it was emptied, put back or replaced; all is looked at anew"
                );
                self.parts.again.doubt();
            }
        }
        if ends.ended.is_empty() {
            return 0;
        }
        self.parts.again.remember(&ends.ended);
        let gone: Vec<_> = ends.ended.iter().map(|(session, ended)| (*session, Cut::after(&ended.ending))).collect();
        let cut = self.parts.lines.cut(&gone);
        let now = self.parts.clock.now();
        for (_, ended) in &ends.ended {
            self.parts.metrics.end_propagated(now.since(ended.at));
        }
        cut
    }

    /// What was let through a moment ago was judged by a store that answered then: it has its time, too.
    fn without_the_store(&self, seen: &mut Seen, away: &StoreError) -> usize {
        if !std::mem::replace(&mut seen.away, true) {
            warn!("The log of ended sessions cannot be read: {away}");
        }
        let outlive = self.parts.policy.load().streams_outlive_store;
        if seen.current.elapsed() < outlive {
            return 0;
        }
        let cut = self.parts.lines.cut_guarded(outlive, Cut::STORE_AWAY);
        if cut > 0 {
            warn!(cut, "Cut open streams of signed-in visitors: nobody can tell whether their sessions have ended");
        }
        cut
    }
}
