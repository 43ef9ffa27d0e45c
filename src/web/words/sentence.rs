//! A sentence with a moment in its midst, so that the moment can be a `<time>` element.

use askama::{Template, filters::HtmlSafe};

use super::{Arg, When, Words};

/// A sentence, ready for the page.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(source = "{{ before }}{% if let Some(when) = when %}{{ when }}{% endif %}{{ after }}", ext = "html")]
pub struct Sentence {
    before: String,
    when: Option<When>,
    after: String,
}

// The template above escapes each part.
impl HtmlSafe for Sentence {}

impl Words {
    /// The sentence `key`, with `when` where `hole` stands.
    #[must_use]
    pub fn sentence(&self, key: &str, hole: &str, when: When, args: &[(&str, Arg<'_>)]) -> Sentence {
        let (before, after) = self.around(key, hole, args);
        Sentence { before, when: Some(when), after }
    }
}

impl Sentence {
    /// The words alone, without the element.
    #[must_use]
    pub fn text(&self) -> String {
        let when = self.when.as_ref().map_or("", |when| when.text.as_str());
        format!("{}{when}{}", self.before, self.after)
    }
}

impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self { before: text, when: None, after: String::new() }
    }
}
