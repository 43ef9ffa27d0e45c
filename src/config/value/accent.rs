//! The operator's colour for buttons and links, which must be readable on the white sheet of the pages.

use schemars::JsonSchema;

use crate::config::read::Scalar;
use crate::config::tree::{Node, Value};

/// The least contrast of text on its ground (WCAG 2.2, success criterion 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

/// `#rrggbb` in lower case.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^#[0-9A-Fa-f]{6}$"))]
pub(in crate::config) struct Accent(pub(in crate::config) String);

impl Scalar for Accent {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        const HINT: &str = "write it as \"#0b5fff\", with the quotes";
        let Value::Text(text) = &node.value else {
            return Err(format!("wants a colour, not {}; {HINT}", node.kind()));
        };
        let [red, green, blue] = channels(text).ok_or_else(|| format!("is not a colour; {HINT}"))?;
        let contrast = contrast_on_white(red, green, blue);
        if contrast < LEAST_CONTRAST {
            // Cut, not rounded: 4.499 must not read as 4.5.
            let told = (contrast * 100.0).floor() / 100.0;
            return Err(format!("has a contrast of {told:.2}:1 on white, and text needs 4.5:1; write a darker colour"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

fn channels(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let channel = |start: usize| digits.get(start..start + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    Some([channel(0)?, channel(2)?, channel(4)?])
}

fn contrast_on_white(red: u8, green: u8, blue: u8) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126_f64.mul_add(linear(red), 0.7152_f64.mul_add(linear(green), 0.0722 * linear(blue)));
    1.05 / (luminance + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let contrast = |text: &str| {
            let [red, green, blue] = channels(text).expect("a colour");
            contrast_on_white(red, green, blue)
        };
        assert!((contrast("#000000") - 21.0).abs() < 0.001);
        assert!((contrast("#ffffff") - 1.0).abs() < 0.001);
        assert!(contrast("#767676") >= LEAST_CONTRAST);
        assert!(contrast("#777777") < LEAST_CONTRAST);
    }

    #[test]
    fn only_six_digits_are_a_colour() {
        for text in ["", "#", "0b5fff", "#0b5ff", "#0b5fffa", "#gggggg", "#+b5fff", "#é5fff"] {
            assert_eq!(channels(text), None, "{text}");
        }
    }
}
