//! What an act answers on the page that follows it: "Signed out 3 sessions".
//!
//! It travels in a cookie, which an app on the same origin could write. So it is a code from a closed list, never text.

use crate::web::words::Words;

/// The result of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flash {
    /// So many sessions were signed out.
    Ended(usize),
    /// The session was gone already.
    AlreadyEnded,
    /// The password was changed, and so many other sessions signed out with it.
    PasswordChanged(usize),
    /// The password was set with a one-time link.
    PasswordSet,
    /// A form was not sent, because somebody had to sign in first.
    FormNotSent,
}

impl Flash {
    /// For the cookie.
    #[must_use]
    pub fn code(self) -> String {
        match self {
            Self::Ended(count) => format!("ended.{count}"),
            Self::AlreadyEnded => "gone.0".to_owned(),
            Self::PasswordChanged(count) => format!("password.{count}"),
            Self::PasswordSet => "set.0".to_owned(),
            Self::FormNotSent => "not-sent.0".to_owned(),
        }
    }

    /// From the cookie; none for anything else.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let (what, count) = code.split_once('.')?;
        let count = count.parse().ok().filter(|count| *count < 10_000)?;
        match what {
            "ended" => Some(Self::Ended(count)),
            "gone" => Some(Self::AlreadyEnded),
            "password" => Some(Self::PasswordChanged(count)),
            "set" => Some(Self::PasswordSet),
            "not-sent" => Some(Self::FormNotSent),
            _ => None,
        }
    }

    /// In words.
    #[must_use]
    pub fn say(self, words: &Words) -> String {
        match self {
            Self::Ended(0) => words.say("flash-ended-none"),
            Self::Ended(count) => words.say_with("flash-ended", &[("count", count.into())]),
            Self::AlreadyEnded => words.say("flash-already-ended"),
            Self::PasswordChanged(0) => words.say("flash-password-changed"),
            Self::PasswordChanged(count) => words.say_with("flash-password-changed-ended", &[("count", count.into())]),
            Self::PasswordSet => words.say("flash-password-set"),
            Self::FormNotSent => words.say("sign-in-form-not-sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_codes_are_read() {
        for flash in
            [Flash::Ended(3), Flash::AlreadyEnded, Flash::PasswordChanged(0), Flash::PasswordSet, Flash::FormNotSent]
        {
            assert_eq!(Flash::parse(&flash.code()), Some(flash));
        }
        for bad in ["", "ended", "ended.", "ended.-1", "ended.99999", "<b>.1", "ended.1.2"] {
            assert_eq!(Flash::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_and_many() {
        let words = Words::for_language(None);
        assert_eq!(Flash::Ended(1).say(words), "Signed out 1 session.");
        assert_eq!(Flash::Ended(3).say(words), "Signed out 3 sessions.");
    }
}
