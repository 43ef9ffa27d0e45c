//! Presets of identity headers: under which names apps already read who is calling.

use schemars::JsonSchema;
use serde::Serialize;

use crate::identity_headers::managed::{is_alias, normalized};

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

impl IdentityPreset {
    /// Names of the headers, and the field that each carries.
    pub(crate) const fn headers(self) -> &'static [(&'static str, IdentityField)] {
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

    /// Separator between two roles in one header.
    pub(crate) const fn separator(self) -> &'static str {
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
