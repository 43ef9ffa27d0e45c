//! Numbers and lengths within what is sensible.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::describe::Bounded as _;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::RawField;
use crate::config::value::duration::{FiniteDuration, MAX_DURATION, format_duration};
use crate::config::value::size::ByteSize;

/// From this length up.
pub(super) fn at_least(least: Duration) -> RangeInclusive<Duration> {
    least..=MAX_DURATION
}

/// A length within a range.
pub(super) fn duration(
    field: RawField<FiniteDuration>,
    default: Duration,
    range: &RangeInclusive<Duration>,
    diagnostics: &Diagnostics,
) -> Duration {
    let Some(field) = field else { return default };
    if let Some(message) = range_error(field.value.0, range) {
        field.report(diagnostics, message);
    }
    field.value.0
}

/// A size within a range.
pub(super) fn size(
    field: RawField<ByteSize>,
    default: ByteSize,
    range: &RangeInclusive<ByteSize>,
    diagnostics: &Diagnostics,
) -> ByteSize {
    let Some(field) = field else { return default };
    if let Some(message) = field.value.range_error(range) {
        field.report(diagnostics, message);
    }
    field.value
}

/// What is wrong with a length outside a range.
pub(super) fn range_error(length: Duration, range: &RangeInclusive<Duration>) -> Option<String> {
    if length < *range.start() {
        return Some(format!(
            "{} is too short; write at least {}",
            format_duration(length),
            format_duration(*range.start())
        ));
    }
    (length > *range.end())
        .then(|| format!("{} is too long; write at most {}", format_duration(length), format_duration(*range.end())))
}
