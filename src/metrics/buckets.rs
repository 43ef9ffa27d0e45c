//! Histogram buckets of durations.

/// Request durations in seconds: from a session look-up to a slow page.
pub(super) const REQUEST_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Check durations in seconds: from microseconds to the timeout of an unavailable store.
pub(super) const CHECK_BUCKETS: &[f64] =
    &[0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];
/// Propagation delays of ends in seconds: from an end in this process to one that arrives without a hint.
pub(super) const PROPAGATION_BUCKETS: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 10.0, 60.0];
