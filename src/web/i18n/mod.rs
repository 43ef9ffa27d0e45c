//! What the pages say, in the visitor's language.
//!
//! Each sentence is one message of `texts/<language>.ftl`, whole, so that a translator can turn it around. Text that came
//! from outside (a device's name, an app's) is made inert before it goes into a sentence: no control characters, nothing
//! that turns the text around, and its own direction inside isolates. Escaping markup is the templates' part.

mod device;
mod language;
mod rich_text;
mod sanitize;
mod time;

pub use rich_text::RichText;
pub use sanitize::sanitize;
pub use time::TimeElement;

use std::{borrow::Cow, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use icu_decimal::{DecimalFormatter, input::Decimal};

use language::Language;

/// Stands for the element that goes into a sentence: see [`Words::around`].
const ARG_PLACEHOLDER: &str = "\u{fffc}";

static ALL: LazyLock<Vec<Localizer>> = LazyLock::new(|| Language::ALL.into_iter().map(Localizer::new).collect());

/// Everything that pages say, in one language.
pub struct Localizer {
    language: Language,
    messages: FluentBundle<FluentResource>,
    numbers: DecimalFormatter,
    dates: time::DateFormats,
}

/// What goes into a sentence.
#[derive(Clone, Debug)]
pub enum TextArg<'a> {
    /// Something counted: chooses the plural.
    Count(u64),
    /// Text from outside, or another phrase.
    Text(Cow<'a, str>),
    /// Chooses between forms of the sentence; never shown.
    Choice(&'static str),
}

impl Localizer {
    /// The language that fits an `Accept-Language` best.
    #[must_use]
    pub fn for_language(accept_language: Option<&str>) -> &'static Self {
        let best = Language::negotiate(accept_language.unwrap_or_default());
        ALL.iter().find(|localizer| localizer.language == best).unwrap_or(&ALL[0])
    }

    /// Every language.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    fn new(language: Language) -> Self {
        let texts = FluentResource::try_new(language.messages().to_owned()).expect("the texts are well-formed");
        let mut bundle = FluentBundle::new_concurrent(vec![language.id()]);
        // Isolation is ours: only what comes from outside needs it, and numbers and whole phrases read better without.
        bundle.set_use_isolating(false);
        bundle.add_resource(texts).expect("no key is there twice");
        let locale = language.locale();
        Self {
            language,
            messages: bundle,
            numbers: DecimalFormatter::try_new(
                (&locale).into(),
                icu_decimal::options::DecimalFormatterOptions::default(),
            )
            .expect("numbers of every language are compiled in"),
            dates: time::DateFormats::new(&locale),
        }
    }

    /// For `<html lang>`.
    #[must_use]
    pub fn lang(&self) -> &'static str {
        self.language.tag()
    }

    /// For `<html dir>`.
    #[must_use]
    pub fn dir(&self) -> &'static str {
        if self.language.is_right_to_left() { "rtl" } else { "ltr" }
    }

    /// A sentence.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.text_with(key, &[])
    }

    /// A sentence with something in it.
    #[must_use]
    pub fn text_with(&self, key: &str, args: &[(&str, TextArg<'_>)]) -> String {
        let mut values = FluentArgs::with_capacity(args.len());
        for (name, arg) in args {
            values.set(*name, self.fluent_value(arg));
        }
        self.format(key, &values)
    }

    /// The two sides of a sentence around one of its arguments, for an element such as `<time>` in the midst of it.
    #[must_use]
    pub fn split_at_arg(&self, key: &str, split_arg: &str, args: &[(&str, TextArg<'_>)]) -> (String, String) {
        let mut values = FluentArgs::with_capacity(args.len() + 1);
        for (name, arg) in args {
            values.set(*name, self.fluent_value(arg));
        }
        values.set(split_arg, FluentValue::from(ARG_PLACEHOLDER));
        let whole = self.format(key, &values);
        let (before, after) = whole.split_once(ARG_PLACEHOLDER).unwrap_or((&whole, ""));
        (before.to_owned(), after.to_owned())
    }

    /// A number as one writes it: `1,234`.
    #[must_use]
    pub fn number(&self, number: u64) -> String {
        self.numbers.format(&Decimal::from(number)).to_string()
    }

    /// Whether there is such a sentence.
    #[must_use]
    pub fn has_message(&self, key: &str) -> bool {
        self.messages.has_message(key)
    }

    fn fluent_value<'a>(&self, arg: &'a TextArg<'_>) -> FluentValue<'a> {
        match arg {
            TextArg::Count(count) => FluentValue::from(*count),
            TextArg::Choice(choice) => FluentValue::from(*choice),
            TextArg::Text(text) => FluentValue::from(sanitize::isolate(text, self.language.is_right_to_left())),
        }
    }

    fn format(&self, key: &str, values: &FluentArgs<'_>) -> String {
        let Some(pattern) = self.messages.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "no text {key} in {}", self.lang());
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let text = self.messages.format_pattern(pattern, Some(values), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{key} in {}: {errors:?}", self.lang());
        text
    }
}

impl std::fmt::Debug for Localizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Localizer({})", self.lang())
    }
}

impl<'a> From<&'a str> for TextArg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for TextArg<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for TextArg<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u64> for TextArg<'_> {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for TextArg<'_> {
    fn from(count: usize) -> Self {
        Self::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}
