//! Sizes: `32KiB`, `10MiB`, `1GiB`. In powers of two only, because `MB` is read in two ways.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::config::diagnostics::quote_node;
use crate::config::from_node::FromScalar;
use crate::config::tree::{Node, NodeValue};

/// The units, largest first, in bytes.
const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

const HINT: &str = "write 32KiB, 10MiB or 1GiB";

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(KiB|MiB|GiB)$"))]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many KiB.
    #[must_use]
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many GiB.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// How many bytes that is.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromScalar for ByteSize {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Number(_) => Err(format!("is a bare number; {HINT}")),
            NodeValue::Text(text) => parse(text).ok_or_else(|| format!("{} is not a size; {HINT}", quote_node(node))),
            _ => Err(format!("wants a size, not {}; {HINT}", node.kind())),
        }
    }
}

impl std::fmt::Display for ByteSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fits = |(_, bytes): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*bytes);
        // What was written has a unit, so that one of them always fits; nothing is as little in any of them.
        let (unit, bytes) = UNITS.iter().find(fits).unwrap_or(&UNITS[UNITS.len() - 1]);
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Digits and one unit.
fn parse(text: &str) -> Option<ByteSize> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (amount, unit) = text.split_at(digits);
    let (_, bytes) = *UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(ByteSize(amount.parse::<u64>().ok()?.checked_mul(bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for (written, bytes, shown) in [
            ("0KiB", 0, "0KiB"),
            ("32KiB", 32_768, "32KiB"),
            ("1024KiB", 1 << 20, "1MiB"),
            ("1025KiB", 1_049_600, "1025KiB"),
            ("10MiB", 10 << 20, "10MiB"),
            ("1GiB", 1 << 30, "1GiB"),
        ] {
            let size = parse(written).unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{written}");
            assert_eq!(parse(&size.to_string()), Some(size));
        }
    }

    #[test]
    fn what_is_no_size_is_not_read() {
        for written in
            ["", "KiB", "32", "32K", "32KB", "32kib", "32 KiB", "-1KiB", "1.5MiB", "1MiB1KiB", "17179869184GiB", "١KiB"]
        {
            assert_eq!(parse(written), None, "{written}");
        }
    }
}
