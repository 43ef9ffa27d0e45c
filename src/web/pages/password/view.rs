//! What the password page says, and what it says of a password that will not do.

use askama::Template;

use crate::{
    account::{PasswordPolicy, PolicyKind, Weakness},
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
    rules: Vec<String>,
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
    /// The two new ones differ.
    AgainDiffers,
    /// The new one breaks a rule.
    Weak(Weakness),
    /// Too many wrong current passwords; without a time an administrator must unlock.
    TooMany {
        /// When one may try again.
        until: Option<Timestamp>,
    },
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
    pub fn refused(mut self, wrong: &[Wrong], end_others: bool, now: Timestamp) -> Self {
        self.end_others_ticked = end_others;
        for one in wrong {
            match one {
                Wrong::TooMany { until: Some(until) } => self.alert = Some(try_again(self.frame.words, *until, now)),
                Wrong::TooMany { until: None } => self.alert = Some(self.frame.say("sign-in-locked").into()),
                field => self.faults.add(field.field(), field.say(self.frame.words)),
            }
        }
        self
    }

    fn current(&self) -> Secret {
        Secret::current(self.frame.words, "current_password", "password-current", &self.faults)
    }

    fn new_one(&self) -> Secret {
        Secret::new(self.frame.words, "new_password", "password-new", &self.faults)
    }

    fn again(&self) -> Secret {
        Secret::new(self.frame.words, "new_password_again", "password-again", &self.faults)
    }
}

/// The rules for a new password, one sentence each.
pub(crate) fn rules(words: &Words, policy: PasswordPolicy) -> Vec<String> {
    let length = words.say_with("password-rule-length", &[("count", policy.min_length.into())]);
    match policy.kind {
        PolicyKind::Classic => vec![
            length,
            words.say("password-rule-cases"),
            words.say("password-rule-digit"),
            words.say("password-rule-special"),
        ],
        PolicyKind::Modern => vec![length, words.say("password-rule-uncommon"), words.say("password-rule-words")],
    }
}

impl Wrong {
    /// The id of its field.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::CurrentMissing | Self::Current => "current_password",
            Self::AgainDiffers => "new_password_again",
            Self::TooMany { .. } => "",
            _ => "new_password",
        }
    }

    pub(crate) fn say(self, words: &Words) -> String {
        match self {
            Self::CurrentMissing => words.say("password-current-missing"),
            Self::Current => words.say("password-current-wrong"),
            Self::NewMissing => words.say("password-new-missing"),
            Self::AgainDiffers => words.say("password-again-differs"),
            Self::Weak(weakness) => weak(words, weakness),
            Self::TooMany { .. } => words.say("sign-in-locked"),
        }
    }
}

fn weak(words: &Words, weakness: Weakness) -> String {
    match weakness {
        Weakness::TooShort(count) => words.say_with("password-too-short", &[("count", count.into())]),
        Weakness::TooLong(count) => words.say_with("password-too-long", &[("count", count.into())]),
        Weakness::NoUpper => words.say("password-no-upper"),
        Weakness::NoLower => words.say("password-no-lower"),
        Weakness::NoDigit => words.say("password-no-digit"),
        Weakness::NoSpecial => words.say("password-no-special"),
        Weakness::Common => words.say("password-common"),
        Weakness::LikeTheName => words.say("password-like-name"),
        Weakness::SameAsBefore => words.say("password-same"),
    }
}
