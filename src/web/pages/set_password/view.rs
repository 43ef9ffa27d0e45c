//! What is said to whoever follows a one-time link.

use askama::Template;

use crate::{
    account::{PasswordFault, PasswordPolicy},
    web::{
        i18n::sanitize,
        pages::{
            form::{FormErrors, PasswordField},
            password::{PasswordRule, add_fault, rules},
        },
        paths,
        theme::{Icon, Layout},
    },
};

/// The form behind a good link.
#[derive(Debug, Template)]
#[template(path = "pages/set_password/set_password.html")]
pub struct SetPasswordPage {
    layout: Layout,
    name: String,
    token: String,
    rules: Vec<PasswordRule>,
    errors: FormErrors,
}

/// The page behind a link that is used up, too old, or no link.
#[derive(Debug, Template)]
#[template(path = "pages/set_password/expired.html")]
pub struct ExpiredLinkPage {
    layout: Layout,
}

impl SetPasswordPage {
    /// The empty form. `name` is who the link is for, `token` what makes it good; it goes back with the form.
    #[must_use]
    pub fn new(layout: Layout, name: &str, token: &str, policy: PasswordPolicy) -> Self {
        Self {
            rules: rules(layout.localizer, policy),
            layout,
            name: sanitize(name).into_owned(),
            token: token.to_owned(),
            errors: FormErrors::default(),
        }
    }

    /// Says what was wrong.
    #[must_use]
    pub fn with_errors(mut self, faults: &[PasswordFault]) -> Self {
        for fault in faults {
            add_fault(*fault, self.layout.localizer, &mut self.errors, &mut self.rules);
        }
        self
    }

    fn lead(&self) -> String {
        self.layout.localizer.text_with("set-password-for", &[("name", (&self.name).into())])
    }

    fn new_password(&self) -> PasswordField {
        PasswordField::new(self.layout.localizer, "new_password", "password-new", &self.errors).with_rules()
    }

    fn repeat_password(&self) -> PasswordField {
        PasswordField::new(self.layout.localizer, "new_password_again", "password-again", &self.errors)
    }
}

impl ExpiredLinkPage {
    /// The page.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self { layout }
    }
}
