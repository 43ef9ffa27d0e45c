//! The operator's colour for buttons and links, which must be readable on the ground of the pages.

use schemars::JsonSchema;

use crate::config::read::Scalar;
use crate::config::tree::{Node, Value};

/// The least contrast of text on its ground (WCAG 2.2, success criterion 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;
/// The ground of the pages by day. `web::look` has it, too, and a test holds both to the same answers.
const GROUND: [u8; 3] = [0xf5, 0xf6, 0xf4];

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
        let colour = channels(text).ok_or_else(|| format!("is not a colour; {HINT}"))?;
        let contrast = contrast(colour, GROUND);
        if contrast < LEAST_CONTRAST {
            // Cut, not rounded: 4.499 must not read as 4.5.
            let told = (contrast * 100.0).floor() / 100.0;
            return Err(format!(
                "has a contrast of {told:.2}:1 on the page, and text needs 4.5:1; write a darker colour"
            ));
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

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let on_white = |text: &str| contrast(channels(text).expect("a colour"), [0xff; 3]);
        assert!((on_white("#000000") - 21.0).abs() < 0.001);
        assert!((on_white("#ffffff") - 1.0).abs() < 0.001);
        assert!(on_white("#767676") >= LEAST_CONTRAST);
        assert!(on_white("#777777") < LEAST_CONTRAST);
    }

    #[test]
    fn only_six_digits_are_a_colour() {
        for text in ["", "#", "0b5fff", "#0b5ff", "#0b5fffa", "#gggggg", "#+b5fff", "#é5fff"] {
            assert_eq!(channels(text), None, "{text}");
        }
    }
}
