//! Passwords, lockout and identity.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::bounds;
use crate::account::Cost;
use crate::config::complaint::Desk;
use crate::config::file::policies::{AuditFile, ExtraHeaderFile, IdentityFile, LockoutFile, PasswordsFile};
use crate::config::read::{Field, Located};
use crate::config::tree::Place;
use crate::config::value::header_secret::HeaderSecret;
use crate::config::value::length;
use crate::config::value::size::Size;
use crate::proxy::{IdentityPreset, Told, are_aliases};

/// Most headers of an operator's choice: each is sent with each request.
const MOST_EXTRA: usize = 16;

/// Rules for passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passwords {
    /// What a new password must look like.
    pub policy: PasswordPolicy,
    /// The fewest characters of a new password.
    pub min_length: u32,
    /// What a change does to the other sessions.
    pub after_change: AfterPasswordChange,
    /// The most memory that all passwords which are checked at once take together; none: as the cores are.
    pub memory: Option<Size>,
}

/// What a new password must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordPolicy {
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
pub struct Lockout {
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
pub struct Audit {
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
pub struct Identity {
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
    pub value: ExtraValue,
}

/// Value of a header of the operator's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExtraValue {
    /// Something of whoever is calling.
    Told(Told),
    /// The same to everybody: whoever knows it came through us.
    #[serde(serialize_with = "redacted")]
    Secret(HeaderSecret),
}

impl PasswordPolicy {
    /// The fewest characters when none are written: the guides' eight, or what NIST SP 800-63B-4 asks of a password
    /// that is the only factor.
    fn default_length(self) -> u32 {
        match self {
            Self::Classic => 8,
            Self::Modern => 15,
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let policy = PasswordPolicy::Classic;
        Self { policy, min_length: policy.default_length(), after_change: AfterPasswordChange::Ask, memory: None }
    }
}

impl Passwords {
    pub(super) fn of(file: PasswordsFile, desk: &Desk) -> Self {
        let default = Self::default();
        let policy = file.policy.map_or(default.policy, |policy| policy.value);
        Self {
            policy,
            min_length: bounds::count(file.min_length, policy.default_length(), &(8..=64), desk),
            after_change: file.after_change.map_or(default.after_change, |after| after.value),
            memory: file.memory.map(|memory| {
                let needed = Size::kib(Cost::default().memory.into());
                if memory.value < needed {
                    memory.complain(desk, format!("is less than one password takes; write {needed} or more"));
                }
                memory.value
            }),
        }
    }
}

impl Default for Lockout {
    fn default() -> Self {
        Self { failures: 5, within: Duration::from_mins(15), cool_off: Duration::from_mins(30) }
    }
}

impl Lockout {
    pub(super) fn of(file: LockoutFile, desk: &Desk) -> Self {
        let default = Self::default();
        let range = bounds::from(Duration::from_secs(1));
        Self {
            failures: bounds::count(file.failures, default.failures, &(1..=100), desk),
            within: bounds::length(file.within, default.within, &range, desk),
            cool_off: bounds::length(file.cool_off, default.cool_off, &range, desk),
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self { retention: 400 * day, unknown_names_retention: 7 * day, max_entries: 200_000 }
    }
}

impl Audit {
    pub(super) fn of(file: AuditFile, desk: &Desk) -> Self {
        let default = Self::default();
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        Self {
            retention: bounds::length(file.retention, default.retention, &bounds::from(day), desk),
            unknown_names_retention: bounds::length(
                file.unknown_names_retention,
                default.unknown_names_retention,
                &bounds::from(hour),
                desk,
            ),
            max_entries: bounds::count(file.max_entries, default.max_entries, &(1_000..=5_000_000), desk),
        }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self { preset: IdentityPreset::Remote, extra: Vec::new() }
    }
}

impl Identity {
    pub(super) fn of(file: IdentityFile, desk: &Desk) -> Self {
        let preset = file.preset.map_or(IdentityPreset::Remote, |preset| preset.value);
        let mut identity = Self { preset, extra: Vec::new() };
        let Some(written) = file.extra else { return identity };
        if written.value.len() > MOST_EXTRA {
            written.complain(desk, format!("has more than {MOST_EXTRA} headers; keep what an app reads"));
        }
        for Located { value: ExtraHeaderFile { header, value, value_file }, at, key } in written.value {
            if header.is_none() {
                desk.miss(at, &format!("{key}.header"), "is missing; write the name of a header, such as X-Employee");
            }
            let value = extra_value(value, value_file, at, &key, desk);
            let (Some(header), Some(value)) = (header, value) else { continue };
            if preset.sets(&header.value.0) {
                header.complain(desk, "is set by the preset already; take it out");
            } else if identity.extra.iter().any(|other| are_aliases(&other.header, &header.value.0)) {
                header.complain(desk, "is written twice, for apps that take - and _ for the same; keep one of them");
            }
            identity.extra.push(ExtraHeader { header: header.value.0, value });
        }
        identity
    }

    /// The files that secrets were read from.
    pub fn secret_files(&self) -> impl Iterator<Item = &Path> {
        self.extra.iter().filter_map(|extra| match &extra.value {
            ExtraValue::Secret(secret) => Some(secret.file()),
            ExtraValue::Told(_) => None,
        })
    }
}

/// What a header says: something of whoever is calling, or the secret in a file.
fn extra_value(told: Field<Told>, in_file: Field<String>, at: Place, key: &str, desk: &Desk) -> Option<ExtraValue> {
    match (told, in_file) {
        (Some(told), None) => Some(ExtraValue::Told(told.value)),
        (Some(told), Some(_)) => {
            told.complain(desk, "value_file is written too; keep one of value and value_file");
            None
        }
        (None, Some(path)) => {
            let secret = HeaderSecret::from_file(&desk.path(&path.value), desk);
            secret.map(ExtraValue::Secret).map_err(|message| path.complain(desk, message)).ok()
        }
        (None, None) => {
            if !desk.knows(&format!("{key}.value_file")) {
                let mend = "is missing; write name, display_name, email, roles or user_id, or value_file with the file of a secret";
                desk.miss(at, &format!("{key}.value"), mend);
            }
            None
        }
    }
}

fn redacted<S: Serializer>(_: &HeaderSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("(redacted)")
}
