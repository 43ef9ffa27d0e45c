//! Under which names an app is told who is calling.

use bytes::Bytes;
use http::HeaderValue;
use schemars::JsonSchema;
use serde::Serialize;

use super::managed::{folded, is_alias, is_managed, is_taken, says_who};
use crate::session::Owner;

/// Longest name of a header.
const LONGEST: usize = 64;

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
pub enum Told {
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
pub enum NotSaid {
    /// It is empty, or holds what servers read in more than one way.
    #[error("it is no plain name of a header")]
    NotAToken,
    /// It is too long.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// HTTP, browsers or servers read it.
    #[error("it has a meaning in HTTP")]
    Taken,
    /// It tells an app something else than who is calling, and we tell that ourselves or not at all.
    #[error("it tells something else than who is calling")]
    NotWho,
}

impl IdentityPreset {
    const fn headers(self) -> &'static [(&'static str, Told)] {
        match self {
            Self::Remote => &[
                ("Remote-User", Told::Name),
                ("Remote-Name", Told::DisplayName),
                ("Remote-Email", Told::Email),
                ("Remote-Groups", Told::Roles),
            ],
            Self::Webauth => &[
                ("X-WEBAUTH-USER", Told::Name),
                ("X-WEBAUTH-NAME", Told::DisplayName),
                ("X-WEBAUTH-FULLNAME", Told::DisplayName),
                ("X-WEBAUTH-EMAIL", Told::Email),
                ("X-WEBAUTH-GROUPS", Told::Roles),
            ],
            Self::Forwarded => &[
                ("X-Forwarded-User", Told::Name),
                ("X-Forwarded-Preferred-Username", Told::Name),
                ("X-Forwarded-Email", Told::Email),
                ("X-Forwarded-Groups", Told::Roles),
            ],
            Self::Jenkins => &[
                ("X-Forwarded-User", Told::Name),
                ("X-Forwarded-DisplayName", Told::DisplayName),
                ("X-Forwarded-Mail", Told::Email),
                ("X-Forwarded-Groups", Told::Roles),
            ],
            Self::Opensearch => &[("x-proxy-user", Told::Name), ("x-proxy-roles", Told::Roles)],
            Self::Siteminder => {
                &[("SM_USER", Told::Name), ("SM_UNIVERSALID", Told::UserId), ("SM_USERGROUPS", Told::Roles)]
            }
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
        let name = folded(name.as_bytes());
        self.headers().iter().any(|(set, _)| is_alias(set.as_bytes(), &name))
    }
}

/// Whether two names are one to an app that maps what is no letter and no digit to `_`.
#[must_use]
pub fn are_aliases(name: &str, other: &str) -> bool {
    is_alias(name.as_bytes(), &folded(other.as_bytes()))
}

/// Whether an operator may have a header of this name set.
///
/// # Errors
/// With the reason why not.
pub fn may_be_said(name: &str) -> Result<(), NotSaid> {
    let bytes = name.as_bytes();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !bytes.iter().all(fits) || !bytes.first().is_some_and(u8::is_ascii_alphanumeric) {
        Err(NotSaid::NotAToken)
    } else if bytes.len() > LONGEST {
        Err(NotSaid::TooLong)
    } else if is_taken(bytes) {
        Err(NotSaid::Taken)
    } else if is_managed(bytes) && !says_who(bytes) {
        Err(NotSaid::NotWho)
    } else {
        Ok(())
    }
}

/// The headers by which apps are told who is calling. A reload may replace them.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    said: Vec<(Bytes, Told)>,
    /// What is said of everybody.
    fixed: Vec<(Bytes, HeaderValue)>,
    separator: &'static str,
    /// The names of an operator's own headers as aliases are compared: they are managed, too.
    extra: Vec<Box<[u8]>>,
}

impl IdentityHeaders {
    /// Those of a preset, and these besides.
    #[must_use]
    pub fn new<'a>(preset: IdentityPreset, extra: impl IntoIterator<Item = (&'a str, Told)>) -> Self {
        let named = |(name, told): &(&'static str, Told)| (Bytes::from_static(name.as_bytes()), *told);
        let mut headers = Self {
            said: preset.headers().iter().map(named).collect(),
            fixed: Vec::new(),
            separator: preset.separator(),
            extra: Vec::new(),
        };
        for (name, told) in extra {
            headers = headers.with(name, told);
        }
        headers
    }

    /// Adds a header of this name, which tells this.
    #[must_use]
    pub fn with(mut self, name: &str, told: Told) -> Self {
        self.said.push((Bytes::copy_from_slice(name.as_bytes()), told));
        self.extra.push(folded(name.as_bytes()));
        self
    }

    /// And this one, which is the same for everybody.
    #[must_use]
    pub fn with_fixed(mut self, name: &str, value: HeaderValue) -> Self {
        self.fixed.push((Bytes::copy_from_slice(name.as_bytes()), value));
        self.extra.push(folded(name.as_bytes()));
        self
    }

    /// What an app is told with each identity, whoever it is.
    pub(super) fn fixed(&self) -> impl Iterator<Item = (Bytes, HeaderValue)> {
        self.fixed.iter().cloned()
    }

    /// Whether only we may send a header of this (lower-case) name.
    pub(super) fn manage(&self, name: &str) -> bool {
        let name = name.as_bytes();
        is_managed(name) || self.extra.iter().any(|extra| is_alias(name, extra))
    }

    /// What an app is told of somebody, and under which names.
    pub(super) fn tell(&self, person: &Owner, mut say: impl FnMut(Bytes, &str)) {
        for (name, told) in &self.said {
            let name = name.clone();
            match told {
                Told::Name => say(name, &person.name),
                Told::DisplayName => say(name, person.display_name.as_deref().unwrap_or(&person.name)),
                Told::Email => {
                    if let Some(email) = &person.email {
                        say(name, email);
                    }
                }
                Told::Roles => say(name, &self.roles_of(person)),
                Told::UserId => say(name, &person.id.to_string()),
            }
        }
    }

    /// A role that a store has spoiled, so that it would be read as two, is not told: the rules compare it whole.
    fn roles_of(&self, person: &Owner) -> String {
        let whole = |role: &&String| !role.contains(self.separator) && !role.contains(',');
        let mut told = String::new();
        for role in person.roles.iter().filter(whole) {
            if !told.is_empty() {
                told.push_str(self.separator);
            }
            told.push_str(role);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_something_else_is_no_name_for_a_header_of_an_operator() {
        for (name, why) in [
            ("", NotSaid::NotAToken),
            ("X Employee", NotSaid::NotAToken),
            ("X-Employ\u{e9}e", NotSaid::NotAToken),
            ("X:Y", NotSaid::NotAToken),
            ("X.Y", NotSaid::NotAToken),
            ("-x", NotSaid::NotAToken),
            ("X\r\nY", NotSaid::NotAToken),
            ("Connection", NotSaid::Taken),
            ("transfer_encoding", NotSaid::Taken),
            ("Keep-Alive", NotSaid::Taken),
            ("TE", NotSaid::Taken),
            ("Trailer", NotSaid::Taken),
            ("Upgrade", NotSaid::Taken),
            ("Proxy-Authorization", NotSaid::Taken),
            ("Host", NotSaid::Taken),
            ("Cookie", NotSaid::Taken),
            ("content_length", NotSaid::Taken),
            ("Authorization", NotSaid::Taken),
            ("Sec-WebSocket-Key", NotSaid::Taken),
            ("Origin", NotSaid::Taken),
            ("If-None-Match", NotSaid::Taken),
            ("X-Request-Id", NotSaid::NotWho),
            ("x_request_id", NotSaid::NotWho),
            ("X-Forwarded-For", NotSaid::NotWho),
            ("X_Forwarded_Host", NotSaid::NotWho),
            ("X-Forwarded-Proto", NotSaid::NotWho),
            ("Forwarded", NotSaid::NotWho),
            ("Remote-Addr", NotSaid::NotWho),
            ("X-Real-IP", NotSaid::NotWho),
            ("X-Original-URL", NotSaid::NotWho),
            ("Portcullis-Session", NotSaid::NotWho),
            ("Proxy", NotSaid::NotWho),
        ] {
            assert_eq!(may_be_said(name), Err(why), "{name}");
        }
        assert_eq!(may_be_said(&"x".repeat(65)), Err(NotSaid::TooLong));
        for name in ["X-Employee", "X-WEBAUTH-ROLE", "X-Forwarded-User", "Remote-User", "x_auth_user", "Teams", "1"] {
            assert_eq!(may_be_said(name), Ok(()), "{name}");
        }
    }
}
