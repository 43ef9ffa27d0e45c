//! What the password page says, and what it says of a password that will not do.

use askama::Template;

use crate::{
    clock::Timestamp,
    web::{
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

/// What a new password has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Upper and lower case, a digit, a special character.
    Classic {
        /// Characters at least.
        min_length: usize,
    },
    /// Length, and not one of the common ones.
    Modern {
        /// Characters at least.
        min_length: usize,
    },
}

/// What happens to the other sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterChange {
    /// The visitor chooses.
    Ask,
    /// They stay.
    Keep,
    /// They end.
    EndOthers,
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
    /// It has fewer characters than this.
    TooShort(usize),
    /// It has more characters than this.
    TooLong(usize),
    /// It lacks an upper-case letter.
    NoUpper,
    /// It lacks a lower-case letter.
    NoLower,
    /// It lacks a digit.
    NoDigit,
    /// It lacks a special character.
    NoSpecial,
    /// Many people use it, or it is easily guessed.
    Common,
    /// The name or the address is in it.
    LikeName,
    /// It is the current one.
    Same,
    /// Too many wrong current passwords; without a time an administrator must unlock.
    TooMany {
        /// When one may try again.
        until: Option<Timestamp>,
    },
}

impl PasswordPage {
    /// The empty form. `name` is what the visitor signs in with, for password managers.
    #[must_use]
    pub fn new(frame: Frame, name: &str, rules: Rules, after: AfterChange) -> Self {
        Self {
            rules: rules.say(frame.words),
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

impl Rules {
    pub(crate) fn say(self, words: &Words) -> Vec<String> {
        let length = |min: usize| words.say_with("password-rule-length", &[("count", min.into())]);
        match self {
            Self::Classic { min_length } => vec![
                length(min_length),
                words.say("password-rule-cases"),
                words.say("password-rule-digit"),
                words.say("password-rule-special"),
            ],
            Self::Modern { min_length } => {
                vec![length(min_length), words.say("password-rule-uncommon"), words.say("password-rule-words")]
            }
        }
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
            Self::TooShort(count) => words.say_with("password-too-short", &[("count", count.into())]),
            Self::TooLong(count) => words.say_with("password-too-long", &[("count", count.into())]),
            Self::NoUpper => words.say("password-no-upper"),
            Self::NoLower => words.say("password-no-lower"),
            Self::NoDigit => words.say("password-no-digit"),
            Self::NoSpecial => words.say("password-no-special"),
            Self::Common => words.say("password-common"),
            Self::LikeName => words.say("password-like-name"),
            Self::Same => words.say("password-same"),
            Self::TooMany { .. } => words.say("sign-in-locked"),
        }
    }
}
