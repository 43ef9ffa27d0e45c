//! `shutdown`: drain and grace period.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::describe::section;
use crate::config::value::duration::FiniteDuration;

const RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);

section! {
    /// Drain and grace period between the signal to stop and the end.
    pub struct ShutdownSettings {
        /// How long new requests are still taken while `/readyz` already says no, so that a balancer can look away.
        restart drain: Duration as FiniteDuration = Duration::from_secs(5), RANGE;
        /// How long requests that have begun may then take to finish.
        restart grace: Duration as FiniteDuration = Duration::from_secs(30), RANGE;
    }
}
