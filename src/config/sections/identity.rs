//! `identity`: the headers by which apps learn who is calling.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, Located, RawField};
use crate::config::section::Section;
use crate::config::tree::{Node, Position};
use crate::config::value::header_name::IdentityHeaderName;
use crate::config::value::header_secret::HeaderSecret;
use crate::proxy::{IdentityField, IdentityPreset, are_aliases};

/// Most headers of an operator's choice: each is sent with each request.
const MAX_EXTRA_HEADERS: usize = 16;

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

impl Default for IdentitySettings {
    fn default() -> Self {
        Self { preset: IdentityPreset::Remote, extra: Vec::new() }
    }
}

impl IdentitySettings {
    pub(in crate::config) fn validate(raw: RawIdentity, diagnostics: &Diagnostics) -> Self {
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
