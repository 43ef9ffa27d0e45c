//! The operator's colour. It is refused when its text could not be read; in the dark it is made lighter until it can.

use super::{Asset, assets};

/// What text needs at least against its ground (WCAG 2.2, 1.4.3).
const MIN_CONTRAST: f64 = 4.5;
const LIGHT_BACKGROUND: Colour = Colour([0xf5, 0xf6, 0xf4]);
const DARK_BACKGROUND: Colour = Colour([0x16, 0x1d, 0x23]);
const WHITE: Colour = Colour([0xff; 3]);
const DARK_INK: Colour = Colour([0x0b, 0x10, 0x14]);

/// A colour that can be read, with its style sheet.
#[derive(Clone, Debug)]
pub struct Accent {
    colour: Colour,
    url: String,
    stylesheet: Asset,
}

/// Why a colour is refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BadAccent {
    /// It is not written as a colour.
    #[error("it is not a colour such as #0a5c6b")]
    NotAColour,
    /// It is too pale.
    #[error("its contrast against the page is {0:.1}:1; it needs 4.5:1 to be read")]
    LowContrast(f64),
}

impl Accent {
    /// Reads `#0a5c6b`.
    ///
    /// # Errors
    /// When it is no such colour, or too pale to be read.
    pub fn parse(text: &str) -> Result<Self, BadAccent> {
        let light = Colour::parse(text).ok_or(BadAccent::NotAColour)?;
        let contrast = light.contrast(LIGHT_BACKGROUND);
        if contrast < MIN_CONTRAST {
            return Err(BadAccent::LowContrast(contrast));
        }
        let dark =
            (0..=20).map(|step| light.lighten(step)).find(|it| it.contrast(DARK_BACKGROUND) >= MIN_CONTRAST + 1.5);
        let sheet = format!(
            ":root{{--copper:{light};--on-copper:{}}}\
             @media(prefers-color-scheme:dark){{:root{{--copper:{};--on-copper:{DARK_INK}}}}}",
            WHITE,
            dark.unwrap_or(WHITE),
        );
        let (url, sheet) = assets::stylesheet("accent", &sheet);
        Ok(Self { colour: light, url, stylesheet: sheet })
    }

    /// Where its style sheet is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its style sheet.
    #[must_use]
    pub const fn stylesheet(&self) -> &Asset {
        &self.stylesheet
    }
}

impl PartialEq for Accent {
    fn eq(&self, other: &Self) -> bool {
        self.colour == other.colour
    }
}

impl Eq for Accent {}

impl std::fmt::Display for Accent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.colour.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let part = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// So many twentieths of the way to white.
    fn lighten(self, step: u16) -> Self {
        Self(self.0.map(|part| {
            let lighter = u16::from(part) + (255 - u16::from(part)) * step / 20;
            u8::try_from(lighter).unwrap_or(u8::MAX)
        }))
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_read_is_taken() {
        assert!(Accent::parse("#0a5c6b").is_ok());
        assert!(matches!(Accent::parse("#ffcc00"), Err(BadAccent::LowContrast(_))));
        for bad in [
            "",
            "teal",
            "#",
            "#fff",
            "#12345g",
            "0a5c6b",
            "#0a5c6b;}",
            "#0b5fffa",
            "#+b5fff",
            "#\u{e9}5fff",
            " #0a5c6b",
        ] {
            assert_eq!(Accent::parse(bad).err(), Some(BadAccent::NotAColour), "{bad}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let on_white = |text: &str| Colour::parse(text).expect("a colour").contrast(WHITE);
        assert!((on_white("#000000") - 21.0).abs() < 0.001);
        assert!((on_white("#ffffff") - 1.0).abs() < 0.001);
        assert!(on_white("#767676") >= MIN_CONTRAST);
        assert!(on_white("#777777") < MIN_CONTRAST);
    }

    #[test]
    fn in_the_dark_it_is_lighter() {
        let accent = Accent::parse("#000000").expect("black can be read");
        let sheet = String::from_utf8(accent.stylesheet().bytes.clone()).expect("text");
        assert!(sheet.starts_with(":root{--copper:#000000;--on-copper:#ffffff}@media(prefers-color-scheme:dark)"));
        assert!(!sheet.split_once("dark").expect("both themes").1.contains("--copper:#000000"));
    }
}
