//! Session tokens, as the cookie carries them: a public id and a secret. The store keeps only the secret's digest.

use crate::{
    id::{SessionId, UserId},
    secret::{Digest, TOKEN_CHARS, Token},
};

/// The key to a session. It has no `Display` and no `Serialize`; its `Debug` shows the public id alone.
#[derive(Clone)]
pub struct SessionToken {
    id: SessionId,
    secret: Token,
}

impl SessionToken {
    /// A new secret for this session.
    #[must_use]
    pub fn mint(id: SessionId) -> Self {
        Self { id, secret: Token::mint() }
    }

    /// The secret that a form leads to, for a session that only this form can have opened: whoever sends the form again is
    /// handed the same one.
    #[must_use]
    pub fn from_form_secret(owner: UserId, secret: Token) -> Self {
        let digest = secret.digest();
        let serial = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self { id: SessionId::with_serial(owner, serial), secret }
    }

    /// This secret, for this session.
    #[must_use]
    pub const fn new(id: SessionId, secret: Token) -> Self {
        Self { id, secret }
    }

    /// Reads a cookie's value: 26 characters of id, a dot, 43 of secret. Anything else is none.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let dot = value.len().checked_sub(TOKEN_CHARS + 1)?;
        let (id, rest) = value.split_at(dot);
        let secret = rest.strip_prefix(b".")?;
        Some(Self { id: SessionId::from_bare(id)?, secret: Token::parse(secret)? })
    }

    /// Id of the session that it claims to open.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Digest of its secret, which the store compares.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.secret.digest()
    }

    /// The cookie's value, for the one answer that sets it.
    #[must_use]
    pub fn to_cookie_value(&self) -> String {
        format!("{}.{}", self.id.bare(), self.secret.expose())
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionToken({}, ..)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_under_a_hundred_bytes_and_survives() {
        let token = SessionToken::mint(SessionId::mint(UserId::mint()));
        let value = token.to_cookie_value();
        assert!(value.len() < 100, "{}", value.len());
        let read = SessionToken::parse(value.as_bytes()).expect("what was handed over is read");
        assert_eq!((read.id(), read.digest()), (token.id(), token.digest()));
    }

    #[test]
    fn nothing_else_is_a_token() {
        let value = SessionToken::mint(SessionId::mint(UserId::mint())).to_cookie_value();
        let id = &value[..26];
        for bad in [
            "",
            ".",
            "*",
            "{}",
            id,
            &format!("sess_{value}"),
            &format!("{value}\r\n"),
            &value.replace('.', ":"),
            &"a".repeat(4096),
        ] {
            assert!(SessionToken::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(SessionToken::parse(&[0xff; 70]).is_none());
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let token = SessionToken::mint(SessionId::mint(UserId::mint()));
        assert_eq!(format!("{token:?}"), format!("SessionToken({}, ..)", token.id()));
    }
}
