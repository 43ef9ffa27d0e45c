//! What the password page says, and what it says of a password that will not do.

use askama::Template;

use super::{PasswordRule, mark_broken, rules};
use crate::{
    account::{PasswordFault, PasswordPolicy, Weakness},
    clock::Timestamp,
    web::{
        OtherSessionsPolicy,
        i18n::{Localizer, RichText},
        pages::{
            form::{FormErrors, PasswordField},
            sign_in::retry_text,
        },
        paths,
        theme::{Icon, Layout, Tab},
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/password/password.html")]
pub struct PasswordPage {
    layout: Layout,
    rules: Vec<PasswordRule>,
    other_sessions: OtherSessionsPolicy,
    end_others_ticked: bool,
    errors: FormErrors,
    alert: Option<RichText>,
    name: String,
}

impl PasswordPage {
    /// The empty form. `name` is what the visitor signs in with, for password managers.
    #[must_use]
    pub fn new(layout: Layout, name: &str, policy: PasswordPolicy, after: OtherSessionsPolicy) -> Self {
        Self {
            rules: rules(layout.localizer, policy),
            layout: layout.with_tab(Tab::Password),
            other_sessions: after,
            end_others_ticked: false,
            errors: FormErrors::default(),
            alert: None,
            name: name.to_owned(),
        }
    }

    /// Says what was wrong.
    #[must_use]
    pub fn with_errors(mut self, faults: &[PasswordFault], end_others: bool) -> Self {
        self.end_others_ticked = end_others;
        for fault in faults {
            add_fault(*fault, self.layout.localizer, &mut self.errors, &mut self.rules);
        }
        self
    }

    /// Says that there were too many wrong current passwords, and when one may try again.
    #[must_use]
    pub fn with_lockout(self, until: Timestamp, end_others: bool, now: Timestamp) -> Self {
        Self { alert: Some(retry_text(self.layout.localizer, until, now)), end_others_ticked: end_others, ..self }
    }

    fn current_password(&self) -> PasswordField {
        PasswordField::current(self.layout.localizer, "current_password", "password-current", &self.errors)
    }

    fn new_password(&self) -> PasswordField {
        PasswordField::new(self.layout.localizer, "new_password", "password-new", &self.errors).with_rules()
    }

    fn repeat_password(&self) -> PasswordField {
        PasswordField::new(self.layout.localizer, "new_password_again", "password-again", &self.errors)
    }
}

/// Says a fault at its field. A broken rule is marked where the rules are listed.
pub(crate) fn add_fault(
    fault: PasswordFault,
    localizer: &Localizer,
    errors: &mut FormErrors,
    rules: &mut [PasswordRule],
) {
    let text = match fault {
        PasswordFault::CurrentMissing => localizer.text("password-current-missing"),
        PasswordFault::CurrentWrong => localizer.text("password-current-wrong"),
        PasswordFault::NewMissing => localizer.text("password-new-missing"),
        PasswordFault::RepeatMissing => localizer.text("password-again-missing"),
        PasswordFault::RepeatDiffers => localizer.text("password-again-differs"),
        PasswordFault::Weak(Weakness::TooLong(count)) => {
            localizer.text_with("password-too-long", &[("count", count.into())])
        }
        PasswordFault::Weak(Weakness::Unchanged) => localizer.text("password-same"),
        PasswordFault::Weak(weakness) => {
            mark_broken(rules, localizer, weakness);
            localizer.text("password-breaks-rules")
        }
    };
    let (field, label) = match fault {
        PasswordFault::CurrentMissing | PasswordFault::CurrentWrong => ("current_password", "password-current"),
        PasswordFault::RepeatMissing | PasswordFault::RepeatDiffers => ("new_password_again", "password-again"),
        PasswordFault::NewMissing | PasswordFault::Weak(_) => ("new_password", "password-new"),
    };
    errors.add(localizer, field, label, text);
}
