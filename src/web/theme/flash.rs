//! What an act answers on the page that follows it: "Signed out 3 sessions".
//!
//! It travels in a cookie, which an app on the same origin could write. So it is a code from a closed list, never text.

use crate::web::{i18n::Localizer, paths};

/// The result of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flash {
    /// So many sessions were signed out.
    Ended(usize),
    /// The session was gone already.
    AlreadyEnded,
    /// The password was changed.
    PasswordChanged {
        /// So many other sessions were signed out with it.
        ended: usize,
        /// So many others are still signed in; none where nobody could count them.
        others: Option<usize>,
    },
    /// The password was set with a one-time link.
    PasswordSet,
    /// A form was not sent, because it came without a session.
    FormNotSent,
}

/// A result in words: a sentence, perhaps another one, and perhaps where to look.
#[derive(Clone, Debug)]
pub struct Notice {
    pub(crate) text: String,
    pub(crate) more: Option<String>,
    pub(crate) link: Option<NoticeLink>,
}

/// Where a result leads.
#[derive(Clone, Debug)]
pub(crate) struct NoticeLink {
    pub(crate) href: &'static str,
    pub(crate) text: String,
}

impl Flash {
    /// For the cookie.
    #[must_use]
    pub fn cookie_value(self) -> String {
        match self {
            Self::Ended(count) => format!("ended.{count}"),
            Self::AlreadyEnded => "gone.0".to_owned(),
            Self::PasswordChanged { ended, others: Some(others) } => format!("password.{ended}-{others}"),
            Self::PasswordChanged { ended, others: None } => format!("password.{ended}"),
            Self::PasswordSet => "set.0".to_owned(),
            Self::FormNotSent => "not-sent.0".to_owned(),
        }
    }

    /// From the cookie; none for anything else.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().filter(|count| *count < 10_000);
        let (what, count) = code.split_once('.')?;
        if let ("password", Some((ended, others))) = (what, count.split_once('-')) {
            return Some(Self::PasswordChanged { ended: number(ended)?, others: Some(number(others)?) });
        }
        let count = number(count)?;
        match what {
            "ended" => Some(Self::Ended(count)),
            "gone" => Some(Self::AlreadyEnded),
            "password" => Some(Self::PasswordChanged { ended: count, others: None }),
            "set" => Some(Self::PasswordSet),
            "not-sent" => Some(Self::FormNotSent),
            _ => None,
        }
    }

    /// In words.
    #[must_use]
    pub fn notice(self, localizer: &Localizer) -> Notice {
        let text = self.message(localizer);
        let Self::PasswordChanged { others: Some(others), .. } = self else {
            return Notice { text, more: None, link: None };
        };
        if others == 0 {
            return Notice { text, more: Some(localizer.text("flash-only-here")), link: None };
        }
        let count = [("count", others.into())];
        let link = NoticeLink { href: paths::SESSIONS, text: localizer.text_with("flash-review", &count) };
        Notice { text, more: Some(localizer.text_with("flash-still-signed-in", &count)), link: Some(link) }
    }

    /// What was done, in one sentence.
    fn message(self, localizer: &Localizer) -> String {
        match self {
            Self::Ended(0) => localizer.text("flash-ended-none"),
            Self::Ended(count) => localizer.text_with("flash-ended", &[("count", count.into())]),
            Self::AlreadyEnded => localizer.text("flash-already-ended"),
            Self::PasswordChanged { ended: 0, .. } => localizer.text("flash-password-changed"),
            Self::PasswordChanged { ended, .. } => {
                localizer.text_with("flash-password-changed-ended", &[("count", ended.into())])
            }
            Self::PasswordSet => localizer.text("flash-password-set"),
            Self::FormNotSent => localizer.text("flash-form-not-sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_codes_are_read() {
        for flash in [
            Flash::Ended(3),
            Flash::AlreadyEnded,
            Flash::PasswordChanged { ended: 0, others: None },
            Flash::PasswordChanged { ended: 1, others: Some(2) },
            Flash::PasswordSet,
            Flash::FormNotSent,
        ] {
            assert_eq!(Flash::parse(&flash.cookie_value()), Some(flash));
        }
        for bad in ["", "ended", "ended.", "ended.-1", "ended.99999", "ended.1-2", "password.1-", "<b>.1", "ended.1.2"]
        {
            assert_eq!(Flash::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_and_many() {
        let localizer = Localizer::for_language(None);
        assert_eq!(Flash::Ended(1).notice(localizer).text, "Signed out 1 session.");
        assert_eq!(Flash::Ended(3).notice(localizer).text, "Signed out 3 sessions.");
    }
}
