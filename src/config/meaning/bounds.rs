//! Numbers and lengths within what is sensible.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::complaint::Desk;
use crate::config::read::Field;
use crate::config::value::length::{LONGEST, Length, Span, format};
use crate::config::value::size::Size;

/// From this length up.
pub(super) fn from(least: Duration) -> RangeInclusive<Duration> {
    least..=LONGEST
}

/// A length within a range.
pub(super) fn length(
    field: Field<Length>,
    default: Duration,
    range: &RangeInclusive<Duration>,
    desk: &Desk,
) -> Duration {
    let Some(field) = field else { return default };
    if let Some(message) = outside(field.value.0, range) {
        field.complain(desk, message);
    }
    field.value.0
}

/// A length within a range, or none.
pub(super) fn span(field: Field<Span>, default: Span, range: &RangeInclusive<Duration>, desk: &Desk) -> Span {
    let Some(field) = field else { return default };
    if let Some(message) = field.value.duration().and_then(|length| outside(length, range)) {
        field.complain(desk, message);
    }
    field.value
}

/// A number within a range.
pub(super) fn count(field: Field<u32>, default: u32, range: &RangeInclusive<u32>, desk: &Desk) -> u32 {
    let Some(field) = field else { return default };
    if !range.contains(&field.value) {
        let (least, most) = (range.start(), range.end());
        field.complain(desk, format!("{} is out of range; write a number from {least} to {most}", field.value));
    }
    field.value
}

/// A size within a range.
pub(super) fn size(field: Field<Size>, default: Size, range: &RangeInclusive<Size>, desk: &Desk) -> Size {
    let Some(field) = field else { return default };
    if field.value < *range.start() {
        field.complain(desk, format!("{} is too small; write at least {}", field.value, range.start()));
    } else if field.value > *range.end() {
        field.complain(desk, format!("{} is too large; write at most {}", field.value, range.end()));
    }
    field.value
}

fn outside(length: Duration, range: &RangeInclusive<Duration>) -> Option<String> {
    if length < *range.start() {
        return Some(format!("{} is too short; write at least {}", format(length), format(*range.start())));
    }
    (length > *range.end()).then(|| format!("{} is too long; write at most {}", format(length), format(*range.end())))
}
