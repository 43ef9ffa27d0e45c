//! A result in words, carried to the next page by a cookie that lives for one look. It names a sentence and a number; it
//! never holds text, so that a forged one can say nothing of its own.

/// What was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flash {
    /// So many sessions were signed out.
    Ended(u32),
    /// The password was changed, and so many other sessions signed out with it.
    PasswordChanged(u32),
    /// The password was set by a one-time link.
    PasswordSet,
    /// A form was not sent, because somebody had to sign in first.
    FormNotSent,
    /// The session was gone already.
    AlreadyGone,
}

impl Flash {
    /// As the cookie carries it.
    #[must_use]
    pub fn as_cookie(self) -> String {
        match self {
            Self::Ended(count) => format!("ended.{count}"),
            Self::PasswordChanged(count) => format!("password-changed.{count}"),
            Self::PasswordSet => "password-set".to_owned(),
            Self::FormNotSent => "form-not-sent".to_owned(),
            Self::AlreadyGone => "already-gone".to_owned(),
        }
    }

    /// Reads what [`Flash::as_cookie`] wrote.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (name, count) = text.split_once('.').map_or((text, None), |(name, count)| (name, count.parse().ok()));
        match (name, count) {
            ("ended", Some(count)) => Some(Self::Ended(count)),
            ("password-changed", Some(count)) => Some(Self::PasswordChanged(count)),
            ("password-set", None) => Some(Self::PasswordSet),
            ("form-not-sent", None) => Some(Self::FormNotSent),
            ("already-gone", None) => Some(Self::AlreadyGone),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_survives_its_cookie_and_a_forged_one_is_none() {
        for flash in
            [Flash::Ended(3), Flash::PasswordChanged(0), Flash::PasswordSet, Flash::FormNotSent, Flash::AlreadyGone]
        {
            assert_eq!(Flash::parse(flash.as_cookie().as_bytes()), Some(flash));
        }
        for forged in ["", "ended", "ended.x", "ended.-1", "<b>", "password-set.1.2", "\u{fffd}"] {
            assert_eq!(Flash::parse(forged.as_bytes()), None, "{forged}");
        }
    }
}
