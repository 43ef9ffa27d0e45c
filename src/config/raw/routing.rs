//! Upstreams and routes as written.

use schemars::JsonSchema;

use super::cross_site::RawCrossSiteForms;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, Located, OneOrMore, RawField, parse_keyword};
use crate::config::section::Section;
use crate::config::tree::{Node, NodeValue};
use crate::config::validated::routing::RouteAccess;
use crate::config::value::label::RoleName;
use crate::config::value::length::FiniteDuration;
use crate::config::value::route_path::RoutePath;
use crate::config::value::size::ByteSize;
use crate::config::value::upstream_address::UpstreamAddress;
use crate::identity_headers::IdentityEncoding;
use crate::public_url::PublicUrl;

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

impl KeywordSet for IdentityEncoding {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("utf8", Self::Utf8), ("rfc8187", Self::Rfc8187), ("ascii", Self::Ascii)];
}

impl KeywordSet for ForgetOnKeyword {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("sign_out", Self::SignOut), ("other_visitor", Self::OtherVisitor), ("never", Self::Never)];
}

/// How long to wait for an app.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawTimeouts {
    /// For a connection; then the next server is tried, or the visitor gets 502.
    pub(in crate::config) connect: RawField<FiniteDuration>,
    /// For the next bytes of an answer; then the visitor gets 504. An event stream and a WebSocket may be silent.
    pub(in crate::config) read: RawField<FiniteDuration>,
}

/// How long to wait for an app on a route.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawRouteTimeouts {
    /// For the next bytes of an answer here; then the visitor gets 504. Left out, it is that of the upstream.
    pub(in crate::config) read: RawField<FiniteDuration>,
}

/// A rule for a part of the site.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawRoute {
    /// A case-sensitive prefix that ends at a segment: `/admin` takes `/admin` and `/admin/users` but not `/administer`.
    /// `/security` is Portcullis' own.
    #[schemars(required)]
    pub(in crate::config) path: RawField<RoutePath>,
    /// Who may see it: `public` (everybody, nobody is looked up), `signed_in`, or `{ roles: [editor, admin] }` (a
    /// signed-in visitor with one of them).
    pub(in crate::config) access: RawField<RouteAccess>,
    /// The name of the upstream that answers.
    #[schemars(required)]
    pub(in crate::config) upstream: RawField<String>,
    /// Whether requests here keep a session alive. Turn it off for paths that a page polls by itself, or an open tab
    /// never becomes idle.
    pub(in crate::config) counts_as_activity: RawField<bool>,
    /// The longest body of a request here. Left out, it is `limits.body_size`; `null` is no limit.
    pub(in crate::config) body_size: RawField<Option<ByteSize>>,
    /// Whether a path may hold `%2f`, for an app with slashes in its names; it gets the path as it came. Else such a path is
    /// refused, and so it is where it would fall under another route, or be Portcullis' own, when `%2f` is read as a slash.
    pub(in crate::config) allow_encoded_slash: RawField<bool>,
    /// Whether the app gets `//` as it came. Else it gets one slash. Such a path is refused where it would fall under another
    /// route when `//` is read as one slash. At the beginning of a path it is always one.
    pub(in crate::config) keep_double_slash: RawField<bool>,
    /// Whether the app takes `;` and `%3b` for letters, and cuts no `;parameters`: such a path is then let through also where it would
    /// fall under another route without what follows the `;`. Where it falls under this route either way it needs no key.
    pub(in crate::config) allow_semicolon: RawField<bool>,
    /// Whether the app takes `%5c` for a letter: such a path is then let through also where it would fall under another route
    /// with a slash instead. Where it falls under this route either way it needs no key.
    pub(in crate::config) allow_encoded_backslash: RawField<bool>,
    /// Whether the app takes encoded control characters (`%01` to `%1f`, `%7f`) for letters: such a path is then let through also
    /// where it would fall under another route without them. Where it falls under this route either way it needs no key.
    pub(in crate::config) allow_encoded_control: RawField<bool>,
    /// Whether the app gets path and query as they came, byte for byte, for apps that check a signature over them (Matrix,
    /// imgproxy, S3, OAuth 1); `%2f` and `//` are let through with it. A path with a segment that is `.` or `..` for anybody, with
    /// `//` at its beginning, or that could fall under another route is refused.
    pub(in crate::config) preserve_path: RawField<bool>,
    /// Other origins of the same site (another subdomain, another port) whose pages may open a WebSocket here, up to 32:
    /// `https://other.example.com`. A page of quite another site brings no cookie, and so nobody who is signed in. Where somebody must be signed
    /// in, pages of any site but `public_url` and these are refused; programs that send no `Origin` are not.
    pub(in crate::config) websocket_origins: RawField<Vec<Located<PublicUrl>>>,
    /// Forms that pages of other sites post here (payment returns, the POST binding of SAML): `{ path: /payment/return,
    /// from: [https://pay.example] }`, the one path and the origins of the senders, each exact, up to 32. A browser sends no session
    /// along with such a form. With this key a page of Portcullis names sender and path, carries the fields (urlencoded, at most 64 KiB
    /// and 500 of them, stored nowhere), and sends them on when its visitor presses a button. The app then sees the `Origin` of `public_url`:
    /// name only a path whose app checks what is in the form, such as a signature. Else the visitor is led to sign in, and the form is lost.
    pub(in crate::config) cross_site_forms: RawField<Vec<Located<RawCrossSiteForms>>>,
    /// Whether a shared cache in front (a CDN, a proxy) may keep what the app lets it keep: `public`, `s-maxage`,
    /// `CDN-Cache-Control` and the like then stand as the app says them. Whatever it keeps it gives to anybody, and asks
    /// nobody. Else an answer to somebody who is signed in is `private`.
    pub(in crate::config) allow_shared_cache: RawField<bool>,
    /// Whether a page (HTML, or whatever a browser opens) about whose caching the app says nothing is `no-store`: after the
    /// session has ended, Back does not show it. `false`: the browser keeps it, and asks each time but for Back
    /// (`private, no-cache`).
    pub(in crate::config) no_store_documents: RawField<bool>,
    /// How long to wait for the app here.
    pub(in crate::config) timeouts: RawRouteTimeouts,
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

impl FromNode for RawRouteTimeouts {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let timeouts = Self { read: keys.take("read") };
        keys.finish(&[]);
        Some(timeouts)
    }
}

impl FromNode for RawRoute {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let route = Self {
            path: keys.take("path"),
            access: keys.take("access"),
            upstream: keys.take("upstream"),
            counts_as_activity: keys.take("counts_as_activity"),
            body_size: keys.take_explicit_null("body_size"),
            allow_encoded_slash: keys.take("allow_encoded_slash"),
            keep_double_slash: keys.take("keep_double_slash"),
            allow_semicolon: keys.take("allow_semicolon"),
            allow_encoded_backslash: keys.take("allow_encoded_backslash"),
            allow_encoded_control: keys.take("allow_encoded_control"),
            preserve_path: keys.take("preserve_path"),
            websocket_origins: keys.take("websocket_origins"),
            cross_site_forms: keys.take("cross_site_forms"),
            allow_shared_cache: keys.take("allow_shared_cache"),
            no_store_documents: keys.take("no_store_documents"),
            timeouts: keys.take_section("timeouts"),
        };
        keys.finish(&[]);
        Some(route)
    }
}

impl FromNode for RouteAccess {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        if node.is_invalid() {
            return None;
        }
        let NodeValue::Map(_) = node.value else {
            const WORDS: [(&str, RouteAccess); 2] =
                [("public", RouteAccess::Public), ("signed_in", RouteAccess::SignedIn)];
            return parse_keyword(node, &WORDS, &[], &["{ roles: [NAME] }"])
                .map_err(|message| diagnostics.report(node.at, key, message))
                .ok();
        };
        let mut keys = Section::open(node, key, diagnostics)?;
        let roles: RawField<Vec<Located<RoleName>>> = keys.take("roles");
        keys.finish(&["second_factor"]);
        let Some(roles) = roles else {
            diagnostics.report_missing(node.at, key, "names no roles; write public, signed_in or { roles: [NAME] }");
            return None;
        };
        if roles.value.is_empty() && !diagnostics.has_error_at(&roles.key) {
            roles.report(diagnostics, "names no role, so nobody could come in; write at least one");
        }
        Some(Self::Roles(roles.value.into_iter().map(|role| role.value.0).collect()))
    }
}
