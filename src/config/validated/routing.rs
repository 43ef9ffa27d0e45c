//! Which app answers, and who may see it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::cross_site::{self, CrossSiteForms};
use super::limits::BODY_SIZE_RANGE;
use super::ranges;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{Located, Named, OneOrMore, RawField, suggestion};
use crate::config::raw::routing::{ForgetOnKeyword, RawRoute, RawTimeouts, RawUpstream};
use crate::config::tree::Position;
use crate::config::value::length;
use crate::config::value::route_path::RoutePath;
use crate::config::value::size::ByteSize;
use crate::config::value::upstream_address::UpstreamAddress;
use crate::gate::CachePolicy;
use crate::gate::cookie::ForgetOn;
use crate::identity_headers::IdentityEncoding;
use crate::public_url::PublicUrl;

/// How long an app may be waited for.
const READ_TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(24);

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
    #[serde(serialize_with = "length::serialize")]
    pub connect: Duration,
    /// For the next bytes of an answer.
    #[serde(serialize_with = "length::serialize")]
    pub read: Duration,
}

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
    #[serde(serialize_with = "length::serialize")]
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

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), read: Duration::from_secs(90) }
    }
}

impl Default for RouteTimeouts {
    fn default() -> Self {
        Self { read: UpstreamTimeouts::default().read }
    }
}

impl UpstreamSettings {
    /// An app of one server.
    pub(in crate::config) fn single_server(server: UpstreamAddress) -> Self {
        let (timeouts, identity_encoding) = Default::default();
        Self { servers: vec![server], timeouts, forget_on: ForgetOn::ALWAYS, identity_encoding }
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

impl From<SocketAddr> for UpstreamAddress {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host, port: address.port() }
    }
}

/// Upstreams and routes, and where the servers were written.
pub(super) struct RoutingSettings {
    pub(super) upstreams: BTreeMap<String, UpstreamSettings>,
    pub(super) routes: Vec<RouteSettings>,
    servers: Vec<Located<UpstreamAddress>>,
    /// What counts where a route says nothing of it.
    body_size: Option<ByteSize>,
}

impl RoutingSettings {
    pub(super) fn validate(
        single_upstream: RawField<UpstreamAddress>,
        upstreams: RawField<Named<RawUpstream>>,
        routes: RawField<Vec<Located<RawRoute>>>,
        body_size: Option<ByteSize>,
        start: Position,
        diagnostics: &Diagnostics,
    ) -> Self {
        let mut routing = Self { upstreams: BTreeMap::new(), routes: Vec::new(), servers: Vec::new(), body_size };
        if let Some(server) = single_upstream {
            if upstreams.is_none() && routes.is_none() {
                routing.upstreams.insert("app".to_owned(), UpstreamSettings::single_server(server.value.clone()));
                routing.routes.push(RouteSettings::catch_all("app", body_size));
                routing.servers.push(server);
                return routing;
            }
            server
                .report(diagnostics, "stands for one app and can not stand beside upstreams and routes; keep one form");
        }
        match (upstreams, routes) {
            (None, None) if diagnostics.has_error_at("upstreams") || diagnostics.has_error_at("routes") => {}
            (None, None) => {
                diagnostics.report_missing(
                    start,
                    "upstream",
                    "is missing; write the address of your app, such as http://127.0.0.1:3000",
                );
            }
            (None, Some(routes)) => {
                diagnostics.report_missing(
                    routes.at,
                    "upstreams",
                    "is missing; name the apps that the routes lead to, or write upstream alone",
                );
            }
            (Some(upstreams), routes) => {
                let names: Vec<_> = upstreams.value.0.iter().map(|(name, _)| name.clone()).collect();
                for (name, upstream) in upstreams.value.0 {
                    routing.add_upstream(&name, upstream, diagnostics);
                }
                let Some(routes) = routes else {
                    diagnostics.report_missing(
                        upstreams.at,
                        "routes",
                        "is missing; write at least one: { path: /, access: signed_in, upstream: NAME }",
                    );
                    return routing;
                };
                routing.add_routes(routes, &names, diagnostics);
            }
        }
        routing
    }

    fn add_upstream(&mut self, name: &Located<String>, written: RawUpstream, diagnostics: &Diagnostics) {
        let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        if !(1..=64).contains(&name.value.len()) || !name.value.bytes().all(fits) {
            name.report(diagnostics, "is no name for an upstream; write 1 to 64 of the letters a-z 0-9 - _");
        }
        let key = format!("{}.servers", name.key);
        let servers = match written.servers {
            Some(servers) if servers.value.is_empty() && !diagnostics.has_error_at(&key) => {
                servers.report(diagnostics, "is an empty list; write at least one, such as [http://127.0.0.1:3000]");
                Vec::new()
            }
            Some(servers) => servers.value,
            None => {
                if !diagnostics.has_error_at(&name.key) {
                    diagnostics.report(
                        name.at,
                        &key,
                        "is missing; write at least one, such as [http://127.0.0.1:3000]",
                    );
                }
                Vec::new()
            }
        };
        for (index, server) in servers.iter().enumerate() {
            if servers[..index].iter().any(|other| other.value == server.value) {
                server.report(diagnostics, "is listed twice; keep one of them");
            }
        }
        let upstream = UpstreamSettings {
            servers: servers.iter().map(|server| server.value.clone()).collect(),
            timeouts: UpstreamTimeouts::validate(written.timeouts, diagnostics),
            forget_on: forget_on(written.forget_on, diagnostics),
            identity_encoding: written.identity_encoding.map(|said| said.value).unwrap_or_default(),
        };
        self.servers.extend(servers);
        self.upstreams.insert(name.value.clone(), upstream);
    }

    fn add_routes(
        &mut self,
        routes: Located<Vec<Located<RawRoute>>>,
        names: &[Located<String>],
        diagnostics: &Diagnostics,
    ) {
        if routes.value.is_empty() && !diagnostics.has_error_at(&routes.key) {
            routes.report(
                diagnostics,
                "is an empty list; write at least one: { path: /, access: signed_in, upstream: NAME }",
            );
        }
        let complete = !diagnostics.has_error_at(&routes.key);
        let words: Vec<_> = names.iter().map(|name| name.value.as_str()).collect();
        let mut earlier: Vec<(String, RoutePath)> = Vec::new();
        for route in routes.value {
            let (at, key) = (route.at, route.key);
            let upstream = route.value.upstream;
            match &upstream {
                None => diagnostics.report_missing(
                    at,
                    &format!("{key}.upstream"),
                    format!("is missing; {}", suggestion("", &words)),
                ),
                Some(name) if !words.contains(&name.value.as_str()) => {
                    name.report(diagnostics, format!("no upstream has this name; {}", suggestion(&name.value, &words)));
                }
                Some(_) => {}
            }
            let Some(path) = route.value.path else {
                diagnostics.report_missing(
                    at,
                    &format!("{key}.path"),
                    "is missing; write the path that this route is for, such as /admin",
                );
                continue;
            };
            if let Some((other, prefix)) = earlier.iter().find(|(_, prefix)| prefix.covers(&path.value)) {
                let prefix = prefix.as_str();
                path.report(
                    diagnostics,
                    format!("never matches: {other} takes {prefix} first; put the longer path above the shorter"),
                );
            }
            let body_size = route.value.body_size.map_or(self.body_size, |Located { value, at, key }| {
                value.map(|value| ranges::size(Some(Located { value, at, key }), value, &BODY_SIZE_RANGE, diagnostics))
            });
            let access = route.value.access.map_or(RouteAccess::SignedIn, |access| access.value);
            let is_on = |key: RawField<bool>| key.is_some_and(|on| on.value);
            let upstream = upstream.map(|name| name.value).unwrap_or_default();
            let inherited =
                self.upstreams.get(&upstream).map_or(UpstreamTimeouts::default().read, |app| app.timeouts.read);
            self.routes.push(RouteSettings {
                path: path.value.as_str().to_owned(),
                upstream,
                counts_as_activity: route.value.counts_as_activity.is_none_or(|counts| counts.value),
                body_size,
                allow_encoded_slash: is_on(route.value.allow_encoded_slash),
                keep_double_slash: is_on(route.value.keep_double_slash),
                allow_semicolon: is_on(route.value.allow_semicolon),
                allow_encoded_backslash: is_on(route.value.allow_encoded_backslash),
                allow_encoded_control: is_on(route.value.allow_encoded_control),
                preserve_path: is_on(route.value.preserve_path),
                websocket_origins: cross_site::validate_websocket_origins(
                    route.value.websocket_origins,
                    &access,
                    diagnostics,
                ),
                cross_site_forms: cross_site::validate_forms(
                    route.value.cross_site_forms,
                    &path.value,
                    &earlier,
                    &access,
                    diagnostics,
                ),
                timeouts: RouteTimeouts {
                    read: ranges::duration(route.value.timeouts.read, inherited, &READ_TIMEOUT_RANGE, diagnostics),
                },
                caching: cache_policy(
                    route.value.allow_shared_cache,
                    route.value.no_store_documents,
                    &access,
                    diagnostics,
                ),
                access,
            });
            earlier.push((key, path.value));
        }
        if complete {
            self.report_unused_upstreams(names, diagnostics);
        }
    }

    fn report_unused_upstreams(&self, names: &[Located<String>], diagnostics: &Diagnostics) {
        for name in names {
            if !self.routes.iter().any(|route| route.upstream == name.value) && !diagnostics.has_error_at("routes") {
                name.report(diagnostics, "no route leads to this upstream; write a route, or take the upstream out");
            }
        }
    }

    /// Refuses a server that is Portcullis itself: each request would come back without end.
    pub(super) fn report_self_proxying(&self, listen: &[SocketAddr], diagnostics: &Diagnostics) {
        for server in &self.servers {
            if listen.iter().any(|address| is_same_address(&server.value, *address)) {
                server.report(
                    diagnostics,
                    "is the address that Portcullis itself listens on; write the address of your app",
                );
            }
        }
    }
}

impl UpstreamTimeouts {
    fn validate(written: RawTimeouts, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let connect = Duration::from_millis(10)..=Duration::from_mins(5);
        Self {
            connect: ranges::duration(written.connect, default.connect, &connect, diagnostics),
            read: ranges::duration(written.read, default.read, &READ_TIMEOUT_RANGE, diagnostics),
        }
    }
}

fn cache_policy(
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

fn forget_on(written: RawField<OneOrMore<ForgetOnKeyword>>, diagnostics: &Diagnostics) -> ForgetOn {
    let Some(written) = written else { return ForgetOn::ALWAYS };
    let has = |word| written.value.0.iter().any(|said| said.value == word);
    if has(ForgetOnKeyword::Never) && written.value.0.len() > 1 {
        written.report(diagnostics, "says never beside another word; write never alone, or leave it out");
    }
    ForgetOn { sign_out: has(ForgetOnKeyword::SignOut), other_visitor: has(ForgetOnKeyword::OtherVisitor) }
}

fn is_same_address(server: &UpstreamAddress, listen: SocketAddr) -> bool {
    let bare = server.host.trim_start_matches('[').trim_end_matches(']');
    let same_host = match bare.parse::<IpAddr>() {
        Ok(ip) => ip == listen.ip() || (listen.ip().is_unspecified() && ip.is_loopback()),
        Err(_) => bare == "localhost" && (listen.ip().is_loopback() || listen.ip().is_unspecified()),
    };
    same_host && server.port == listen.port()
}
