//! Which app answers, and who may see it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::bounds;
use super::cross_site::{self, CrossSiteForms};
use super::limits::BODY;
use crate::config::complaint::Desk;
use crate::config::file::routing::{ForgetWord, RouteFile, TimeoutsFile, UpstreamFile};
use crate::config::read::{Field, Located, Named, OneOrMore, did_you_mean};
use crate::config::tree::Place;
use crate::config::value::length;
use crate::config::value::route_path::RoutePath;
use crate::config::value::server::Server;
use crate::config::value::size::Size;
use crate::gate::CachePolicy;
use crate::gate::cookie::ForgetOn;
use crate::proxy::IdentityEncoding;
use crate::public_url::PublicUrl;

/// How long an app may be waited for.
const READ: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(24);

/// An app behind Portcullis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Upstream {
    /// Its servers; at least one.
    pub servers: Vec<Server>,
    /// How long to wait for it.
    pub timeouts: Timeouts,
    /// When its cookies are taken from a browser.
    pub forget_on: ForgetOn,
    /// How the values of identity headers are written for it.
    pub identity_encoding: IdentityEncoding,
}

/// How long to wait for an app.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeouts {
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
pub struct Route {
    /// A case-sensitive prefix that ends at a segment.
    pub path: String,
    /// Who may see it.
    pub access: Access,
    /// The name of the upstream; it exists.
    pub upstream: String,
    /// Whether requests here keep a session alive.
    pub counts_as_activity: bool,
    /// The longest body that the app is sent; none is no limit.
    pub body_size: Option<Size>,
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
pub enum Access {
    /// Everybody; nobody is looked up.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in and has one of these roles; at least one.
    Roles(#[schemars(length(min = 1))] Vec<String>),
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), read: Duration::from_secs(90) }
    }
}

impl Default for RouteTimeouts {
    fn default() -> Self {
        Self { read: Timeouts::default().read }
    }
}

impl Upstream {
    /// An app of one server.
    pub(in crate::config) fn of_server(server: Server) -> Self {
        let (timeouts, identity_encoding) = Default::default();
        Self { servers: vec![server], timeouts, forget_on: ForgetOn::ALWAYS, identity_encoding }
    }
}

impl Route {
    /// Everything to one app, for signed-in visitors.
    pub(in crate::config) fn everything_to(upstream: &str, body_size: Option<Size>) -> Self {
        Self {
            path: "/".to_owned(),
            access: Access::SignedIn,
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

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host, port: address.port() }
    }
}

/// Upstreams and routes, and where the servers were written.
pub(super) struct Routing {
    pub(super) upstreams: BTreeMap<String, Upstream>,
    pub(super) routes: Vec<Route>,
    servers: Vec<Located<Server>>,
    /// What counts where a route says nothing of it.
    body_size: Option<Size>,
}

impl Routing {
    pub(super) fn of(
        short: Field<Server>,
        upstreams: Field<Named<UpstreamFile>>,
        routes: Field<Vec<Located<RouteFile>>>,
        body_size: Option<Size>,
        start: Place,
        desk: &Desk,
    ) -> Self {
        let mut routing = Self { upstreams: BTreeMap::new(), routes: Vec::new(), servers: Vec::new(), body_size };
        if let Some(server) = short {
            if upstreams.is_none() && routes.is_none() {
                routing.upstreams.insert("app".to_owned(), Upstream::of_server(server.value.clone()));
                routing.routes.push(Route::everything_to("app", body_size));
                routing.servers.push(server);
                return routing;
            }
            server.complain(desk, "stands for one app and can not stand beside upstreams and routes; keep one form");
        }
        match (upstreams, routes) {
            (None, None) if desk.knows("upstreams") || desk.knows("routes") => {}
            (None, None) => {
                desk.miss(
                    start,
                    "upstream",
                    "is missing; write the address of your app, such as http://127.0.0.1:3000",
                );
            }
            (None, Some(routes)) => {
                desk.miss(
                    routes.at,
                    "upstreams",
                    "is missing; name the apps that the routes lead to, or write upstream alone",
                );
            }
            (Some(upstreams), routes) => {
                let names: Vec<_> = upstreams.value.0.iter().map(|(name, _)| name.clone()).collect();
                for (name, upstream) in upstreams.value.0 {
                    routing.add_upstream(&name, upstream, desk);
                }
                let Some(routes) = routes else {
                    desk.miss(
                        upstreams.at,
                        "routes",
                        "is missing; write at least one: { path: /, access: signed_in, upstream: NAME }",
                    );
                    return routing;
                };
                routing.add_routes(routes, &names, desk);
            }
        }
        routing
    }

    fn add_upstream(&mut self, name: &Located<String>, written: UpstreamFile, desk: &Desk) {
        let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        if !(1..=64).contains(&name.value.len()) || !name.value.bytes().all(fits) {
            name.complain(desk, "is no name for an upstream; write 1 to 64 of the letters a-z 0-9 - _");
        }
        let key = format!("{}.servers", name.key);
        let servers = match written.servers {
            Some(servers) if servers.value.is_empty() && !desk.knows(&key) => {
                servers.complain(desk, "is an empty list; write at least one, such as [http://127.0.0.1:3000]");
                Vec::new()
            }
            Some(servers) => servers.value,
            None => {
                if !desk.knows(&name.key) {
                    desk.say(name.at, &key, "is missing; write at least one, such as [http://127.0.0.1:3000]");
                }
                Vec::new()
            }
        };
        for (index, server) in servers.iter().enumerate() {
            if servers[..index].iter().any(|other| other.value == server.value) {
                server.complain(desk, "is listed twice; keep one of them");
            }
        }
        let upstream = Upstream {
            servers: servers.iter().map(|server| server.value.clone()).collect(),
            timeouts: Timeouts::of(written.timeouts, desk),
            forget_on: forget_on(written.forget_on, desk),
            identity_encoding: written.identity_encoding.map(|said| said.value).unwrap_or_default(),
        };
        self.servers.extend(servers);
        self.upstreams.insert(name.value.clone(), upstream);
    }

    fn add_routes(&mut self, routes: Located<Vec<Located<RouteFile>>>, names: &[Located<String>], desk: &Desk) {
        if routes.value.is_empty() && !desk.knows(&routes.key) {
            routes
                .complain(desk, "is an empty list; write at least one: { path: /, access: signed_in, upstream: NAME }");
        }
        let complete = !desk.knows(&routes.key);
        let words: Vec<_> = names.iter().map(|name| name.value.as_str()).collect();
        let mut earlier: Vec<(String, RoutePath)> = Vec::new();
        for route in routes.value {
            let (at, key) = (route.at, route.key);
            let upstream = route.value.upstream;
            match &upstream {
                None => desk.miss(at, &format!("{key}.upstream"), format!("is missing; {}", did_you_mean("", &words))),
                Some(name) if !words.contains(&name.value.as_str()) => {
                    name.complain(desk, format!("no upstream has this name; {}", did_you_mean(&name.value, &words)));
                }
                Some(_) => {}
            }
            let Some(path) = route.value.path else {
                desk.miss(
                    at,
                    &format!("{key}.path"),
                    "is missing; write the path that this route is for, such as /admin",
                );
                continue;
            };
            if let Some((other, prefix)) = earlier.iter().find(|(_, prefix)| prefix.covers(&path.value)) {
                let prefix = prefix.as_str();
                path.complain(
                    desk,
                    format!("never matches: {other} takes {prefix} first; put the longer path above the shorter"),
                );
            }
            let body_size = route.value.body_size.map_or(self.body_size, |Located { value, at, key }| {
                value.map(|value| bounds::size(Some(Located { value, at, key }), value, &BODY, desk))
            });
            let access = route.value.access.map_or(Access::SignedIn, |access| access.value);
            let is_on = |key: Field<bool>| key.is_some_and(|on| on.value);
            let upstream = upstream.map(|name| name.value).unwrap_or_default();
            let inherited = self.upstreams.get(&upstream).map_or(Timeouts::default().read, |app| app.timeouts.read);
            self.routes.push(Route {
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
                websocket_origins: cross_site::websocket_origins(route.value.websocket_origins, &access, desk),
                cross_site_forms: cross_site::forms(route.value.cross_site_forms, &path.value, &earlier, &access, desk),
                timeouts: RouteTimeouts { read: bounds::length(route.value.timeouts.read, inherited, &READ, desk) },
                caching: caching(route.value.allow_shared_cache, route.value.no_store_documents, &access, desk),
                access,
            });
            earlier.push((key, path.value));
        }
        if complete {
            self.refuse_unused(names, desk);
        }
    }

    fn refuse_unused(&self, names: &[Located<String>], desk: &Desk) {
        for name in names {
            if !self.routes.iter().any(|route| route.upstream == name.value) && !desk.knows("routes") {
                name.complain(desk, "no route leads to this upstream; write a route, or take the upstream out");
            }
        }
    }

    /// Refuses a server that is Portcullis itself: each request would come back without end.
    pub(super) fn refuse_self(&self, listen: &[SocketAddr], desk: &Desk) {
        for server in &self.servers {
            if listen.iter().any(|address| is_at(&server.value, *address)) {
                server
                    .complain(desk, "is the address that Portcullis itself listens on; write the address of your app");
            }
        }
    }
}

impl Timeouts {
    fn of(written: TimeoutsFile, desk: &Desk) -> Self {
        let default = Self::default();
        let connect = Duration::from_millis(10)..=Duration::from_mins(5);
        Self {
            connect: bounds::length(written.connect, default.connect, &connect, desk),
            read: bounds::length(written.read, default.read, &READ, desk),
        }
    }
}

fn caching(shared: Field<bool>, documents: Field<bool>, access: &Access, desk: &Desk) -> CachePolicy {
    let default = CachePolicy::default();
    let written = |switch: Field<bool>, default| {
        let Some(switch) = switch else { return default };
        if *access == Access::Public {
            switch.complain(
                desk,
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

fn forget_on(written: Field<OneOrMore<ForgetWord>>, desk: &Desk) -> ForgetOn {
    let Some(written) = written else { return ForgetOn::ALWAYS };
    let says = |word| written.value.0.iter().any(|said| said.value == word);
    if says(ForgetWord::Never) && written.value.0.len() > 1 {
        written.complain(desk, "says never beside another word; write never alone, or leave it out");
    }
    ForgetOn { sign_out: says(ForgetWord::SignOut), other_visitor: says(ForgetWord::OtherVisitor) }
}

fn is_at(server: &Server, listen: SocketAddr) -> bool {
    let bare = server.host.trim_start_matches('[').trim_end_matches(']');
    let same_host = match bare.parse::<IpAddr>() {
        Ok(ip) => ip == listen.ip() || (listen.ip().is_unspecified() && ip.is_loopback()),
        Err(_) => bare == "localhost" && (listen.ip().is_loopback() || listen.ip().is_unspecified()),
    };
    same_host && server.port == listen.port()
}
