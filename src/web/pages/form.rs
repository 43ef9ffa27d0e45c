//! What was wrong with a form: said once in a summary that takes the focus, and again at each field.

use super::super::words::Words;

/// One thing that was wrong.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The field's id; empty when it concerns the form.
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

/// All that was wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, field: &'static str, text: String) {
        self.0.push(Fault { field, text });
    }

    pub(crate) const fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.0
    }

    pub(crate) fn at(&self, field: &str) -> Vec<&str> {
        self.0.iter().filter(|fault| fault.field == field).map(|fault| fault.text.as_str()).collect()
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

    fn of(words: &Words, id: &'static str, label: &str, autocomplete: &'static str, faults: &Faults) -> Self {
        Self {
            id,
            label: words.say(label),
            autocomplete,
            reveal: words.say("form-show-password"),
            faults: faults.at(id).into_iter().map(str::to_owned).collect(),
        }
    }
}
