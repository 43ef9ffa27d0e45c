//! What is said to whoever follows a one-time link.

use askama::Template;

use crate::{
    account::PasswordPolicy,
    web::{
        look::{Frame, Icon},
        pages::{
            form::{Faults, Secret},
            password::{Rule, Wrong, rules},
        },
        paths,
        words::inert,
    },
};

/// The form behind a good link.
#[derive(Debug, Template)]
#[template(path = "pages/set_password/set_password.html")]
pub struct SetPasswordPage {
    frame: Frame,
    name: String,
    token: String,
    rules: Vec<Rule>,
    faults: Faults,
}

/// The page behind a link that is used up, too old, or no link.
#[derive(Debug, Template)]
#[template(path = "pages/set_password/expired.html")]
pub struct ExpiredLinkPage {
    frame: Frame,
}

impl SetPasswordPage {
    /// The empty form. `name` is who the link is for, `token` what makes it good; it goes back with the form.
    #[must_use]
    pub fn new(frame: Frame, name: &str, token: &str, policy: PasswordPolicy) -> Self {
        Self {
            rules: rules(frame.words, policy),
            frame,
            name: inert(name).into_owned(),
            token: token.to_owned(),
            faults: Faults::default(),
        }
    }

    /// Says what was wrong.
    #[must_use]
    pub fn refused(mut self, wrong: &[Wrong]) -> Self {
        for one in wrong {
            one.tell(self.frame.words, &mut self.faults, &mut self.rules);
        }
        self
    }

    fn lead(&self) -> String {
        self.frame.words.say_with("set-password-for", &[("name", (&self.name).into())])
    }

    fn new_one(&self) -> Secret {
        Secret::new(self.frame.words, "new_password", "password-new", &self.faults).with_rules()
    }

    fn again(&self) -> Secret {
        Secret::new(self.frame.words, "new_password_again", "password-again", &self.faults)
    }
}

impl ExpiredLinkPage {
    /// The page.
    #[must_use]
    pub const fn new(frame: Frame) -> Self {
        Self { frame }
    }
}
