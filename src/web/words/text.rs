//! Text from outside, made harmless to read: a User-Agent, a name, a path.

use std::borrow::Cow;

/// The text without control characters and without anything that turns its neighbours around.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_trick) {
        Cow::Owned(text.chars().filter(|c| !is_trick(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text inside isolates where its direction could matter: always on a page that reads from the right, and for
/// everything but ASCII on one that reads from the left.
pub(super) fn isolated(text: &str, right_to_left: bool) -> String {
    let text = inert(text);
    if right_to_left || !text.is_ascii() { format!("\u{2068}{text}\u{2069}") } else { text.into_owned() }
}

/// Control characters, and the bidirectional marks, embeddings, overrides and isolates.
fn is_trick(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_turns_its_neighbours_around() {
        assert_eq!(inert("Chrome\u{202e}emorhC\u{2069}\n\0"), "ChromeemorhC");
        assert_eq!(inert("Ana María"), "Ana María");
    }

    #[test]
    fn isolated_where_it_matters() {
        assert_eq!(isolated("Chrome", false), "Chrome");
        assert_eq!(isolated("Chrome", true), "\u{2068}Chrome\u{2069}");
        assert_eq!(isolated("محمد", false), "\u{2068}محمد\u{2069}");
    }
}
