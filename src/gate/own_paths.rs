//! Paths that Portcullis answers itself, whatever the routes are.

/// Prefixes and paths that no route can be for.
pub const OWN_PATHS: [&str; 4] =
    ["/security", "/.well-known/portcullis", "/.well-known/change-password", NONEXISTENT_PATH];

/// Style sheets and the script.
pub(super) const ASSETS_PREFIX: &str = "/security/assets/";

/// What browsers ask for to see whether a server says 404 where nothing is, before they trust
/// `/.well-known/change-password`: an app that shows a page under every path must not be asked.
pub(super) const NONEXISTENT_PATH: &str =
    "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";

/// Whether Portcullis itself answers this path.
pub(super) fn is_own_path(path: &str) -> bool {
    let under = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    under("/security")
        || under("/.well-known/portcullis")
        || matches!(path, "/.well-known/change-password" | NONEXISTENT_PATH)
}
