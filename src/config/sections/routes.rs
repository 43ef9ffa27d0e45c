//! `routes`: the rule of each part of the site.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, Located, RawField, parse_keyword};
use crate::config::section::Section;
use crate::config::sections::cross_site_forms::{CrossSiteForms, RawCrossSiteForms};
use crate::config::sections::upstreams::UpstreamTimeouts;
use crate::config::tree::{Node, NodeValue};
use crate::config::value::duration;
use crate::config::value::duration::FiniteDuration;
use crate::config::value::role::RoleName;
use crate::config::value::route_path::RoutePath;
use crate::config::value::size::ByteSize;
use crate::gate::CachePolicy;
use crate::public_url::PublicUrl;

/// A rule for a part of the site.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct RouteSettings {
    /// A case-sensitive prefix that ends at a segment.
    pub path: String,
    /// Who may see it.
    pub access: RouteAccess,
    /// The name of the upstream; it exists.
    pub upstream: String,
    /// Whether requests here keep a session alive.
    pub counts_as_activity: bool,
    /// The longest body that the app is sent; none is no limit.
    pub body_size: Option<ByteSize>,
    /// Whether a path may hold `%2f`.
    pub allow_encoded_slash: bool,
    /// Whether the app gets `//` as it came.
    pub keep_double_slash: bool,
    /// Whether the app takes `;` and `%3b` for letters.
    pub allow_semicolon: bool,
    /// Whether the app takes `%5c` for a letter.
    pub allow_encoded_backslash: bool,
    /// Whether the app takes encoded control characters for letters.
    pub allow_encoded_control: bool,
    /// Whether the app gets path and query as they came.
    pub preserve_path: bool,
    /// Other sites whose pages may open a WebSocket here.
    pub websocket_origins: Vec<PublicUrl>,
    /// Paths that take forms of other sites.
    pub cross_site_forms: Vec<CrossSiteForms>,
    /// How long to wait for the app here.
    pub timeouts: RouteTimeouts,
    /// How far the app's own word about caching counts.
    #[serde(flatten)]
    pub caching: CachePolicy,
}

/// How long to wait for an app on a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteTimeouts {
    /// For the next bytes of an answer.
    #[serde(serialize_with = "duration::serialize")]
    pub read: Duration,
}

/// Who may see a part of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RouteAccess {
    /// Everybody; nobody is looked up.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in and has one of these roles; at least one.
    Roles(#[schemars(length(min = 1))] Vec<String>),
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
            return parse_keyword(node, &WORDS, &["{ roles: [NAME] }"])
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

impl Default for RouteTimeouts {
    fn default() -> Self {
        Self { read: UpstreamTimeouts::default().read }
    }
}

impl RouteSettings {
    /// Everything to one app, for signed-in visitors.
    pub(in crate::config) fn catch_all(upstream: &str, body_size: Option<ByteSize>) -> Self {
        Self {
            path: "/".to_owned(),
            access: RouteAccess::SignedIn,
            upstream: upstream.to_owned(),
            counts_as_activity: true,
            body_size,
            allow_encoded_slash: false,
            keep_double_slash: false,
            allow_semicolon: false,
            allow_encoded_backslash: false,
            allow_encoded_control: false,
            preserve_path: false,
            websocket_origins: Vec::new(),
            cross_site_forms: Vec::new(),
            timeouts: RouteTimeouts::default(),
            caching: CachePolicy::default(),
        }
    }
}

pub(in crate::config) fn cache_policy(
    shared: RawField<bool>,
    documents: RawField<bool>,
    access: &RouteAccess,
    diagnostics: &Diagnostics,
) -> CachePolicy {
    let default = CachePolicy::default();
    let written = |switch: RawField<bool>, default| {
        let Some(switch) = switch else { return default };
        if *access == RouteAccess::Public {
            switch.report(
                diagnostics,
                "says nothing on a public route, where the app's word about caching counts; take it out",
            );
        }
        switch.value
    };
    CachePolicy {
        allow_shared_cache: written(shared, default.allow_shared_cache),
        no_store_documents: written(documents, default.no_store_documents),
    }
}
