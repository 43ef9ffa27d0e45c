//! Route table: the first match wins, a path without a match is refused.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    AmbiguousChar, CanonicalPath, CrossSiteForm, FormTarget, InvalidPath, Refusal, RequestHead, cross_site_form,
    path::PathOptions,
    readings::{self, LiteralChars},
    slashes,
};
use crate::own_paths;

/// Access policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Public: no look-up, no identity, no heartbeat.
    Public,
    /// Any signed-in user.
    SignedIn,
    /// Signed-in users with one of these roles.
    Roles(Vec<String>),
}

impl Access {
    /// Whether a signed-in user with these roles has access.
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

/// Caching of guarded responses, as far as the app's own headers decide it.
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

/// Handling of characters that servers interpret differently, for one app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathPolicy {
    /// Whether `%2f` may be in a path, which the app then gets as it came.
    pub allow_encoded_slash: bool,
    /// Whether the app gets `//` as it came, and not as one slash.
    pub keep_double_slash: bool,
    /// Characters that the app reads as literals.
    pub literal_chars: LiteralChars,
    /// Whether the app gets path and query as they came, `%2f` and `//` included.
    pub preserve_path: bool,
}

/// Route: access policy and upstream for a path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Path as configured; the label in metrics. Shared with the requests that the route matches.
    pub path: Arc<str>,
    /// Access policy.
    pub access: Access,
    /// Index of the upstream that receives permitted requests.
    pub upstream: usize,
    /// Whether a request counts as activity of the session.
    pub counts_as_activity: bool,
    /// Largest request body in bytes; none is no limit.
    pub body_size: Option<u64>,
    /// Read timeout of the upstream; none for the upstream's own.
    pub read_timeout: Option<Duration>,
    /// Handling of characters that servers interpret differently.
    pub paths: PathPolicy,
    /// Other origins whose pages may open a WebSocket here, as browsers write them.
    pub websocket_origins: Vec<String>,
    /// Paths that accept cross-site form posts.
    pub cross_site_forms: Vec<FormTarget>,
    /// Caching of guarded responses.
    pub caching: CachePolicy,
    /// Whether documents receive the session-watching script.
    pub watch: bool,
    /// Canonical, without the slash at its end: what a path must begin with, up to a segment's end.
    prefix: String,
}

impl Route {
    /// Creates a route for `path` and everything below it.
    ///
    /// # Errors
    /// When `path` has no canonical spelling.
    pub fn new(path: &str, access: Access, upstream: usize, counts_as_activity: bool) -> Result<Self, InvalidPath> {
        let canonical = CanonicalPath::parse(path.as_bytes())?;
        let prefix = canonical.without_parameters().trim_end_matches('/').to_owned();
        if let Some(other) = readings::all_readings(prefix.as_bytes(), LiteralChars::default())?
            .iter()
            .find(|other| other.spelling() != prefix)
        {
            return Err(InvalidPath::ForbiddenChar(other.character()));
        }
        Ok(Self {
            path: path.into(),
            access,
            upstream,
            counts_as_activity,
            body_size: None,
            read_timeout: None,
            paths: PathPolicy::default(),
            websocket_origins: Vec::new(),
            cross_site_forms: Vec::new(),
            caching: CachePolicy::default(),
            watch: false,
            prefix,
        })
    }

    /// Sets the largest request body, in bytes.
    #[must_use]
    pub fn with_body_size(self, body_size: Option<u64>) -> Self {
        Self { body_size, ..self }
    }

    /// Sets the read timeout of the upstream.
    #[must_use]
    pub fn with_read_timeout(self, read_timeout: Option<Duration>) -> Self {
        Self { read_timeout, ..self }
    }

    /// Sets the handling of ambiguous characters.
    #[must_use]
    pub fn with_paths(self, paths: PathPolicy) -> Self {
        Self { paths, ..self }
    }

    /// Sets the other origins that may open a WebSocket.
    #[must_use]
    pub fn with_websocket_origins(self, websocket_origins: Vec<String>) -> Self {
        Self { websocket_origins, ..self }
    }

    /// Sets the paths that accept cross-site form posts.
    #[must_use]
    pub fn with_cross_site_forms(self, cross_site_forms: Vec<FormTarget>) -> Self {
        Self { cross_site_forms, ..self }
    }

    /// Sets whether documents receive the session-watching script.
    #[must_use]
    pub fn with_watch(self, watch: bool) -> Self {
        Self { watch, ..self }
    }

    /// Sets the caching of guarded responses.
    #[must_use]
    pub fn with_caching(self, caching: CachePolicy) -> Self {
        Self { caching, ..self }
    }

    /// Whether the route's prefix covers the path: case-sensitive, up to a segment boundary.
    fn matches(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Routes, in the operator's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// Whether a route keeps slashes or the raw path: else the check is skipped for each request.
    keeps_raw_paths: bool,
    /// Whether a route accepts cross-site forms: else the check is skipped for each request.
    accepts_forms: bool,
}

impl RouteTable {
    /// Creates a table that matches in this order.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let keeps = routes.iter().any(|route| route.paths.keep_double_slash || route.paths.preserve_path);
        let takes_forms = routes.iter().any(|route| !route.cross_site_forms.is_empty());
        Self { routes, keeps_raw_paths: keeps, accepts_forms: takes_forms }
    }

    /// The form of another site that a request posts to a path that takes it.
    ///
    /// # Errors
    /// Its sender may not post here any more.
    pub(super) fn cross_site_form(
        &self,
        head: &RequestHead<'_>,
        origin: &str,
    ) -> Result<Option<CrossSiteForm>, Refusal> {
        if !self.accepts_forms || !head.is_action() {
            return Ok(None);
        }
        match self.form_target(head.target) {
            Some(target) => CrossSiteForm::from_request(head, target, origin),
            None => Ok(None),
        }
    }

    /// Target of a request, without the parameter by which a form that was sent on from our page is known.
    pub(super) fn strip_form_token<'t>(&self, target: &'t [u8]) -> &'t [u8] {
        if self.accepts_forms && self.form_target(target).is_some() {
            cross_site_form::strip_token(target)
        } else {
            target
        }
    }

    /// Target of a request among the paths that accept cross-site forms.
    fn form_target(&self, target: &[u8]) -> Option<&FormTarget> {
        let path = cross_site_form::target_path(target);
        self.routes.iter().flat_map(|route| &route.cross_site_forms).find(|form| form.path.as_bytes() == path)
    }

    /// Reads path and query as sent: canonical, but for what stays as it came. However a server reads the path, it falls under
    /// the rule that [`RouteTable::find`] finds, and is none of ours; or it is ours, however it is read.
    ///
    /// # Errors
    /// When two readings of the path fall under two routes; see [`InvalidPath`].
    pub fn parse_path(&self, target: &[u8]) -> Result<CanonicalPath, InvalidPath> {
        let path = CanonicalPath::parse_with(
            target,
            PathOptions { keep_encoded_slash: true, keep_double_slash: false, keep_encoded_chars: true },
        )?;
        let has_several = readings::ambiguous_chars(path.path()).next().is_some();
        if !has_several && !self.keeps_raw_paths {
            return Ok(path);
        }
        if own_paths::is_own(path.path()) {
            return if has_several { check_own_path(&path).map(|()| path) } else { Ok(path) };
        }
        let PathPolicy { allow_encoded_slash, keep_double_slash, literal_chars: letters, preserve_path } =
            self.find(&path).map(|(_, rule)| rule.paths).unwrap_or_default();
        let encoded = slashes::has_encoded_slash(path.path());
        if encoded && !allow_encoded_slash && !preserve_path {
            return Err(InvalidPath::ForbiddenChar(AmbiguousChar::EncodedSlash));
        }
        let double = (keep_double_slash || preserve_path) && slashes::has_double_slash(target);
        let path = if double {
            CanonicalPath::parse_with(
                target,
                PathOptions { keep_encoded_slash: true, keep_double_slash: true, keep_encoded_chars: true },
            )?
        } else {
            path
        };
        if encoded || double {
            let character = if encoded { AmbiguousChar::EncodedSlash } else { AmbiguousChar::DoubleSlash };
            for reading in slashes::slash_readings(target, !letters.semicolon)? {
                self.check_reading(&path, &reading, character)?;
            }
        }
        if has_several || double {
            self.check_all_readings(&path, path.path().as_bytes(), letters)?;
        }
        if !preserve_path {
            return Ok(path);
        }
        let raw = slashes::target_path(target);
        if raw.starts_with(b"//") {
            return Err(InvalidPath::ForbiddenChar(AmbiguousChar::DoubleSlash));
        }
        self.check_all_readings(&path, raw, letters)?;
        Ok(path.with_verbatim(target))
    }

    /// Sees that all readings of `sent`, but for those that `letters` rules out, fall under the rule of `path`, and none is
    /// ours.
    fn check_all_readings(&self, path: &CanonicalPath, sent: &[u8], letters: LiteralChars) -> Result<(), InvalidPath> {
        for reading in readings::all_readings(sent, letters)? {
            let character = reading.character();
            self.check_reading(path, &reading.spelling(), character)?;
            if let Some(literal) = reading.literal_spelling() {
                self.check_reading(path, &literal, character)?;
            }
        }
        if letters == LiteralChars::default() {
            return Ok(());
        }
        // Whatever the app is said to do: nothing on the way to it may take the path for one of ours.
        for reading in readings::all_readings(sent, LiteralChars::default())? {
            if own_paths::is_own(&reading.spelling()) {
                return Err(InvalidPath::OwnPath(reading.character()));
            }
        }
        Ok(())
    }

    fn check_reading(&self, path: &CanonicalPath, reading: &str, character: AmbiguousChar) -> Result<(), InvalidPath> {
        let place = |path: &str| self.first_match(path).map(|(place, _)| place);
        if own_paths::is_own(reading) {
            Err(InvalidPath::OwnPath(character))
        } else if place(reading) != place(path.path()) {
            Err(InvalidPath::AmbiguousRoute(character))
        } else {
            Ok(())
        }
    }

    /// First route that matches the path, with its index.
    #[must_use]
    pub fn find(&self, path: &CanonicalPath) -> Option<(usize, &Route)> {
        self.first_match(path.path())
    }

    fn first_match(&self, path: &str) -> Option<(usize, &Route)> {
        self.routes.iter().enumerate().find(|(_, route)| route.matches(path))
    }

    /// All routes, in order.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

/// Checks that an own path has no other reading: it may hold no encoded delimiter or control character.
fn check_own_path(path: &CanonicalPath) -> Result<(), InvalidPath> {
    let is_letter = |character: &AmbiguousChar| {
        use AmbiguousChar::{EncodedBackslash, EncodedControl, EncodedSemicolon, EncodedSlash};
        matches!(character, EncodedBackslash | EncodedControl(_) | EncodedSemicolon | EncodedSlash)
    };
    if let Some(character) = readings::ambiguous_chars(path.path()).find(is_letter) {
        return Err(InvalidPath::OwnPath(character));
    }
    let readings = readings::all_readings(path.path().as_bytes(), LiteralChars::default())?;
    match readings.iter().find(|reading| !own_paths::is_own(&reading.spelling())) {
        Some(reading) => Err(InvalidPath::OwnPath(reading.character())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(routes: &[&str], path: &str) -> Result<Option<usize>, InvalidPath> {
        let table = RouteTable::new(routes.iter().map(|r| Route::new(r, Access::SignedIn, 0, true).unwrap()).collect());
        let path = table.parse_path(path.as_bytes())?;
        Ok(table.find(&path).map(|(place, _)| place))
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
            assert_eq!(matched(&routes, path), Err(InvalidPath::AmbiguousRoute(AmbiguousChar::Semicolon)), "{path}");
        }
        assert_eq!(matched(&routes, "/admin/a;x/public"), Ok(Some(1)));
        assert_eq!(matched(&routes, "/other;x"), Ok(None));
    }
}
