//! What was wrong with a form: a summary that takes the focus and leads to each field, and the sentence at the field itself.
//! Each thing is said once.

use super::super::words::Words;

/// A field with something wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The field's id.
    pub(crate) field: &'static str,
    /// What the field is called, for the summary.
    pub(crate) label: String,
    /// What is wrong, a sentence each.
    pub(crate) texts: Vec<String>,
}

/// All that was wrong, field by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Says of a field, whose label is the message `label`, what is wrong with it.
    pub(crate) fn add(&mut self, words: &Words, field: &'static str, label: &str, text: String) {
        match self.0.iter_mut().find(|fault| fault.field == field) {
            Some(known) if known.texts.contains(&text) => {}
            Some(known) => known.texts.push(text),
            None => self.0.push(Fault { field, label: words.say(label), texts: vec![text] }),
        }
    }

    pub(crate) const fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.0
    }

    /// "Please check these 2 fields"
    pub(crate) fn heading(&self, words: &Words) -> String {
        words.say_with("form-problem", &[("count", self.0.len().into())])
    }

    pub(crate) fn at(&self, field: &str) -> Vec<&str> {
        let here = self.0.iter().find(|fault| fault.field == field);
        here.map(|fault| fault.texts.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// A password field, ready for its template.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub(crate) id: &'static str,
    pub(crate) label: String,
    pub(crate) autocomplete: &'static str,
    pub(crate) reveal: String,
    pub(crate) faults: Vec<String>,
    ruled: bool,
}

impl Secret {
    /// The password that one has.
    pub(crate) fn current(words: &Words, id: &'static str, label: &str, faults: &Faults) -> Self {
        Self::of(words, id, label, "current-password", faults)
    }

    /// The password that one will have.
    pub(crate) fn new(words: &Words, id: &'static str, label: &str, faults: &Faults) -> Self {
        Self::of(words, id, label, "new-password", faults)
    }

    /// The rules for it stand below it.
    pub(crate) const fn with_rules(mut self) -> Self {
        self.ruled = true;
        self
    }

    /// For `aria-describedby`: what is wrong, and the rules.
    pub(crate) fn described_by(&self) -> Option<String> {
        let fault = (!self.faults.is_empty()).then(|| format!("{}-fault", self.id));
        let rules = self.ruled.then(|| format!("{}-rules", self.id));
        let ids: Vec<String> = fault.into_iter().chain(rules).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn of(words: &Words, id: &'static str, label: &str, autocomplete: &'static str, faults: &Faults) -> Self {
        Self {
            id,
            label: words.say(label),
            autocomplete,
            reveal: words.say("form-show-password"),
            faults: faults.at(id).into_iter().map(str::to_owned).collect(),
            ruled: false,
        }
    }
}
