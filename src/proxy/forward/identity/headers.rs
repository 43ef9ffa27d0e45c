//! The set of identity headers in force: those of a preset, those that the operator adds, and those with a fixed value.

use bytes::Bytes;
use http::HeaderValue;

use crate::{
    identity_headers::{IdentityField, IdentityPreset, is_alias, is_managed, normalized},
    session::UserSnapshot,
};

/// The headers by which apps are told who is calling. A reload may replace them.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    user_headers: Vec<(Bytes, IdentityField)>,
    /// What is said of everybody.
    fixed_headers: Vec<(Bytes, HeaderValue)>,
    separator: &'static str,
    /// The names of an operator's own headers as aliases are compared: they are managed, too.
    extra_names: Vec<Box<[u8]>>,
}

impl IdentityHeaders {
    /// Those of a preset, and these besides.
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

    /// Adds a header of this name, which tells this.
    #[must_use]
    pub fn with_field(mut self, name: &str, field: IdentityField) -> Self {
        self.user_headers.push((Bytes::copy_from_slice(name.as_bytes()), field));
        self.extra_names.push(normalized(name.as_bytes()));
        self
    }

    /// And this one, which is the same for everybody.
    #[must_use]
    pub fn with_fixed(mut self, name: &str, value: HeaderValue) -> Self {
        self.fixed_headers.push((Bytes::copy_from_slice(name.as_bytes()), value));
        self.extra_names.push(normalized(name.as_bytes()));
        self
    }

    /// What an app is told with each identity, whoever it is.
    pub(super) fn fixed(&self) -> impl Iterator<Item = (Bytes, HeaderValue)> {
        self.fixed_headers.iter().cloned()
    }

    /// Whether only we may send a header of this (lower-case) name.
    pub(super) fn manages(&self, name: &str) -> bool {
        let name = name.as_bytes();
        is_managed(name) || self.extra_names.iter().any(|extra| is_alias(name, extra))
    }

    /// What an app is told of somebody, and under which names.
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

    /// A role that a store has spoiled, so that it would be read as two, is not told: the rules compare it whole.
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
