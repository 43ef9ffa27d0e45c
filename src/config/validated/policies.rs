//! Passwords, lockout and identity.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::ranges;
use crate::account::HashCost;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{Located, RawField};
use crate::config::raw::policies::{RawAudit, RawExtraHeader, RawIdentity, RawLockout, RawPasswords};
use crate::config::tree::Position;
use crate::config::value::header_secret::HeaderSecret;
use crate::config::value::length;
use crate::config::value::size::ByteSize;
use crate::identity_headers::{IdentityField, IdentityPreset, are_aliases};

/// Most headers of an operator's choice: each is sent with each request.
const MAX_EXTRA_HEADERS: usize = 16;

/// Rules for passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PasswordSettings {
    /// What a new password must look like.
    pub policy: PasswordPreset,
    /// The fewest characters of a new password.
    pub min_length: u32,
    /// What a change does to the other sessions.
    pub after_change: AfterPasswordChange,
    /// The most memory that all passwords which are checked at once take together; none: as the cores are.
    pub memory: Option<ByteSize>,
}

/// What a new password must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordPreset {
    /// Upper case, lower case, a digit and a special character.
    Classic,
    /// Length and a list of common passwords.
    Modern,
}

/// What a password change does to the other sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterPasswordChange {
    /// The visitor decides.
    Ask,
    /// They stay.
    Keep,
    /// They end.
    EndOthers,
}

/// When an account is locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockoutSettings {
    /// So many wrong passwords lock it.
    pub failures: u32,
    /// Older ones are forgotten.
    #[serde(serialize_with = "length::serialize")]
    pub within: Duration,
    /// How long it stays locked.
    #[serde(serialize_with = "length::serialize")]
    pub cool_off: Duration,
}

/// What the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditSettings {
    /// For any entry.
    #[serde(serialize_with = "length::serialize")]
    pub retention: Duration,
    /// For failed sign-ins with a name that nobody has.
    #[serde(serialize_with = "length::serialize")]
    pub unknown_names_retention: Duration,
    /// Entries above which failed sign-ins are dropped.
    pub max_entries: u32,
}

/// How the app learns who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentitySettings {
    /// The names of the request headers.
    pub preset: IdentityPreset,
    /// Headers besides those of the preset.
    pub extra: Vec<ExtraHeader>,
}

/// A header of the operator's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtraHeader {
    /// Its name; none that the preset sets, or that another one has.
    pub header: String,
    /// What it says.
    pub value: ExtraHeaderValue,
}

/// Value of a header of the operator's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExtraHeaderValue {
    /// Something of whoever is calling.
    Field(IdentityField),
    /// The same to everybody: whoever knows it came through us.
    #[serde(serialize_with = "redacted")]
    Secret(HeaderSecret),
}

impl PasswordPreset {
    /// The fewest characters when none are written: the guides' eight, or what NIST SP 800-63B-4 asks of a password
    /// that is the only factor.
    fn default_min_length(self) -> u32 {
        match self {
            Self::Classic => 8,
            Self::Modern => 15,
        }
    }
}

impl Default for PasswordSettings {
    fn default() -> Self {
        let policy = PasswordPreset::Classic;
        Self { policy, min_length: policy.default_min_length(), after_change: AfterPasswordChange::Ask, memory: None }
    }
}

impl PasswordSettings {
    pub(super) fn validate(raw: RawPasswords, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let policy = raw.policy.map_or(default.policy, |policy| policy.value);
        Self {
            policy,
            min_length: ranges::count(raw.min_length, policy.default_min_length(), &(8..=64), diagnostics),
            after_change: raw.after_change.map_or(default.after_change, |after| after.value),
            memory: raw.memory.map(|memory| {
                let needed = ByteSize::kib(HashCost::default().memory.into());
                if memory.value < needed {
                    memory.report(diagnostics, format!("is less than one password takes; write {needed} or more"));
                }
                memory.value
            }),
        }
    }
}

impl Default for LockoutSettings {
    fn default() -> Self {
        Self { failures: 5, within: Duration::from_mins(15), cool_off: Duration::from_mins(30) }
    }
}

impl LockoutSettings {
    pub(super) fn validate(raw: RawLockout, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let range = ranges::at_least(Duration::from_secs(1));
        Self {
            failures: ranges::count(raw.failures, default.failures, &(1..=100), diagnostics),
            within: ranges::duration(raw.within, default.within, &range, diagnostics),
            cool_off: ranges::duration(raw.cool_off, default.cool_off, &range, diagnostics),
        }
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self { retention: 400 * day, unknown_names_retention: 7 * day, max_entries: 200_000 }
    }
}

impl AuditSettings {
    pub(super) fn validate(raw: RawAudit, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        Self {
            retention: ranges::duration(raw.retention, default.retention, &ranges::at_least(day), diagnostics),
            unknown_names_retention: ranges::duration(
                raw.unknown_names_retention,
                default.unknown_names_retention,
                &ranges::at_least(hour),
                diagnostics,
            ),
            max_entries: ranges::count(raw.max_entries, default.max_entries, &(1_000..=5_000_000), diagnostics),
        }
    }
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self { preset: IdentityPreset::Remote, extra: Vec::new() }
    }
}

impl IdentitySettings {
    pub(super) fn validate(raw: RawIdentity, diagnostics: &Diagnostics) -> Self {
        let preset = raw.preset.map_or(IdentityPreset::Remote, |preset| preset.value);
        let mut identity = Self { preset, extra: Vec::new() };
        let Some(written) = raw.extra else { return identity };
        if written.value.len() > MAX_EXTRA_HEADERS {
            written.report(diagnostics, format!("has more than {MAX_EXTRA_HEADERS} headers; keep what an app reads"));
        }
        for Located { value: RawExtraHeader { header, value, value_file }, at, key } in written.value {
            if header.is_none() {
                diagnostics.report_missing(
                    at,
                    &format!("{key}.header"),
                    "is missing; write the name of a header, such as X-Employee",
                );
            }
            let value = extra_value(value, value_file, at, &key, diagnostics);
            let (Some(header), Some(value)) = (header, value) else { continue };
            if preset.sets(&header.value.0) {
                header.report(diagnostics, "is set by the preset already; take it out");
            } else if identity.extra.iter().any(|other| are_aliases(&other.header, &header.value.0)) {
                header
                    .report(diagnostics, "is written twice, for apps that take - and _ for the same; keep one of them");
            }
            identity.extra.push(ExtraHeader { header: header.value.0, value });
        }
        identity
    }

    /// The files that secrets were read from.
    pub fn secret_files(&self) -> impl Iterator<Item = &Path> {
        self.extra.iter().filter_map(|extra| match &extra.value {
            ExtraHeaderValue::Secret(secret) => Some(secret.file()),
            ExtraHeaderValue::Field(_) => None,
        })
    }
}

/// What a header says: something of whoever is calling, or the secret in a file.
fn extra_value(
    field: RawField<IdentityField>,
    in_file: RawField<String>,
    at: Position,
    key: &str,
    diagnostics: &Diagnostics,
) -> Option<ExtraHeaderValue> {
    match (field, in_file) {
        (Some(told), None) => Some(ExtraHeaderValue::Field(told.value)),
        (Some(told), Some(_)) => {
            told.report(diagnostics, "value_file is written too; keep one of value and value_file");
            None
        }
        (None, Some(path)) => {
            let secret = HeaderSecret::from_file(&diagnostics.resolve_path(&path.value), diagnostics);
            secret.map(ExtraHeaderValue::Secret).map_err(|message| path.report(diagnostics, message)).ok()
        }
        (None, None) => {
            if !diagnostics.has_error_at(&format!("{key}.value_file")) {
                let mend = "is missing; write name, display_name, email, roles or user_id, or value_file with the file of a secret";
                diagnostics.report_missing(at, &format!("{key}.value"), mend);
            }
            None
        }
    }
}

fn redacted<S: Serializer>(_: &HeaderSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("(redacted)")
}
