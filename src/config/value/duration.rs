//! Lengths of time: `500ms`, `30s`, `15m`, `12h`, `7d`, `2w`, several of them in a row (`1h30m`), and `never`.

use std::fmt::Write;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serializer;

use crate::config::diagnostics::quote_node;
use crate::config::from_node::FromScalar;
use crate::config::tree::{Node, NodeValue};
use crate::session::TimeLimit;

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest length that may be written; longer is `never`.
pub(in crate::config) const MAX_DURATION: Duration = Duration::from_hours(87_600);

impl FromScalar for TimeLimit {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        const HINT: &str = "write 30s, 15m, 12h, 7d or never";
        if node.text() == Some("never") { Ok(Self::Never) } else { parse_node(node, HINT).map(Self::After) }
    }
}

/// A length of time that has an end, as it is written in the file.
#[derive(Clone, Copy, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^([0-9]+(ms|s|m|h|d|w))+$"))]
pub(in crate::config) struct FiniteDuration(pub(in crate::config) Duration);

impl FromScalar for FiniteDuration {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        const HINT: &str = "write 30s, 15m, 12h or 7d";
        if node.text() == Some("never") {
            return Err(format!("can not be never; {HINT}"));
        }
        parse_node(node, HINT).map(Self)
    }
}

impl JsonSchema for TimeLimit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeLimit".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(never|([0-9]+(ms|s|m|h|d|w))+)$" })
    }
}

fn parse_node(node: &Node, hint: &str) -> Result<Duration, String> {
    let length = match &node.value {
        NodeValue::Number(_) => return Err(format!("is a bare number; {hint}")),
        NodeValue::Text(text) => {
            parse(text).ok_or_else(|| format!("{} is not a length of time; {hint}", quote_node(node)))?
        }
        _ => return Err(format!("wants a length of time, not {}; {hint}", node.kind())),
    };
    if length > MAX_DURATION {
        return Err(format!("is longer than {}; write a shorter one", format_duration(MAX_DURATION)));
    }
    Ok(length)
}

/// Reads a length; units go from long to short and each appears once.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0_u64;
    let mut longest_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (amount, behind) = rest.split_at(digits);
        let end = behind.find(|letter: char| letter.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let (_, milliseconds) = *UNITS.iter().find(|(name, _)| *name == unit)?;
        if milliseconds >= longest_unit {
            return None;
        }
        longest_unit = milliseconds;
        total = total.checked_add(amount.parse::<u64>().ok()?.checked_mul(milliseconds)?)?;
        rest = behind;
    }
    (longest_unit != u64::MAX).then(|| Duration::from_millis(total))
}

/// Writes a length as an operator would; weeks are written as days.
pub(in crate::config) fn format_duration(length: Duration) -> String {
    let mut rest = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut written = String::new();
    for (unit, milliseconds) in &UNITS[1..] {
        if rest >= *milliseconds {
            let _ = write!(written, "{}{unit}", rest / milliseconds);
            rest %= milliseconds;
        }
    }
    if written.is_empty() { "0s".to_owned() } else { written }
}

/// Serializes a length the way it is written in the file.
pub(in crate::config) fn serialize<S: Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read() {
        for (written, seconds) in [
            ("0s", 0),
            ("30s", 30),
            ("15m", 900),
            ("12h", 43_200),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1h30m", 5_400),
        ] {
            assert_eq!(parse(written), Some(Duration::from_secs(seconds)), "{written}");
        }
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse("1s250ms"), Some(Duration::from_millis(1_250)));
    }

    #[test]
    fn what_is_no_length_is_not_read() {
        for written in [
            "",
            "s",
            "7",
            "7 d",
            "7D",
            "-7d",
            "1.5h",
            "7days",
            "30m1h",
            "1h1h",
            "1d7",
            "99999999999999999999d",
            "1y",
            "١s",
        ] {
            assert_eq!(parse(written), None, "{written}");
        }
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for written in ["0s", "100ms", "2s", "1m30s", "1h", "1d", "180d", "1d12h"] {
            assert_eq!(parse(written).map(format_duration).as_deref(), Some(written));
        }
        assert_eq!(format_duration(Duration::from_hours(24)), "1d");
    }
}
