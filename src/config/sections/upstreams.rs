//! `upstreams`: the apps, their servers and time-outs.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, Located, OneOrMore, RawField};
use crate::config::ranges;
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::duration;
use crate::config::value::duration::FiniteDuration;
use crate::config::value::upstream_address::UpstreamAddress;
use crate::gate::cookie::ForgetOn;
use crate::proxy::IdentityEncoding;

/// How long an app may be waited for.
pub(in crate::config) const READ_TIMEOUT_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_hours(24);

/// An app behind Portcullis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpstreamSettings {
    /// Its servers; at least one.
    pub servers: Vec<UpstreamAddress>,
    /// How long to wait for it.
    pub timeouts: UpstreamTimeouts,
    /// When its cookies are taken from a browser.
    pub forget_on: ForgetOn,
    /// How the values of identity headers are written for it.
    pub identity_encoding: IdentityEncoding,
}

/// How long to wait for an app.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpstreamTimeouts {
    /// For a connection.
    #[serde(serialize_with = "duration::serialize")]
    pub connect: Duration,
    /// For the next bytes of an answer.
    #[serde(serialize_with = "duration::serialize")]
    pub read: Duration,
}

/// An app behind Portcullis.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawUpstream {
    /// Where the app listens: `http://HOST:PORT`, one or several among which requests are shared.
    #[schemars(required)]
    pub(in crate::config) servers: RawField<Vec<Located<UpstreamAddress>>>,
    /// How long to wait for the app.
    pub(in crate::config) timeouts: RawTimeouts,
    /// When the cookies that this app has set are taken from a browser: `sign_out`, when somebody signs out there; `other_visitor`, when
    /// somebody signs in and somebody else was signed in last, also where that session has ended by itself or from
    /// elsewhere; `never`. One of them or a list. With `other_visitor` at any app the browser's storage and cache for this host are
    /// cleared, too. Else the next person at the same browser is the last one to an app that knows people by a cookie of its own.
    pub(in crate::config) forget_on: RawField<OneOrMore<ForgetOnKeyword>>,
    /// How the values of identity headers are written for this app. `utf8`: as they are. `rfc8187`: `UTF-8''Mar%C3%ADa`
    /// (RFC 8187) where a value is not ASCII, or itself begins with `UTF-8''`. `ascii`: percent-encoded what is not ASCII, and `%` itself:
    /// `Mar%C3%ADa`, `100%25`. Two names never become one. Lists of roles are encoded as a whole.
    pub(in crate::config) identity_encoding: RawField<IdentityEncoding>,
}

/// When something is forgotten.
#[derive(Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(in crate::config) enum ForgetOnKeyword {
    /// When somebody signs out.
    SignOut,
    /// When somebody else signs in.
    OtherVisitor,
    /// Not at all.
    Never,
}

/// How long to wait for an app.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawTimeouts {
    /// For a connection; then the next server is tried, or the visitor gets 502.
    pub(in crate::config) connect: RawField<FiniteDuration>,
    /// For the next bytes of an answer; then the visitor gets 504. An event stream and a WebSocket may be silent.
    pub(in crate::config) read: RawField<FiniteDuration>,
}

impl KeywordSet for IdentityEncoding {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("utf8", Self::Utf8), ("rfc8187", Self::Rfc8187), ("ascii", Self::Ascii)];
}

impl KeywordSet for ForgetOnKeyword {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("sign_out", Self::SignOut), ("other_visitor", Self::OtherVisitor), ("never", Self::Never)];
}

impl FromNode for RawUpstream {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let upstream = Self {
            servers: keys.take("servers"),
            timeouts: keys.take_section("timeouts"),
            forget_on: keys.take("forget_on"),
            identity_encoding: keys.take("identity_encoding"),
        };
        keys.finish(&["health_check", "hand_over"]);
        Some(upstream)
    }
}

impl FromNode for RawTimeouts {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let timeouts = Self { connect: keys.take("connect"), read: keys.take("read") };
        keys.finish(&[]);
        Some(timeouts)
    }
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), read: Duration::from_secs(90) }
    }
}

impl UpstreamSettings {
    /// An app of one server.
    pub(in crate::config) fn single_server(server: UpstreamAddress) -> Self {
        let (timeouts, identity_encoding) = Default::default();
        Self { servers: vec![server], timeouts, forget_on: ForgetOn::ALWAYS, identity_encoding }
    }
}

impl UpstreamTimeouts {
    pub(in crate::config) fn validate(written: RawTimeouts, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let connect = Duration::from_millis(10)..=Duration::from_mins(5);
        Self {
            connect: ranges::duration(written.connect, default.connect, &connect, diagnostics),
            read: ranges::duration(written.read, default.read, &READ_TIMEOUT_RANGE, diagnostics),
        }
    }
}

pub(in crate::config) fn forget_on(
    written: RawField<OneOrMore<ForgetOnKeyword>>,
    diagnostics: &Diagnostics,
) -> ForgetOn {
    let Some(written) = written else { return ForgetOn::ALWAYS };
    let has = |word| written.value.0.iter().any(|said| said.value == word);
    if has(ForgetOnKeyword::Never) && written.value.0.len() > 1 {
        written.report(diagnostics, "says never beside another word; write never alone, or leave it out");
    }
    ForgetOn { sign_out: has(ForgetOnKeyword::SignOut), other_visitor: has(ForgetOnKeyword::OtherVisitor) }
}
