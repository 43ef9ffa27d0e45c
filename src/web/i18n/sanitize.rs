//! Text from outside, made harmless to read: a User-Agent, a name, a path.

use std::borrow::Cow;

use crate::account::{is_invisible, is_joiner};

/// The text without control characters, without what does not show, and so without anything that turns its neighbours
/// around.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_deceptive) {
        Cow::Owned(text.chars().filter(|c| !is_deceptive(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text inside isolates where its direction could matter: always on a page that reads from the right, and for
/// everything but ASCII on one that reads from the left.
pub(super) fn isolate(text: &str, right_to_left: bool) -> String {
    let text = sanitize(text);
    if right_to_left || !text.is_ascii() { format!("\u{2068}{text}\u{2069}") } else { text.into_owned() }
}

/// The two joiners stay: Persian and the scripts of India are written with them, and families of emoji.
fn is_deceptive(c: char) -> bool {
    c.is_control() || is_invisible(c) && !is_joiner(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_turns_its_neighbours_around() {
        assert_eq!(sanitize("Chrome\u{202e}emorhC\u{2069}\n\0"), "ChromeemorhC");
        assert_eq!(sanitize("Ana María"), "Ana María");
        assert_eq!(sanitize("a\u{200b}d\u{2060}m\u{ad}i\u{feff}n\u{e0041}\u{fffc}\u{2028}"), "admin");
        assert_eq!(sanitize("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }

    #[test]
    fn isolated_where_it_matters() {
        assert_eq!(isolate("Chrome", false), "Chrome");
        assert_eq!(isolate("Chrome", true), "\u{2068}Chrome\u{2069}");
        assert_eq!(isolate("محمد", false), "\u{2068}محمد\u{2069}");
    }
}
