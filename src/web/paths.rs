//! Where each page is. The one list: templates, handlers and tests take their paths from here.

use crate::id::SessionId;

/// The hub.
pub const HUB: &str = "/security";
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
/// Changes of that list, as an event stream.
pub use crate::gate::LIVE_SESSIONS_PATH;
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
