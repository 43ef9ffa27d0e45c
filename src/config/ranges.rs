//! Numbers and lengths within what is sensible.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::RawField;
use crate::config::value::duration::{DurationOrNever, FiniteDuration, MAX_DURATION, format_duration};
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

/// A length within a range, or none.
pub(super) fn duration_or_never(
    field: RawField<DurationOrNever>,
    default: DurationOrNever,
    range: &RangeInclusive<Duration>,
    diagnostics: &Diagnostics,
) -> DurationOrNever {
    let Some(field) = field else { return default };
    if let Some(message) = field.value.duration().and_then(|length| range_error(length, range)) {
        field.report(diagnostics, message);
    }
    field.value
}

/// A number within a range.
pub(super) fn count(field: RawField<u32>, default: u32, range: &RangeInclusive<u32>, diagnostics: &Diagnostics) -> u32 {
    let Some(field) = field else { return default };
    if !range.contains(&field.value) {
        let (least, most) = (range.start(), range.end());
        field.report(diagnostics, format!("{} is out of range; write a number from {least} to {most}", field.value));
    }
    field.value
}

/// A size within a range.
pub(super) fn size(
    field: RawField<ByteSize>,
    default: ByteSize,
    range: &RangeInclusive<ByteSize>,
    diagnostics: &Diagnostics,
) -> ByteSize {
    let Some(field) = field else { return default };
    if field.value < *range.start() {
        field.report(diagnostics, format!("{} is too small; write at least {}", field.value, range.start()));
    } else if field.value > *range.end() {
        field.report(diagnostics, format!("{} is too large; write at most {}", field.value, range.end()));
    }
    field.value
}

fn range_error(length: Duration, range: &RangeInclusive<Duration>) -> Option<String> {
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
