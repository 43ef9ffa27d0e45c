//! Which rule a path falls under: first match wins, no match is refused.

use std::sync::Arc;

use serde::Serialize;

use super::{BadPath, CanonicalPath, path::Keep, slashes};

/// Who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: no look-up, no identity, no heartbeat.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in and has one of these roles.
    Roles(Vec<String>),
}

impl Access {
    /// Whether somebody who is signed in and has these roles may pass.
    #[must_use]
    pub fn allows(&self, roles: &[String]) -> bool {
        match self {
            Self::Public | Self::SignedIn => true,
            Self::Roles(wanted) => wanted.iter().any(|role| roles.contains(role)),
        }
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::SignedIn => f.write_str("signed_in"),
            Self::Roles(roles) => write!(f, "roles {}", roles.join(", ")),
        }
    }
}

/// How far the app's own word about caching counts for guarded answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CachePolicy {
    /// Whether a shared cache in front may keep what the app lets it keep.
    pub allow_shared_cache: bool,
    /// Whether a document about whose caching the app says nothing is `no-store`, and not only asked for each time.
    pub no_store_documents: bool,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self { allow_shared_cache: false, no_store_documents: true }
    }
}

/// A rule for a part of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// As the operator wrote it: its label in metrics. Shared with the requests that it lets pass.
    pub path: Arc<str>,
    /// Who may pass.
    pub access: Access,
    /// Index of the upstream that gets what passes.
    pub upstream: usize,
    /// Whether a hit is a sign of life of the session.
    pub counts_as_activity: bool,
    /// Bytes of a body that the upstream is sent at most; none is no limit.
    pub body_size: Option<u64>,
    /// Whether `%2f` may be in a path, which the app then gets as it came.
    pub allow_encoded_slash: bool,
    /// Whether the app gets `//` as it came, and not as one slash.
    pub keep_double_slash: bool,
    /// Other origins whose pages may open a WebSocket here, as browsers write them.
    pub websocket_origins: Vec<String>,
    /// How far the app's own word about caching counts.
    pub caching: CachePolicy,
    /// Canonical, without the slash at its end: what a path must begin with, up to a segment's end.
    prefix: String,
}

impl Route {
    /// A rule for `path` and what is below it.
    ///
    /// # Errors
    /// When `path` has no canonical spelling.
    pub fn new(path: &str, access: Access, upstream: usize, counts_as_activity: bool) -> Result<Self, BadPath> {
        let canonical = CanonicalPath::parse(path.as_bytes())?;
        let prefix = canonical.for_rules().trim_end_matches('/').to_owned();
        Ok(Self {
            path: path.into(),
            access,
            upstream,
            counts_as_activity,
            body_size: None,
            allow_encoded_slash: false,
            keep_double_slash: false,
            websocket_origins: Vec::new(),
            caching: CachePolicy::default(),
            prefix,
        })
    }

    /// The same, for bodies of at most so many bytes.
    #[must_use]
    pub fn taking(self, body_size: Option<u64>) -> Self {
        Self { body_size, ..self }
    }

    /// The same, for an app that tells a slash from an encoded one, or one from two.
    #[must_use]
    pub fn with_slashes(self, allow_encoded_slash: bool, keep_double_slash: bool) -> Self {
        Self { allow_encoded_slash, keep_double_slash, ..self }
    }

    /// The same, and pages of these origins may open a WebSocket.
    #[must_use]
    pub fn with_websocket_origins(self, websocket_origins: Vec<String>) -> Self {
        Self { websocket_origins, ..self }
    }

    /// The same, for answers that may be kept as `caching` says.
    #[must_use]
    pub fn with_caching(self, caching: CachePolicy) -> Self {
        Self { caching, ..self }
    }

    /// A path is a case-sensitive prefix that ends at a segment.
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The rules, in the operator's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// Whether one of them keeps slashes as they came: else no request is looked at for that.
    keeps: bool,
}

impl RouteTable {
    /// In this order.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let keeps = routes.iter().any(|route| route.allow_encoded_slash || route.keep_double_slash);
        Self { routes, keeps }
    }

    /// Reads path and query as sent: canonical, but for slashes that the rule permits. `is_ours` tells our own pages.
    ///
    /// # Errors
    /// When the path could be read in two ways, under two rules; see [`BadPath`].
    pub fn read(&self, target: &[u8], is_ours: impl Fn(&str) -> bool) -> Result<CanonicalPath, BadPath> {
        let canonical = CanonicalPath::parse(target);
        if !self.keeps {
            return canonical;
        }
        let keep = match &canonical {
            Err(BadPath::Ambiguous) if slashes::has_encoded(target) => {
                // Whatever else makes it ambiguous is found again.
                let path = CanonicalPath::keeping(target, Keep { encoded: true, double: false })?;
                let rule = self.first(path.for_rules()).map(|(_, route)| route);
                let Some(rule) = rule.filter(|rule| rule.allow_encoded_slash) else { return canonical };
                Keep { encoded: true, double: rule.keep_double_slash }
            }
            Ok(path) if slashes::has_double(target) && !is_ours(path.for_rules()) => {
                let rule = self.first(path.for_rules()).map(|(_, route)| route);
                let Some(_) = rule.filter(|rule| rule.keep_double_slash) else { return canonical };
                Keep { encoded: false, double: true }
            }
            _ => return canonical,
        };
        let path = CanonicalPath::keeping(target, keep)?;
        let place = |reading: &str| self.first(reading).map(|(place, _)| place);
        let rule = place(path.for_rules());
        let same = |reading: &String| place(reading) == rule && !is_ours(reading);
        if slashes::readings(target, &path)?.iter().all(same) { Ok(path) } else { Err(BadPath::Slashes) }
    }

    /// The first rule that covers the path without its parameters, and its place.
    #[must_use]
    pub fn find(&self, path: &CanonicalPath) -> Option<(usize, &Route)> {
        self.first(path.for_rules())
    }

    /// The one rule that a request for the path falls under, whether its app cuts parameters or not. Where some are cut and
    /// some are not it is the same one: no rule has parameters.
    ///
    /// # Errors
    /// [`BadPath::TwoRules`] when it is another rule with parameters than without.
    pub fn rule_of(&self, path: &CanonicalPath) -> Result<Option<(usize, &Route)>, BadPath> {
        let found = self.find(path);
        let place = |found: Option<(usize, &Route)>| found.map(|(place, _)| place);
        match path.uncut() {
            Some(uncut) if place(self.first(uncut)) != place(found) => Err(BadPath::TwoRules),
            _ => Ok(found),
        }
    }

    fn first(&self, path: &str) -> Option<(usize, &Route)> {
        self.routes.iter().enumerate().find(|(_, route)| route.covers(path))
    }

    /// All rules.
    #[must_use]
    pub fn all(&self) -> &[Route] {
        &self.routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(routes: &[&str], path: &str) -> Result<Option<usize>, BadPath> {
        let table = RouteTable::new(routes.iter().map(|r| Route::new(r, Access::SignedIn, 0, true).unwrap()).collect());
        let rule = table.rule_of(&CanonicalPath::parse(path.as_bytes()).unwrap())?;
        Ok(rule.map(|(place, _)| place))
    }

    #[test]
    fn a_path_is_a_prefix_that_ends_at_a_segment() {
        let routes = ["/assets", "/admin/", "/"];
        for (path, place) in [
            ("/assets", 0),
            ("/assets/", 0),
            ("/assets/x", 0),
            ("/assetsx", 2),
            ("/Assets", 2),
            ("/admin", 1),
            ("/admin/y;x", 1),
            ("/a;x/admin", 2),
            ("/a?x=/assets/", 2),
        ] {
            assert_eq!(matched(&routes, path), Ok(Some(place)), "{path}");
        }
        assert_eq!(matched(&["/a"], "/b"), Ok(None));
    }

    #[test]
    fn parameters_choose_no_rule() {
        let routes = ["/admin/public", "/admin"];
        for path in ["/admin;x", "/admin;x/public", "/admin/;/public", "/;x/admin", "/admin/public;x", "/;/;x/admin/y"]
        {
            assert_eq!(matched(&routes, path), Err(BadPath::TwoRules), "{path}");
        }
        assert_eq!(matched(&routes, "/admin/a;x/public"), Ok(Some(1)));
        assert_eq!(matched(&routes, "/other;x"), Ok(None));
    }
}
