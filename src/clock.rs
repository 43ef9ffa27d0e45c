//! Clock of the program, and its points in time.
//!
//! Every rule takes the time as an argument; every service is given a [`Clock`] when it is built. No other file reads
//! the time (`layers::only_the_clock_reads_the_time`), so that a test can move it by hand.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Largest tolerated clock difference between processes that share a store.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(10);

/// Point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Duration since `earlier`; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Timestamp later by the duration.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// Timestamp earlier by the duration.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// RFC 3339 text in UTC, to the second, as in the API.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.as_seconds()).map_or_else(|_| String::new(), |at| at.to_string())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Smallest reported step of the machine's clock against the time of this run, in milliseconds.
const MIN_STEP_MILLIS: i64 = 60_000;

/// Source of time: the machine, another machine, or a test.
#[derive(Clone, Debug)]
pub struct Clock(TimeSource);

#[derive(Clone, Debug)]
enum TimeSource {
    System,
    /// Clock of another machine, as last synchronized.
    Followed(Arc<FollowedClock>),
    Manual(Arc<AtomicI64>),
}

/// Estimate of another machine's clock.
#[derive(Debug)]
struct FollowedClock {
    /// Monotonic start: independent of this machine's wall clock.
    started: Instant,
    /// Time of the other clock at that start, in milliseconds.
    start_millis: AtomicI64,
}

impl Clock {
    /// The machine's clock as it was at the start of this process, and the time since: steady, whoever sets that clock
    /// meanwhile. It goes on while the machine is suspended.
    ///
    /// Invariant: inside one run, time neither goes back nor jumps. `clock::tests::a_run_has_a_time_of_its_own`.
    #[must_use]
    pub const fn system() -> Self {
        Self(TimeSource::System)
    }

    /// Creates a clock that follows another machine's, which several instances ask, so that all agree. Until it is
    /// [synchronized](Clock::synchronize) it is this machine's.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn following() -> Self {
        let (since, now) = (Instant::now(), Self::system().now());
        Self(TimeSource::Followed(Arc::new(FollowedClock {
            started: since,
            start_millis: AtomicI64::new(now.as_millis()),
        })))
    }

    /// Synchronizes with the other machine: it answered `remote_now` to a question sent when `round_trip` was started. The
    /// answer was true at some moment in between: the clock is corrected only where that contradicts it, and no further
    /// than needed, so that a slow answer does no harm.
    pub fn synchronize(&self, remote_now: Timestamp, round_trip: Stopwatch) {
        let TimeSource::Followed(led) = &self.0 else { return };
        let here = millis(led.started.elapsed());
        let latest = remote_now.as_millis() - (here - millis(round_trip.elapsed()));
        let earliest = remote_now.as_millis() - here;
        let zero = led.start_millis.load(Ordering::SeqCst);
        // A millisecond is the least that either of us tells.
        led.start_millis.store(zero.clamp(earliest - 1, latest + 1), Ordering::SeqCst);
    }

    /// Creates a clock that stands still until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(TimeSource::Manual(Arc::new(AtomicI64::new(start.as_millis()))))
    }

    /// Advances a manual clock; other clocks cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Manual(at) = &self.0 {
            at.fetch_add(millis(by), Ordering::SeqCst);
        }
    }

    /// Sets a manual clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        if let TimeSource::Manual(at) = &self.0 {
            at.store(now.as_millis(), Ordering::SeqCst);
        }
    }

    /// How far the machine's clock is ahead of the time of this run, in milliseconds, where somebody has set it since this
    /// was last told.
    #[must_use]
    pub fn take_step(&self) -> Option<i64> {
        static TOLD: AtomicI64 = AtomicI64::new(0);
        let TimeSource::System = &self.0 else { return None };
        let ahead = wall_clock().as_millis() - self.now().as_millis();
        let is_news = (ahead - TOLD.load(Ordering::Relaxed)).abs() >= MIN_STEP_MILLIS;
        is_news.then(|| {
            TOLD.store(ahead, Ordering::Relaxed);
            ahead
        })
    }

    /// Current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::System => PROCESS_START.time_of(uptime()),
            TimeSource::Followed(led) => {
                Timestamp(led.start_millis.load(Ordering::SeqCst).saturating_add(millis(led.started.elapsed())))
            }
            TimeSource::Manual(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Wall-clock time to the microsecond, for log lines only: no decision depends on it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn log_time() -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// Deadline after this duration, for a timer that is reset.
    #[must_use]
    pub fn deadline(span: Duration) -> tokio::time::Instant {
        tokio::time::Instant::now() + span
    }

    /// Starts a stopwatch, for durations in logs and metrics; it always runs on the machine's monotonic clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch(Instant::now())
    }
}

/// The beginning of this run.
static PROCESS_START: LazyLock<ProcessStart> =
    LazyLock::new(|| ProcessStart { uptime: uptime(), wall_clock: wall_clock() });

struct ProcessStart {
    /// Uptime of the machine.
    uptime: Duration,
    /// Wall-clock time of the machine.
    wall_clock: Timestamp,
}

impl ProcessStart {
    fn time_of(&self, running: Duration) -> Timestamp {
        self.wall_clock.plus(running.saturating_sub(self.uptime))
    }
}

/// Wall-clock time of the machine.
#[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
fn wall_clock() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis))
}

/// Uptime of the machine, suspended or not; it cannot be set.
fn uptime() -> Duration {
    let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock since 2.6.39");
    since_boot.into()
}

/// Stopwatch on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Time since it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_led_clock_goes_by_the_others() {
        let clock = Clock::following();
        let asked = clock.stopwatch();
        std::thread::sleep(Duration::from_millis(20));
        for said in [Timestamp::from_millis(1_000_000), Timestamp::from_millis(7)] {
            clock.synchronize(said, asked);
            let off = clock.now().as_millis() - said.as_millis();
            assert!((-1..=5_000).contains(&off), "{off}: it was true when it was said, or a little earlier");
        }
        // An answer that agrees, however late it came, changes nothing.
        let before = clock.now();
        clock.synchronize(before.minus(Duration::from_millis(10)), asked);
        assert!(clock.now() >= before);
    }

    #[test]
    fn a_run_has_a_time_of_its_own() {
        // Whatever the machine's clock shows by now, it is not asked.
        let start = ProcessStart { uptime: Duration::from_secs(100), wall_clock: Timestamp::from_millis(7_000) };
        assert_eq!(start.time_of(Duration::from_secs(103)), Timestamp::from_millis(10_000));
        assert_eq!(start.time_of(Duration::from_secs(99)), Timestamp::from_millis(7_000));
        let (wall, now) = (wall_clock(), Clock::system().now());
        assert!(wall.since(now) < Duration::from_secs(5) && now.since(wall) < Duration::from_secs(5));
    }

    #[test]
    fn since_is_never_negative() {
        let early = Timestamp::from_millis(1_000);
        assert_eq!(early.plus(Duration::from_secs(2)).since(early), Duration::from_secs(2));
        assert_eq!(early.since(early.plus(Duration::from_secs(2))), Duration::ZERO);
    }

    #[test]
    fn the_api_writes_utc_to_the_second() {
        assert_eq!(Timestamp::from_millis(1_767_225_600_999).rfc3339(), "2026-01-01T00:00:00Z");
    }
}
