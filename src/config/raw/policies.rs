//! Passwords, lockout and identity as written.

use schemars::JsonSchema;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, Located, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::validated::policies::{AfterPasswordChange, PasswordPreset};
use crate::config::value::header_name::IdentityHeaderName;
use crate::config::value::length::FiniteDuration;
use crate::config::value::size::ByteSize;
use crate::identity_headers::{IdentityField, IdentityPreset};

/// Rules for passwords.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawPasswords {
    /// `classic`: an upper-case letter, a lower-case letter, a digit and a special character. `modern` (NIST SP 800-63B-4):
    /// length and a list of common passwords, no composition.
    pub(in crate::config) policy: RawField<PasswordPreset>,
    /// The fewest characters of a new password, 8 to 64. Left out, it is 8 with `classic` and 15 with `modern`, as NIST
    /// asks of a password that is the only factor. Passwords that exist keep working.
    pub(in crate::config) min_length: RawField<u32>,
    /// What a password change does to the other sessions: `ask` shows a box, `keep` leaves them, `end_others` ends them.
    pub(in crate::config) after_change: RawField<AfterPasswordChange>,
    /// The most memory that all passwords which are checked at once take together, at least the `19MiB` that one takes. With `null` it is
    /// 19 MiB for each core, for 8 at most. Further ones wait their turn, and a minute after the last one the memory is given back. A
    /// hash from elsewhere that takes more than this is checked alone.
    pub(in crate::config) memory: RawField<ByteSize>,
}

/// When an account is locked after wrong passwords.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawLockout {
    /// So many wrong passwords lock the account for a while, 1 to 100.
    pub(in crate::config) failures: RawField<u32>,
    /// Wrong passwords older than this are forgotten.
    pub(in crate::config) within: RawField<FiniteDuration>,
    /// How long the account stays locked. A shorter one holds for a lock that stands from the next try on; `failures` holds for
    /// the next lock. `portcullis users unlock` lifts one.
    pub(in crate::config) cool_off: RawField<FiniteDuration>,
}

/// What the journal keeps: the sign-in history of visitors, and what `portcullis audit` shows.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawAudit {
    /// How long an entry is kept, from 1d up.
    pub(in crate::config) retention: RawField<FiniteDuration>,
    /// How long a failed sign-in with a name that nobody has is kept, from 1h up, where that is shorter.
    pub(in crate::config) unknown_names_retention: RawField<FiniteDuration>,
    /// How many entries the journal holds, 1000 to 5000000; each takes about 0.6 KB of disk or of Redis' memory. Failed sign-ins
    /// have at most three quarters of it. Above it the oldest of them are dropped, those with names that nobody has first. All
    /// other entries stay for `retention`, even where they alone are more.
    pub(in crate::config) max_entries: RawField<u32>,
}

/// How the app learns who is calling.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawIdentity {
    /// The names of the request headers. `remote`: `Remote-User`, `Remote-Name`, `Remote-Email` and `Remote-Groups`. `webauth`
    /// (Grafana, Gitea): `X-WEBAUTH-USER`, `-NAME`, `-FULLNAME`, `-EMAIL` and `-GROUPS`. `forwarded` (as oauth2-proxy):
    /// `X-Forwarded-User`, `-Preferred-Username`, `-Email` and `-Groups`. `jenkins` (its Reverse Proxy Auth plugin):
    /// `X-Forwarded-User`, `-DisplayName`, `-Mail` and `-Groups`. `opensearch`: `x-proxy-user` and `x-proxy-roles`.
    /// `siteminder`: `SM_USER`, `SM_UNIVERSALID` (the user's id) and `SM_USERGROUPS`. Roles are separated by commas; with
    /// `jenkins` by `|`, with `siteminder` by `^`. Whatever the preset, no client's header of any of these names, or of an alias
    /// of it, reaches an app.
    pub(in crate::config) preset: RawField<IdentityPreset>,
    /// Further headers, up to 16: `- { header: X-Employee, value: email }` with the value `name`, `display_name`, `email`,
    /// `roles` (with the preset's separator) or `user_id`; or `- { header: X-App-Secret, value_file: proxy.secret }`, a fixed secret by
    /// which the app knows that a request came through Portcullis: one line of at most 4 KiB of ASCII, in a file that others may not
    /// read, sent as it is and only where an identity is sent. From clients they are removed on every route, public ones too.
    pub(in crate::config) extra: RawField<Vec<Located<RawExtraHeader>>>,
}

/// A header of the operator's choice.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawExtraHeader {
    /// Its name.
    #[schemars(required)]
    pub(in crate::config) header: RawField<IdentityHeaderName>,
    /// What it tells.
    pub(in crate::config) value: RawField<IdentityField>,
    /// The file of the secret that it says, in place of `value`.
    pub(in crate::config) value_file: RawField<String>,
}

impl FromNode for RawPasswords {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let passwords = Self {
            policy: keys.take("policy"),
            min_length: keys.take("min_length"),
            after_change: keys.take("after_change"),
            memory: keys.take_nullable("memory"),
        };
        keys.finish(&[]);
        Some(passwords)
    }
}

impl FromNode for RawLockout {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let lockout =
            Self { failures: keys.take("failures"), within: keys.take("within"), cool_off: keys.take("cool_off") };
        keys.finish(&["permanent_after"]);
        Some(lockout)
    }
}

impl FromNode for RawAudit {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let audit = Self {
            retention: keys.take("retention"),
            unknown_names_retention: keys.take("unknown_names_retention"),
            max_entries: keys.take("max_entries"),
        };
        keys.finish(&[]);
        Some(audit)
    }
}

impl FromNode for RawIdentity {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let identity = Self { preset: keys.take("preset"), extra: keys.take("extra") };
        keys.finish(&["jwt"]);
        Some(identity)
    }
}

impl FromNode for RawExtraHeader {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let extra =
            Self { header: keys.take("header"), value: keys.take("value"), value_file: keys.take("value_file") };
        keys.finish(&[]);
        Some(extra)
    }
}

impl KeywordSet for PasswordPreset {
    const KEYWORDS: &'static [(&'static str, Self)] = &[("classic", Self::Classic), ("modern", Self::Modern)];
}

impl KeywordSet for AfterPasswordChange {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("ask", Self::Ask), ("keep", Self::Keep), ("end_others", Self::EndOthers)];
}

impl KeywordSet for IdentityPreset {
    const KEYWORDS: &'static [(&'static str, Self)] = &[
        ("remote", Self::Remote),
        ("webauth", Self::Webauth),
        ("forwarded", Self::Forwarded),
        ("jenkins", Self::Jenkins),
        ("opensearch", Self::Opensearch),
        ("siteminder", Self::Siteminder),
    ];
}

impl KeywordSet for IdentityField {
    const KEYWORDS: &'static [(&'static str, Self)] = &[
        ("name", Self::Name),
        ("display_name", Self::DisplayName),
        ("email", Self::Email),
        ("roles", Self::Roles),
        ("user_id", Self::UserId),
    ];
}
