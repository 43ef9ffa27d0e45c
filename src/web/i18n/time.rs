//! Times as a person says them: near ones by how long ago, far ones by their date.
//!
//! The server does not know the visitor's time zone: an absolute time is in UTC and says so, and each comes as a
//! [`When`], whose `<time>` element the script turns into local time.

use std::time::Duration;

use askama::{Template, filters::HtmlSafe};
use icu_calendar::{Date, Gregorian};
use icu_datetime::{
    FixedCalendarDateTimeFormatter, fieldsets,
    fieldsets::enums::DateAndTimeFieldSet,
    input::{DateTime, Time},
};
use icu_locale_core::Locale;

use super::{Localizer, TextArg};
use crate::clock::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment, ready for the page as `<time>`.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(
    source = r#"<time datetime="{{ datetime }}"{% if format.is_absolute() %} data-local="{{ format.script_format() }}"{% else %} title="{{ full }}"{% endif %}>{{ text }}</time>"#,
    ext = "html"
)]
pub struct TimeElement {
    /// As it reads in its sentence, or the whole phrase.
    pub text: String,
    /// For `datetime`.
    pub datetime: String,
    /// In full, with its time zone.
    pub full: String,
    format: TimeFormat,
}

// The template above escapes each part.
impl HtmlSafe for TimeElement {}

/// How a moment is told; the script puts what is absolute into local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeFormat {
    Relative,
    DateAndTime,
    TimeOfDay,
}

impl TimeFormat {
    const fn is_absolute(self) -> bool {
        !matches!(self, Self::Relative)
    }

    const fn script_format(self) -> &'static str {
        match self {
            Self::Relative => "",
            Self::DateAndTime => "full",
            Self::TimeOfDay => "time",
        }
    }
}

type DateFormatter<Fields> = FixedCalendarDateTimeFormatter<Gregorian, Fields>;

/// Writes dates and times of one language.
pub(super) struct DateFormats {
    day: DateFormatter<fieldsets::MD>,
    day_of_year: DateFormatter<fieldsets::YMD>,
    full: DateFormatter<DateAndTimeFieldSet>,
    clock: DateFormatter<fieldsets::T>,
}

impl DateFormats {
    pub(super) fn new(locale: &Locale) -> Self {
        const COMPILED_IN: &str = "dates of every language are compiled in";
        let full = DateFormatter::try_new(locale.into(), fieldsets::YMD::long().with_time_hm());
        Self {
            day: DateFormatter::try_new(locale.into(), fieldsets::MD::long()).expect(COMPILED_IN),
            day_of_year: DateFormatter::try_new(locale.into(), fieldsets::YMD::long()).expect(COMPILED_IN),
            full: full.expect(COMPILED_IN).cast_into_fset(),
            clock: DateFormatter::try_new(locale.into(), fieldsets::T::hm()).expect(COMPILED_IN),
        }
    }
}

impl Localizer {
    /// When something happened, in the message `key`: it chooses by `$unit` (`now`, `minutes`, `hours`, `yesterday`,
    /// `days`, `date`) and gets `$count` and `$date`.
    #[must_use]
    pub fn time_ago(&self, key: &str, at: Timestamp, now: Timestamp) -> TimeElement {
        let seconds = now.since(at).as_secs();
        let (unit, count) = match seconds {
            0..MINUTE => ("now", 0),
            MINUTE..HOUR => ("minutes", seconds / MINUTE),
            HOUR..DAY => ("hours", seconds / HOUR),
            _ if seconds < 2 * DAY => ("yesterday", 1),
            _ if seconds < 14 * DAY => ("days", seconds / DAY),
            _ => ("date", 0),
        };
        self.relative(key, unit, count, at, now)
    }

    /// When something will happen, to the nearest minute, hour or day, in the message `key`: it chooses by `$unit`
    /// (`moment`, `minutes`, `hours`, `days`, `date`) and gets `$count` and `$date`.
    #[must_use]
    pub fn time_until(&self, key: &str, at: Timestamp, now: Timestamp) -> TimeElement {
        let seconds = at.since(now).as_secs();
        let nearest = |unit: u64| (seconds + unit / 2) / unit;
        let (unit, count) = match seconds {
            0..MINUTE => ("moment", 0),
            _ if nearest(MINUTE) < 60 => ("minutes", nearest(MINUTE)),
            _ if nearest(HOUR) < 24 => ("hours", nearest(HOUR)),
            _ if nearest(DAY) <= 30 => ("days", nearest(DAY)),
            _ => ("date", 0),
        };
        self.relative(key, unit, count, at, now)
    }

    /// A moment by date and time, in UTC.
    #[must_use]
    pub fn absolute(&self, at: Timestamp) -> TimeElement {
        let full = self.full(at);
        TimeElement { text: full.clone(), datetime: at.rfc3339(), full, format: TimeFormat::DateAndTime }
    }

    /// A moment of today by its time, in UTC.
    #[must_use]
    pub fn time_of_day(&self, at: Timestamp) -> TimeElement {
        let time = to_utc(at).map(|at| self.dates.clock.format(&at.time).to_string()).unwrap_or_default();
        let text = self.text_with("in-utc", &[("when", time.into())]);
        TimeElement { text, datetime: at.rfc3339(), full: self.full(at), format: TimeFormat::TimeOfDay }
    }

    /// A length of time in its largest whole unit, rounded up: "29 minutes", "7 days".
    #[must_use]
    pub fn duration(&self, span: Duration) -> String {
        let seconds = span.as_secs();
        let (unit, count) = match seconds {
            _ if seconds >= DAY && seconds.is_multiple_of(DAY) => ("days", seconds / DAY),
            _ if seconds >= HOUR && seconds.is_multiple_of(HOUR) => ("hours", seconds / HOUR),
            _ if seconds < 2 * MINUTE && !seconds.is_multiple_of(MINUTE) => ("seconds", seconds),
            _ if seconds > 2 * DAY => ("days", seconds.div_ceil(DAY)),
            _ => ("minutes", seconds.div_ceil(MINUTE).max(1)),
        };
        self.text_with("span", &[("unit", TextArg::Choice(unit)), ("count", count.into())])
    }

    fn relative(&self, key: &str, unit: &'static str, count: u64, at: Timestamp, now: Timestamp) -> TimeElement {
        let args = [("unit", TextArg::Choice(unit)), ("count", count.into()), ("date", self.date(at, now).into())];
        TimeElement {
            text: self.text_with(key, &args),
            datetime: at.rfc3339(),
            full: self.full(at),
            format: TimeFormat::Relative,
        }
    }

    /// The day, with its year when it is not the one that runs.
    fn date(&self, at: Timestamp, now: Timestamp) -> String {
        match (to_utc(at), to_utc(now)) {
            (Some(at), Some(now)) if at.date.year().extended_year() == now.date.year().extended_year() => {
                self.dates.day.format(&at.date).to_string()
            }
            (Some(at), _) => self.dates.day_of_year.format(&at.date).to_string(),
            (None, _) => at.rfc3339(),
        }
    }

    fn full(&self, at: Timestamp) -> String {
        let full = to_utc(at).map_or_else(|| at.rfc3339(), |at| self.dates.full.format(&at).to_string());
        self.text_with("in-utc", &[("when", full.into())])
    }
}

/// The moment as calendar and clock show it in UTC; none beyond the calendar's end.
fn to_utc(at: Timestamp) -> Option<DateTime<Gregorian>> {
    let at = jiff::Timestamp::from_second(at.as_seconds()).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).ok();
    Some(DateTime {
        date: Date::try_new_gregorian(i32::from(at.year()), part(at.month())?, part(at.day())?).ok()?,
        time: Time::try_new(part(at.hour())?, part(at.minute())?, part(at.second())?, 0).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_264_200_000); // 2026-11-21T12:30:00Z

    #[test]
    fn how_long_ago() {
        let localizer = Localizer::for_language(None);
        for (seconds, seen, last_active) in [
            (0, "Active now", "Active now"),
            (59, "Active now", "Active now"),
            (60, "1 minute ago", "Last active 1 minute ago"),
            (119, "1 minute ago", "Last active 1 minute ago"),
            (120, "2 minutes ago", "Last active 2 minutes ago"),
            (HOUR - 1, "59 minutes ago", "Last active 59 minutes ago"),
            (HOUR, "1 hour ago", "Last active 1 hour ago"),
            (2 * HOUR, "2 hours ago", "Last active 2 hours ago"),
            (DAY - 1, "23 hours ago", "Last active 23 hours ago"),
            (DAY, "Yesterday", "Last active yesterday"),
            (2 * DAY - 1, "Yesterday", "Last active yesterday"),
            (2 * DAY, "2 days ago", "Last active 2 days ago"),
            (14 * DAY - 1, "13 days ago", "Last active 13 days ago"),
            (14 * DAY, "7 November", "Last active on 7 November"),
            (366 * DAY, "20 November 2025", "Last active on 20 November 2025"),
        ] {
            let at = NOW.minus(Duration::from_secs(seconds));
            assert_eq!(localizer.time_ago("seen", at, NOW).text, seen, "{seconds}");
            assert_eq!(localizer.time_ago("last-active", at, NOW).text, last_active, "{seconds}");
        }
        assert_eq!(
            localizer.time_ago("seen", NOW.plus(Duration::from_secs(90)), NOW).text,
            "Active now",
            "a clock that is ahead"
        );
    }

    #[test]
    fn how_soon() {
        let localizer = Localizer::for_language(None);
        for (seconds, said) in [
            (0, "signs out in less than a minute"),
            (59, "signs out in less than a minute"),
            (60, "signs out in 1 minute"),
            (14 * MINUTE + 29, "signs out in 14 minutes"),
            (HOUR - 31, "signs out in 59 minutes"),
            (HOUR - 30, "signs out in 1 hour"),
            (23 * HOUR, "signs out in 23 hours"),
            (24 * HOUR - 1, "signs out in 1 day"),
            (7 * DAY - 40, "signs out in 7 days"),
            (30 * DAY, "signs out in 30 days"),
            (31 * DAY, "signs out on 22 December"),
            (60 * DAY, "signs out on 20 January 2027"),
        ] {
            assert_eq!(
                localizer.time_until("signs-out", NOW.plus(Duration::from_secs(seconds)), NOW).text,
                said,
                "{seconds}"
            );
        }
    }

    #[test]
    fn absolute_times_name_their_zone() {
        let localizer = Localizer::for_language(None);
        assert_eq!(localizer.absolute(NOW).text, "21 November 2026 at 12:30 UTC");
        assert_eq!(localizer.time_of_day(NOW).text, "12:30 UTC");
        assert_eq!(localizer.absolute(NOW).datetime, "2026-11-21T12:30:00Z");
        assert_eq!(
            localizer.absolute(Timestamp::from_millis(i64::MAX)).datetime,
            "",
            "beyond the calendar nothing breaks"
        );
    }

    #[test]
    fn spans() {
        let localizer = Localizer::for_language(None);
        for (seconds, said) in [
            (0, "1 minute"),
            (1, "1 second"),
            (MINUTE, "1 minute"),
            (90, "90 seconds"),
            (2 * MINUTE + 1, "3 minutes"),
            (29 * MINUTE - 5, "29 minutes"),
            (HOUR, "1 hour"),
            (90 * MINUTE, "90 minutes"),
            (DAY, "1 day"),
            (7 * DAY, "7 days"),
            (30 * DAY - 5, "30 days"),
        ] {
            assert_eq!(localizer.duration(Duration::from_secs(seconds)), said);
        }
    }
}
