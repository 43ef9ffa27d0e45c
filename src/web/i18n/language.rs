//! The languages there are, and which of them fits a visitor.

use icu_locale_core::{Locale, locale};
use unic_langid::LanguageIdentifier;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// As in Britain: day before month, 24 hours.
    English,
}

impl Language {
    pub(super) const ALL: [Self; 1] = [Self::English];

    /// The first of the visitor's languages that there is; English when there is none.
    pub(super) fn negotiate(accept_language: &str) -> Self {
        let mut ranges: Vec<(LanguageIdentifier, u32)> =
            accept_language.split(',').take(16).filter_map(parse_range).collect();
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        ranges
            .iter()
            .find_map(|(wish, _)| Self::ALL.into_iter().find(|language| language.id().language == wish.language))
            .unwrap_or(Self::English)
    }

    /// For `lang`, and the name of its text file.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
        }
    }

    pub(super) const fn is_right_to_left(self) -> bool {
        match self {
            Self::English => false,
        }
    }

    pub(super) const fn messages(self) -> &'static str {
        match self {
            Self::English => include_str!("texts/en.ftl"),
        }
    }

    pub(super) fn id(self) -> LanguageIdentifier {
        self.tag().parse().expect("our tags are tags")
    }

    /// How dates and numbers are written.
    pub(super) const fn locale(self) -> Locale {
        match self {
            Self::English => locale!("en-GB"),
        }
    }
}

/// `es;q=0.8` as a language and its weight in thousandths; none for what is refused (`q=0`) or no language.
fn parse_range(range: &str) -> Option<(LanguageIdentifier, u32)> {
    let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
    let weight = match parameters.trim().strip_prefix("q=") {
        Some(weight) => weight.trim().parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
        None => 1.0,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1")]
    let thousandths = (weight * 1000.0) as u32;
    (thousandths > 0).then_some(())?;
    Some((tag.trim().parse().ok()?, thousandths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_asked_for_there_is_an_answer() {
        for asked in ["", "*", "en", "en-US,en;q=0.9", "fr, de;q=0.5", ";;;,,,q=", "en;q=0", "en;q=nan"] {
            assert_eq!(Language::negotiate(asked), Language::English, "{asked}");
        }
    }

    #[test]
    fn wishes_have_weights() {
        let told = |range| parse_range(range).map(|(tag, weight)| (tag.to_string(), weight));
        assert_eq!(told("es"), Some(("es".to_owned(), 1000)));
        assert_eq!(told(" es-MX; q=0.8"), Some(("es-MX".to_owned(), 800)));
        assert_eq!(told("es;q=0"), None);
        assert_eq!(told("es;q=7"), None);
    }
}
