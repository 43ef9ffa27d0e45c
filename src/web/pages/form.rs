//! What was wrong with a form: a summary that takes the focus and leads to each field, and the sentence at the field itself.
//! Each thing is said once.

use super::super::i18n::Localizer;

/// A field with something wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    /// The field's id.
    pub(crate) field: &'static str,
    /// What the field is called, for the summary.
    pub(crate) label: String,
    /// What is wrong, a sentence each.
    pub(crate) texts: Vec<String>,
}

/// All that was wrong, field by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormErrors(Vec<FieldError>);

impl FormErrors {
    /// Says of a field, whose label is the message `label`, what is wrong with it.
    pub(crate) fn add(&mut self, localizer: &Localizer, field: &'static str, label: &str, text: String) {
        match self.0.iter_mut().find(|fault| fault.field == field) {
            Some(known) if known.texts.contains(&text) => {}
            Some(known) => known.texts.push(text),
            None => self.0.push(FieldError { field, label: localizer.text(label), texts: vec![text] }),
        }
    }

    pub(crate) const fn has_any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn fields(&self) -> &[FieldError] {
        &self.0
    }

    /// "Please check these 2 fields"
    pub(crate) fn heading(&self, localizer: &Localizer) -> String {
        localizer.text_with("form-problem", &[("count", self.0.len().into())])
    }

    pub(crate) fn texts_for(&self, field: &str) -> Vec<&str> {
        let here = self.0.iter().find(|fault| fault.field == field);
        here.map(|fault| fault.texts.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// A password field, ready for its template.
#[derive(Clone, Debug)]
pub(crate) struct PasswordField {
    pub(crate) id: &'static str,
    pub(crate) label: String,
    pub(crate) autocomplete: &'static str,
    pub(crate) reveal_label: String,
    pub(crate) errors: Vec<String>,
    has_rules: bool,
}

impl PasswordField {
    /// The password that one has.
    pub(crate) fn current(localizer: &Localizer, id: &'static str, label: &str, faults: &FormErrors) -> Self {
        Self::build(localizer, id, label, "current-password", faults)
    }

    /// The password that one will have.
    pub(crate) fn new(localizer: &Localizer, id: &'static str, label: &str, faults: &FormErrors) -> Self {
        Self::build(localizer, id, label, "new-password", faults)
    }

    /// The rules for it stand below it.
    pub(crate) const fn with_rules(mut self) -> Self {
        self.has_rules = true;
        self
    }

    /// For `aria-describedby`: what is wrong, and the rules.
    pub(crate) fn described_by(&self) -> Option<String> {
        let fault = (!self.errors.is_empty()).then(|| format!("{}-fault", self.id));
        let rules = self.has_rules.then(|| format!("{}-rules", self.id));
        let ids: Vec<String> = fault.into_iter().chain(rules).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn build(
        localizer: &Localizer,
        id: &'static str,
        label: &str,
        autocomplete: &'static str,
        faults: &FormErrors,
    ) -> Self {
        Self {
            id,
            label: localizer.text(label),
            autocomplete,
            reveal_label: localizer.text("form-show-password"),
            errors: faults.texts_for(id).into_iter().map(str::to_owned).collect(),
            has_rules: false,
        }
    }
}
