//! Under which names an app is told who is calling.

use bytes::Bytes;
use http::HeaderValue;
use schemars::JsonSchema;
use serde::Serialize;

use super::managed::{is_alias, is_identity, is_managed, is_reserved, normalized};
use crate::session::UserSnapshot;

/// Longest name of a header.
const MAX_NAME_LENGTH: usize = 64;

/// A set of header names that apps already read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityPreset {
    /// `Remote-User` and its kin, as Authelia names them.
    Remote,
    /// `X-WEBAUTH-USER` and its kin: Grafana, Gitea, Forgejo.
    Webauth,
    /// `X-Forwarded-User` and its kin, as oauth2-proxy names them.
    Forwarded,
    /// What Jenkins' Reverse Proxy Auth plugin reads.
    Jenkins,
    /// What the proxy authentication of `OpenSearch` reads.
    Opensearch,
    /// What the agents of `SiteMinder` send.
    Siteminder,
}

/// What can be told of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityField {
    /// What they sign in with.
    Name,
    /// What they want to be called; the name where there is no other.
    DisplayName,
    /// Their address, where there is one.
    Email,
    /// Their roles, with the separator of the preset between them.
    Roles,
    /// What stays theirs when they are renamed.
    UserId,
}

/// Why an operator cannot have a header of some name set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// It is empty, or holds what servers read in more than one way.
    #[error("it is no plain name of a header")]
    NotAToken,
    /// It is too long.
    #[error("it is longer than {MAX_NAME_LENGTH} bytes")]
    TooLong,
    /// HTTP, browsers or servers read it.
    #[error("it has a meaning in HTTP")]
    Reserved,
    /// It tells an app something else than who is calling, and we tell that ourselves or not at all.
    #[error("it tells something else than who is calling")]
    NotIdentity,
}

impl IdentityPreset {
    const fn headers(self) -> &'static [(&'static str, IdentityField)] {
        match self {
            Self::Remote => &[
                ("Remote-User", IdentityField::Name),
                ("Remote-Name", IdentityField::DisplayName),
                ("Remote-Email", IdentityField::Email),
                ("Remote-Groups", IdentityField::Roles),
            ],
            Self::Webauth => &[
                ("X-WEBAUTH-USER", IdentityField::Name),
                ("X-WEBAUTH-NAME", IdentityField::DisplayName),
                ("X-WEBAUTH-FULLNAME", IdentityField::DisplayName),
                ("X-WEBAUTH-EMAIL", IdentityField::Email),
                ("X-WEBAUTH-GROUPS", IdentityField::Roles),
            ],
            Self::Forwarded => &[
                ("X-Forwarded-User", IdentityField::Name),
                ("X-Forwarded-Preferred-Username", IdentityField::Name),
                ("X-Forwarded-Email", IdentityField::Email),
                ("X-Forwarded-Groups", IdentityField::Roles),
            ],
            Self::Jenkins => &[
                ("X-Forwarded-User", IdentityField::Name),
                ("X-Forwarded-DisplayName", IdentityField::DisplayName),
                ("X-Forwarded-Mail", IdentityField::Email),
                ("X-Forwarded-Groups", IdentityField::Roles),
            ],
            Self::Opensearch => &[("x-proxy-user", IdentityField::Name), ("x-proxy-roles", IdentityField::Roles)],
            Self::Siteminder => &[
                ("SM_USER", IdentityField::Name),
                ("SM_UNIVERSALID", IdentityField::UserId),
                ("SM_USERGROUPS", IdentityField::Roles),
            ],
        }
    }

    const fn separator(self) -> &'static str {
        match self {
            Self::Remote | Self::Webauth | Self::Forwarded | Self::Opensearch => ",",
            Self::Jenkins => "|",
            Self::Siteminder => "^",
        }
    }

    /// Whether it sets a header of this name, in any spelling.
    #[must_use]
    pub fn sets(self, name: &str) -> bool {
        let name = normalized(name.as_bytes());
        self.headers().iter().any(|(set, _)| is_alias(set.as_bytes(), &name))
    }
}

/// Whether two names are one to an app that maps what is no letter and no digit to `_`.
#[must_use]
pub fn are_aliases(name: &str, other: &str) -> bool {
    is_alias(name.as_bytes(), &normalized(other.as_bytes()))
}

/// Whether an operator may have a header of this name set.
///
/// # Errors
/// With the reason why not.
pub fn check_header_name(name: &str) -> Result<(), HeaderNameError> {
    let bytes = name.as_bytes();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !bytes.iter().all(fits) || !bytes.first().is_some_and(u8::is_ascii_alphanumeric) {
        Err(HeaderNameError::NotAToken)
    } else if bytes.len() > MAX_NAME_LENGTH {
        Err(HeaderNameError::TooLong)
    } else if is_reserved(bytes) {
        Err(HeaderNameError::Reserved)
    } else if is_managed(bytes) && !is_identity(bytes) {
        Err(HeaderNameError::NotIdentity)
    } else {
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_something_else_is_no_name_for_a_header_of_an_operator() {
        for (name, why) in [
            ("", HeaderNameError::NotAToken),
            ("X Employee", HeaderNameError::NotAToken),
            ("X-Employ\u{e9}e", HeaderNameError::NotAToken),
            ("X:Y", HeaderNameError::NotAToken),
            ("X.Y", HeaderNameError::NotAToken),
            ("-x", HeaderNameError::NotAToken),
            ("X\r\nY", HeaderNameError::NotAToken),
            ("Connection", HeaderNameError::Reserved),
            ("transfer_encoding", HeaderNameError::Reserved),
            ("Keep-Alive", HeaderNameError::Reserved),
            ("TE", HeaderNameError::Reserved),
            ("Trailer", HeaderNameError::Reserved),
            ("Upgrade", HeaderNameError::Reserved),
            ("Proxy-Authorization", HeaderNameError::Reserved),
            ("Host", HeaderNameError::Reserved),
            ("Cookie", HeaderNameError::Reserved),
            ("content_length", HeaderNameError::Reserved),
            ("Authorization", HeaderNameError::Reserved),
            ("Sec-WebSocket-Key", HeaderNameError::Reserved),
            ("Origin", HeaderNameError::Reserved),
            ("If-None-Match", HeaderNameError::Reserved),
            ("X-Request-Id", HeaderNameError::NotIdentity),
            ("x_request_id", HeaderNameError::NotIdentity),
            ("X-Forwarded-For", HeaderNameError::NotIdentity),
            ("X_Forwarded_Host", HeaderNameError::NotIdentity),
            ("X-Forwarded-Proto", HeaderNameError::NotIdentity),
            ("Forwarded", HeaderNameError::NotIdentity),
            ("Remote-Addr", HeaderNameError::NotIdentity),
            ("X-Real-IP", HeaderNameError::NotIdentity),
            ("X-Original-URL", HeaderNameError::NotIdentity),
            ("Portcullis-Session", HeaderNameError::NotIdentity),
            ("Proxy", HeaderNameError::NotIdentity),
        ] {
            assert_eq!(check_header_name(name), Err(why), "{name}");
        }
        assert_eq!(check_header_name(&"x".repeat(65)), Err(HeaderNameError::TooLong));
        for name in ["X-Employee", "X-WEBAUTH-ROLE", "X-Forwarded-User", "Remote-User", "x_auth_user", "Teams", "1"] {
            assert_eq!(check_header_name(name), Ok(()), "{name}");
        }
    }
}
