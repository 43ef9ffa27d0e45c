//! The set of identity headers in force: those of a preset, those that the operator adds, and those with a fixed value.

use bytes::Bytes;
use http::HeaderValue;

use crate::{
    identity_headers::{IdentityField, IdentityPreset, is_alias, is_managed, normalized},
    session::UserSnapshot,
};

/// Identity headers: those by which apps are told who is calling. A reload may replace them.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    user_headers: Vec<(Bytes, IdentityField)>,
    /// Headers with the same value for everybody.
    fixed_headers: Vec<(Bytes, HeaderValue)>,
    separator: &'static str,
    /// Normalized names of an operator's own headers: they are managed, too.
    extra_names: Vec<Box<[u8]>>,
}

impl IdentityHeaders {
    /// Headers of a preset, and further ones.
    #[must_use]
    pub fn new<'a>(preset: IdentityPreset, extra: impl IntoIterator<Item = (&'a str, IdentityField)>) -> Self {
        let named = |(name, field): &(&'static str, IdentityField)| (Bytes::from_static(name.as_bytes()), *field);
        let mut headers = Self {
            user_headers: preset.headers().iter().map(named).collect(),
            fixed_headers: Vec::new(),
            separator: preset.separator(),
            extra_names: Vec::new(),
        };
        for (name, field) in extra {
            headers = headers.with_field(name, field);
        }
        headers
    }

    /// Adds a header of this name that carries this field.
    #[must_use]
    pub fn with_field(mut self, name: &str, field: IdentityField) -> Self {
        self.user_headers.push((Bytes::copy_from_slice(name.as_bytes()), field));
        self.extra_names.push(normalized(name.as_bytes()));
        self
    }

    /// Adds a header of this name that has this value for everybody.
    #[must_use]
    pub fn with_fixed(mut self, name: &str, value: HeaderValue) -> Self {
        self.fixed_headers.push((Bytes::copy_from_slice(name.as_bytes()), value));
        self.extra_names.push(normalized(name.as_bytes()));
        self
    }

    /// Headers with the same value for everybody.
    pub(super) fn fixed(&self) -> impl Iterator<Item = (Bytes, HeaderValue)> {
        self.fixed_headers.iter().cloned()
    }

    /// Whether only Portcullis may send a header of this (lower-case) name.
    pub(super) fn manages(&self, name: &str) -> bool {
        let name = name.as_bytes();
        is_managed(name) || self.extra_names.iter().any(|extra| is_alias(name, extra))
    }

    /// Calls `say` with the name and the value of each header that tells of a user.
    pub(super) fn for_each_header(&self, user: &UserSnapshot, mut say: impl FnMut(Bytes, &str)) {
        for (name, field) in &self.user_headers {
            let name = name.clone();
            match field {
                IdentityField::Name => say(name, &user.name),
                IdentityField::DisplayName => say(name, user.display_name.as_deref().unwrap_or(&user.name)),
                IdentityField::Email => {
                    if let Some(email) = &user.email {
                        say(name, email);
                    }
                }
                IdentityField::Roles => say(name, &self.join_roles(user)),
                IdentityField::UserId => say(name, &user.id.to_string()),
            }
        }
    }

    /// Joins the roles. A role that a store has spoiled, so that it would be read as two, is left out: the rules compare it whole.
    fn join_roles(&self, user: &UserSnapshot) -> String {
        let whole = |role: &&String| !role.contains(self.separator) && !role.contains(',');
        let mut joined = String::new();
        for role in user.roles.iter().filter(whole) {
            if !joined.is_empty() {
                joined.push_str(self.separator);
            }
            joined.push_str(role);
        }
        joined
    }
}
