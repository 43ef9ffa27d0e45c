//! `upstream`, `upstreams` and `routes` together.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{Located, Named, RawField, suggestion};
use crate::config::ranges;
use crate::config::sections::cross_site_forms::{validate_forms, validate_websocket_origins};
use crate::config::sections::limits::BODY_SIZE_RANGE;
use crate::config::sections::routes::{RawRoute, RouteAccess, RouteSettings, RouteTimeouts, cache_policy};
use crate::config::sections::upstreams::{
    READ_TIMEOUT_RANGE, RawUpstream, UpstreamSettings, UpstreamTimeouts, forget_on,
};
use crate::config::tree::Position;
use crate::config::value::route_path::RoutePath;
use crate::config::value::size::ByteSize;
use crate::config::value::upstream_address::UpstreamAddress;

/// Upstreams and routes, and where the servers were written.
pub(in crate::config) struct RoutingSettings {
    pub(in crate::config) upstreams: BTreeMap<String, UpstreamSettings>,
    pub(in crate::config) routes: Vec<RouteSettings>,
    servers: Vec<Located<UpstreamAddress>>,
    /// What counts where a route says nothing of it.
    body_size: Option<ByteSize>,
}

impl RoutingSettings {
    pub(in crate::config) fn validate(
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
            self.add_route(route, &words, &mut earlier, diagnostics);
        }
        if complete {
            self.report_unused_upstreams(names, diagnostics);
        }
    }

    /// Adds a route below the `earlier` ones, which take what is theirs first.
    fn add_route(
        &mut self,
        route: Located<RawRoute>,
        names: &[&str],
        earlier: &mut Vec<(String, RoutePath)>,
        diagnostics: &Diagnostics,
    ) {
        let Located { value: route, at, key } = route;
        check_upstream_name(route.upstream.as_ref(), at, &key, names, diagnostics);
        let Some(path) = route.path else {
            diagnostics.report_missing(
                at,
                &format!("{key}.path"),
                "is missing; write the path that this route is for, such as /admin",
            );
            return;
        };
        if let Some((other, prefix)) = earlier.iter().find(|(_, prefix)| prefix.covers(&path.value)) {
            let prefix = prefix.as_str();
            path.report(
                diagnostics,
                format!("never matches: {other} takes {prefix} first; put the longer path above the shorter"),
            );
        }
        let body_size = route.body_size.map_or(self.body_size, |Located { value, at, key }| {
            value.map(|value| ranges::size(Some(Located { value, at, key }), value, &BODY_SIZE_RANGE, diagnostics))
        });
        let access = route.access.map_or(RouteAccess::SignedIn, |access| access.value);
        let is_on = |key: RawField<bool>| key.is_some_and(|on| on.value);
        let upstream = route.upstream.map(|name| name.value).unwrap_or_default();
        let inherited = self.upstreams.get(&upstream).map_or(UpstreamTimeouts::default().read, |app| app.timeouts.read);
        self.routes.push(RouteSettings {
            path: path.value.as_str().to_owned(),
            upstream,
            counts_as_activity: route.counts_as_activity.is_none_or(|counts| counts.value),
            body_size,
            allow_encoded_slash: is_on(route.allow_encoded_slash),
            keep_double_slash: is_on(route.keep_double_slash),
            allow_semicolon: is_on(route.allow_semicolon),
            allow_encoded_backslash: is_on(route.allow_encoded_backslash),
            allow_encoded_control: is_on(route.allow_encoded_control),
            preserve_path: is_on(route.preserve_path),
            websocket_origins: validate_websocket_origins(route.websocket_origins, &access, diagnostics),
            cross_site_forms: validate_forms(route.cross_site_forms, &path.value, earlier, &access, diagnostics),
            timeouts: RouteTimeouts {
                read: ranges::duration(route.timeouts.read, inherited, &READ_TIMEOUT_RANGE, diagnostics),
            },
            caching: cache_policy(route.allow_shared_cache, route.no_store_documents, &access, diagnostics),
            access,
        });
        earlier.push((key, path.value));
    }

    fn report_unused_upstreams(&self, names: &[Located<String>], diagnostics: &Diagnostics) {
        for name in names {
            if !self.routes.iter().any(|route| route.upstream == name.value) && !diagnostics.has_error_at("routes") {
                name.report(diagnostics, "no route leads to this upstream; write a route, or take the upstream out");
            }
        }
    }

    /// Refuses a server that is Portcullis itself: each request would come back without end.
    pub(in crate::config) fn report_self_proxying(&self, listen: &[SocketAddr], diagnostics: &Diagnostics) {
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

/// Refuses a route that leads to no upstream, or to one that does not exist.
fn check_upstream_name(
    upstream: Option<&Located<String>>,
    at: Position,
    key: &str,
    names: &[&str],
    diagnostics: &Diagnostics,
) {
    match upstream {
        None => {
            diagnostics.report_missing(
                at,
                &format!("{key}.upstream"),
                format!("is missing; {}", suggestion("", names)),
            );
        }
        Some(name) if !names.contains(&name.value.as_str()) => {
            name.report(diagnostics, format!("no upstream has this name; {}", suggestion(&name.value, names)));
        }
        Some(_) => {}
    }
}

/// Whether a server is Portcullis' own listener.
fn is_same_address(server: &UpstreamAddress, listen: SocketAddr) -> bool {
    let same_host = match server.host.ip() {
        Some(ip) => ip == listen.ip() || (listen.ip().is_unspecified() && ip.is_loopback()),
        None => server.host.as_str() == "localhost" && (listen.ip().is_loopback() || listen.ip().is_unspecified()),
    };
    same_host && server.port == listen.port()
}
