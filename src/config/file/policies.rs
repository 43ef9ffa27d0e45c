//! Passwords, lockout and identity as written.

use schemars::JsonSchema;

use crate::config::complaint::Desk;
use crate::config::meaning::policies::{AfterPasswordChange, IdentityPreset, PasswordPolicy};
use crate::config::read::{Choice, Field, Read};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::length::Length;

/// Rules for passwords.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct PasswordsFile {
    /// `classic`: an upper-case letter, a lower-case letter, a digit and a special character. `modern` (NIST SP 800-63B-4):
    /// length and a list of common passwords, no composition.
    pub(in crate::config) policy: Field<PasswordPolicy>,
    /// The fewest characters of a new password, 8 to 64. Left out, it is 8 with `classic` and 15 with `modern`, as NIST
    /// asks of a password that is the only factor. Passwords that exist keep working.
    pub(in crate::config) min_length: Field<u32>,
    /// What a password change does to the other sessions: `ask` shows a box, `keep` leaves them, `end_others` ends them.
    pub(in crate::config) after_change: Field<AfterPasswordChange>,
}

/// When an account is locked after wrong passwords.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct LockoutFile {
    /// So many wrong passwords lock the account for a while, 1 to 100.
    pub(in crate::config) failures: Field<u32>,
    /// Wrong passwords older than this are forgotten.
    pub(in crate::config) within: Field<Length>,
    /// How long the account stays locked.
    pub(in crate::config) cool_off: Field<Length>,
}

/// How the app learns who is calling.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct IdentityFile {
    /// The names of the request headers. `remote`: `Remote-User`, `Remote-Name`, `Remote-Email` and `Remote-Groups`.
    pub(in crate::config) preset: Field<IdentityPreset>,
}

impl Read for PasswordsFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let passwords = Self {
            policy: keys.take("policy"),
            min_length: keys.take("min_length"),
            after_change: keys.take("after_change"),
        };
        keys.close(&[]);
        Some(passwords)
    }
}

impl Read for LockoutFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let lockout =
            Self { failures: keys.take("failures"), within: keys.take("within"), cool_off: keys.take("cool_off") };
        keys.close(&["permanent_after"]);
        Some(lockout)
    }
}

impl Read for IdentityFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let identity = Self { preset: keys.take("preset") };
        keys.close(&["extra", "jwt"]);
        Some(identity)
    }
}

impl Choice for PasswordPolicy {
    const WORDS: &'static [(&'static str, Self)] = &[("classic", Self::Classic), ("modern", Self::Modern)];
}

impl Choice for AfterPasswordChange {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ask", Self::Ask), ("keep", Self::Keep), ("end_others", Self::EndOthers)];
}

impl Choice for IdentityPreset {
    const WORDS: &'static [(&'static str, Self)] = &[("remote", Self::Remote)];
    const LATER: &'static [&'static str] = &["webauth", "forwarded", "jenkins", "opensearch", "siteminder"];
}
