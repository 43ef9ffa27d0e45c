//! Paths that Portcullis answers itself, whatever the routes are: the one list. The gate, the router, the pages, the
//! configuration and the metrics take them from here.

use crate::id::SessionId;

/// Prefixes and paths that no route can be for.
pub const OWN_PATHS: [&str; 4] = [ROOT, WELL_KNOWN, CHANGE_PASSWORD, NONEXISTENT];

/// Root of pages and API, and the route that the log and the metrics give them.
pub const ROOT: &str = "/security";
/// Documents about an installation, for other programs.
pub const WELL_KNOWN: &str = "/.well-known/portcullis";
/// Redirect of password managers to the password page (W3C, A Well-Known URL for Changing Passwords).
pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";
/// Path without a page: browsers look whether it is a 404 before they trust [`CHANGE_PASSWORD`]. An app that shows a page under
/// every path must not be asked.
pub const NONEXISTENT: &str = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";

/// Requests that pages send by themselves: none of them is activity of a session.
pub const PASSIVE: [&str; 2] = [LIVE_SESSIONS, SESSION_STATE];

/// Whether Portcullis answers this path itself.
#[must_use]
pub fn is_own(path: &str) -> bool {
    let under = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    under(ROOT) || under(WELL_KNOWN) || matches!(path, CHANGE_PASSWORD | NONEXISTENT)
}

/// The hub.
pub const HUB: &str = ROOT;
/// The sign-in form.
pub const SIGN_IN: &str = "/security/sign-in";
/// Signing this session out; GET asks first.
pub const SIGN_OUT: &str = "/security/sign-out";
/// What one sees after it.
pub const SIGNED_OUT: &str = "/security/signed-out";
/// Goes on with cookies of apps that one answer could not take away.
pub const CLEAR_COOKIES: &str = "/security/clear-cookies";
/// Where one is signed in.
pub const SESSIONS: &str = "/security/sessions";
/// Changes of that list, as an event stream: open for as long as its page is, and cut when its session ends.
pub const LIVE_SESSIONS: &str = "/security/sessions/live";
/// After a sign-in that another tab is waiting for.
pub const SIGNED_IN: &str = "/security/signed-in";
/// Details of one session.
pub const SESSION: &str = "/security/sessions/{id}";
/// Ending one session; GET asks first.
pub const END_SESSION: &str = "/security/sessions/{id}/sign-out";
/// Ending all sessions but this one; GET asks first.
pub const END_OTHERS: &str = "/security/sessions/sign-out-others";
/// Ending all sessions, this one too; GET asks first.
pub const END_ALL: &str = "/security/sessions/sign-out-all";
/// Sign-in history.
pub const HISTORY: &str = "/security/history";
/// The same as a file.
pub const HISTORY_CSV: &str = "/security/history.csv";
/// Changing the password.
pub const PASSWORD: &str = "/security/password";
/// Setting a password with a one-time link.
pub const SET_PASSWORD: &str = "/security/set-password";
/// Style sheets and the script.
pub const ASSETS: &str = "/security/assets";
/// The JSON API.
pub const API: &str = "/security/api/v1";
/// State of a session, which an app's open page asks for.
pub const SESSION_STATE: &str = "/security/api/v1/session-state";

/// The script for an app's own pages. Its name stays the same, so that an app can hold it.
pub const WATCH_SCRIPT: &str = "/security/assets/watch.js";

/// Details of this session.
#[must_use]
pub fn session(id: SessionId) -> String {
    format!("{SESSIONS}/{id}")
}

/// Ending this session.
#[must_use]
pub fn end_session(id: SessionId) -> String {
    format!("{SESSIONS}/{id}/sign-out")
}

/// The sign-in form with a name in it.
#[must_use]
pub fn sign_in_as(name: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
    format!("{SIGN_IN}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_ends_at_a_segment() {
        for (path, own) in [
            ("/security", true),
            ("/security/", true),
            ("/security/x", true),
            ("/securityx", false),
            ("/Security", false),
            ("/.well-known/portcullis/x", true),
            ("/.well-known/change-password", true),
            ("/.well-known/change-password/x", false),
            ("/.well-known", false),
            ("/", false),
        ] {
            assert_eq!(is_own(path), own, "{path}");
        }
        assert!(OWN_PATHS.iter().chain(&PASSIVE).all(|path| is_own(path)));
        assert!(SESSION_STATE.starts_with(API) && [API, ASSETS, LIVE_SESSIONS].iter().all(|path| is_own(path)));
    }
}
