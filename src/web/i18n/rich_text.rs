//! A sentence with a moment in its midst, so that the moment can be a `<time>` element.

use askama::{Template, filters::HtmlSafe};

use super::{Localizer, TextArg, TimeElement};

/// A sentence, ready for the page.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(source = "{{ before }}{% if let Some(time) = time %}{{ time }}{% endif %}{{ after }}", ext = "html")]
pub struct RichText {
    before: String,
    time: Option<TimeElement>,
    after: String,
}

// The template above escapes each part.
impl HtmlSafe for RichText {}

impl Localizer {
    /// The sentence `key`, with `when` where `hole` stands.
    #[must_use]
    pub fn text_with_time(
        &self,
        key: &str,
        time_arg: &str,
        time: TimeElement,
        args: &[(&str, TextArg<'_>)],
    ) -> RichText {
        let (before, after) = self.split_at_arg(key, time_arg, args);
        RichText { before, time: Some(time), after }
    }
}

impl RichText {
    /// The words alone, without the element.
    #[must_use]
    pub fn text(&self) -> String {
        let when = self.time.as_ref().map_or("", |when| when.text.as_str());
        format!("{}{when}{}", self.before, self.after)
    }
}

impl From<String> for RichText {
    fn from(text: String) -> Self {
        Self { before: text, time: None, after: String::new() }
    }
}
