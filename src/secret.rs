//! Secret values and the random source that they come from.
//!
//! A [`Token`] is 256 random bits that somebody else holds; we keep only its [`Digest`]. Neither is ever shown: no
//! `Display`, no `Serialize`, and `Debug` says nothing of the content.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of a token as text: 32 bytes in base64url without padding.
pub const TOKEN_CHARS: usize = 43;

/// Fills a new array from the operating system's random source.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that Portcullis does is safe then.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Bearer token of 256 random bits: a session, a one-time link.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; 32]);

impl Token {
    /// Generates a random token.
    #[must_use]
    pub fn mint() -> Self {
        Self(random_bytes())
    }

    /// Parses the form of [`Token::expose`]; none for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != TOKEN_CHARS {
            return None;
        }
        let mut bytes = [0; 32];
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (written == bytes.len()).then_some(Self(bytes))
    }

    /// The token as text, for the one place that gives it to its owner.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Digest of the token, the only form that a store keeps.
    #[must_use]
    pub fn digest(&self) -> Digest {
        #[cfg(test)]
        DIGESTS.set(DIGESTS.get() + 1);
        Digest(Sha256::digest(self.0).into())
    }
}

#[cfg(test)]
thread_local! {
    /// Digests of tokens that this thread has computed.
    pub(crate) static DIGESTS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// SHA-256 of a token: enough to recognise it, useless to present it.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digest from stored bytes; none for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Bytes for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Compares in constant time, eight bytes at a time.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.as_chunks::<8>().0, other.0.as_chunks::<8>().0);
        let same = |(one, other): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*one).ct_eq(&u64::from_ne_bytes(*other));
        ours.iter().zip(theirs).map(same).fold(Choice::from(1), |all, one| all & one).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// The key from `secret_file`: blinds what a store must recognise and nobody need read (the names typed at sign-in).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    /// Key from the bytes of the configured secret.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Random key that lasts as long as this process.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self(random_bytes::<32>().to_vec())
    }

    /// A keyed digest (HMAC-SHA-256) of `text` for one purpose, as text.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    #[must_use]
    pub fn keyed_digest(&self, purpose: &str, text: &str) -> String {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Password as typed. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// Takes what was typed, unchanged.
    #[must_use]
    pub const fn new(typed: String) -> Self {
        Self(typed)
    }

    /// The same by `OpaqueString` (RFC 8265, 4.2): each space of another kind is U+0020, then NFC. So the same keys are the
    /// same password, whatever composes their letters. What was prepared is wiped, too.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let is_space =
            |c| matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
        // NFC is at most three times as long in UTF-8: what grows would leave a copy behind.
        let mut normalized = String::with_capacity(self.0.len() * 3);
        normalized.extend(self.0.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc());
        Self(normalized)
    }

    /// Whether both are equal after normalisation.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.normalized().0 == other.normalized().0
    }

    /// The text, for hashing and for the password rules.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl<'de> serde::Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_nothing_else_does() {
        let token = Token::mint();
        let text = token.expose();
        assert_eq!(text.len(), TOKEN_CHARS);
        assert_eq!(Token::parse(text.as_bytes()).map(|t| t.digest()), Some(token.digest()));
        for bad in ["", "x", &text[1..], &format!("{text}="), &text.replace(&text[0..1], "*")] {
            assert!(Token::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_same_keys_are_the_same_password() {
        let normalized = |text: &str| Password::new(text.to_owned()).normalized().0.clone();
        assert_eq!(normalized("cafe\u{301} \u{3000}x\u{a0}"), "caf\u{e9}  x ");
        for same in ["Ａ", "ﬁ", "K2²", "pass word"] {
            assert_eq!(normalized(same), same, "nothing else is mapped");
        }
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?} {:?}", Token::mint(), Password::new("hunter2".into())), "Token(..) Password(..)");
    }

    #[test]
    fn blinding_depends_on_key_and_purpose() {
        let key = SecretKey::new(b"0123456789abcdef0123456789abcdef");
        assert_eq!(key.keyed_digest("name", "alice"), key.keyed_digest("name", "alice"));
        assert_ne!(key.keyed_digest("name", "alice"), key.keyed_digest("mail", "alice"));
        assert_ne!(key.keyed_digest("name", "alice"), SecretKey::ephemeral().keyed_digest("name", "alice"));
    }
}
