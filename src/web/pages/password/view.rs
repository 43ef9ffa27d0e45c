//! What the password page says, and what it says of a password that will not do.

use askama::Template;

use super::{Rule, mark, rules};
use crate::{
    account::{PasswordPolicy, Weakness},
    clock::Timestamp,
    web::{
        AfterChange,
        look::{Frame, Icon, Tab},
        pages::{
            form::{Faults, Secret},
            sign_in::try_again,
        },
        paths,
        words::{Sentence, Words},
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/password/password.html")]
pub struct PasswordPage {
    frame: Frame,
    rules: Vec<Rule>,
    after: AfterChange,
    end_others_ticked: bool,
    faults: Faults,
    alert: Option<Sentence>,
    name: String,
}

/// What was wrong with the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The current password was not given.
    CurrentMissing,
    /// The current password is another one.
    Current,
    /// The new password was not given.
    NewMissing,
    /// The new password was not typed again.
    AgainMissing,
    /// The two new ones differ.
    AgainDiffers,
    /// The new one breaks a rule.
    Weak(Weakness),
}

impl PasswordPage {
    /// The empty form. `name` is what the visitor signs in with, for password managers.
    #[must_use]
    pub fn new(frame: Frame, name: &str, policy: PasswordPolicy, after: AfterChange) -> Self {
        Self {
            rules: rules(frame.words, policy),
            frame: frame.on(Tab::Password),
            after,
            end_others_ticked: false,
            faults: Faults::default(),
            alert: None,
            name: name.to_owned(),
        }
    }

    /// Says what was wrong.
    #[must_use]
    pub fn refused(mut self, wrong: &[Wrong], end_others: bool) -> Self {
        self.end_others_ticked = end_others;
        for one in wrong {
            one.tell(self.frame.words, &mut self.faults, &mut self.rules);
        }
        self
    }

    /// Says that there were too many wrong current passwords, and when one may try again.
    #[must_use]
    pub fn too_many(self, until: Timestamp, end_others: bool, now: Timestamp) -> Self {
        Self { alert: Some(try_again(self.frame.words, until, now)), end_others_ticked: end_others, ..self }
    }

    fn current(&self) -> Secret {
        Secret::current(self.frame.words, "current_password", "password-current", &self.faults)
    }

    fn new_one(&self) -> Secret {
        Secret::new(self.frame.words, "new_password", "password-new", &self.faults).with_rules()
    }

    fn again(&self) -> Secret {
        Secret::new(self.frame.words, "new_password_again", "password-again", &self.faults)
    }
}

impl Wrong {
    /// The id of its field, and the message that labels it.
    const fn field(self) -> (&'static str, &'static str) {
        match self {
            Self::CurrentMissing | Self::Current => ("current_password", "password-current"),
            Self::AgainMissing | Self::AgainDiffers => ("new_password_again", "password-again"),
            Self::NewMissing | Self::Weak(_) => ("new_password", "password-new"),
        }
    }

    /// Says it at its field. A broken rule is marked where the rules are listed.
    pub(crate) fn tell(self, words: &Words, faults: &mut Faults, rules: &mut [Rule]) {
        let text = match self {
            Self::CurrentMissing => words.say("password-current-missing"),
            Self::Current => words.say("password-current-wrong"),
            Self::NewMissing => words.say("password-new-missing"),
            Self::AgainMissing => words.say("password-again-missing"),
            Self::AgainDiffers => words.say("password-again-differs"),
            Self::Weak(Weakness::TooLong(count)) => words.say_with("password-too-long", &[("count", count.into())]),
            Self::Weak(Weakness::SameAsBefore) => words.say("password-same"),
            Self::Weak(weakness) => {
                mark(rules, words, weakness);
                words.say("password-breaks-rules")
            }
        };
        let (field, label) = self.field();
        faults.add(words, field, label, text);
    }
}
