//! Answers of our own pages: what they have in common, and the cookies they set.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use cookie::{Cookie, SameSite};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::theme::Flash;
use crate::{gate::cookie::CookieNames, secret::Token, session::SessionToken};

/// How long a remembered cookie stays in the browser. The server decides when the session ends; 400 days is the most that
/// browsers keep.
const REMEMBERED_MAX_AGE: Duration = Duration::from_hours(400 * 24);
/// How long a flash may wait for its page.
const FLASH_MAX_AGE: Duration = Duration::from_mins(1);
/// How long the sign-in page can say why a session has ended whose cookie is gone.
const END_NOTE_MAX_AGE: Duration = Duration::from_mins(10);
/// Bytes of a field line beside its name and value: `: ` and the end of the line.
pub(super) const FIELD_OVERHEAD: usize = 4;

/// An answer under way.
pub struct WebResponse(Response);

impl WebResponse {
    /// A page.
    #[must_use]
    pub fn page(status: StatusCode, html: String) -> Self {
        Self::text(status, "text/html; charset=utf-8", html)
    }

    /// Text of this type.
    #[must_use]
    pub fn text(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self((status, [(header::CONTENT_TYPE, content_type)], body).into_response())
    }

    /// A resource in JSON.
    #[must_use]
    pub fn json(resource: &impl Serialize) -> Self {
        Self(axum::Json(resource).into_response())
    }

    /// Nothing, successfully.
    #[must_use]
    pub fn no_content() -> Self {
        Self(StatusCode::NO_CONTENT.into_response())
    }

    /// After a POST: look at that page. `to` is a path of this origin.
    #[must_use]
    pub fn see_other(to: &str) -> Self {
        Self::redirect(StatusCode::SEE_OTHER, to)
    }

    /// A redirect. `to` is a path of this origin, in ASCII.
    #[must_use]
    pub fn redirect(status: StatusCode, to: &str) -> Self {
        let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
        Self((status, [(header::LOCATION, to)]).into_response())
    }

    /// Whether it leads elsewhere.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        self.0.status().is_redirection()
    }

    /// Bytes of its field lines by now.
    #[must_use]
    pub fn header_bytes(&self) -> usize {
        self.0.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD).sum()
    }

    /// Where it leads.
    #[must_use]
    pub fn location(&self) -> Option<String> {
        Some(self.0.headers().get(header::LOCATION)?.to_str().ok()?.to_owned())
    }

    /// The same, leading there instead. `to` is a path of this origin, in ASCII.
    #[must_use]
    pub fn with_location(self, to: &str) -> Self {
        self.with_header(header::LOCATION, to)
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// With a result in words for the page that follows.
    #[must_use]
    pub fn with_flash(self, names: &CookieNames, flash: Flash) -> Self {
        let cookie = own_cookie(names, &names.flash, flash.cookie_value());
        self.append_cookie(&cookie.max_age(cookie_duration(FLASH_MAX_AGE)).build())
    }

    /// Hands a session over to the browser; remembered, it outlives the browser's window.
    #[must_use]
    pub fn with_session(self, names: &CookieNames, token: &SessionToken, remembered: bool) -> Self {
        let cookie = own_cookie(names, &names.session, token.to_cookie_value());
        self.append_cookie(&if remembered {
            cookie.max_age(cookie_duration(REMEMBERED_MAX_AGE)).build()
        } else {
            cookie.build()
        })
    }

    /// Gives the browser a key by which its user will recognise the device.
    #[must_use]
    pub fn with_device_cookie(self, names: &CookieNames, device: &Token) -> Self {
        let cookie = own_cookie(names, &names.device, device.expose());
        self.append_cookie(&cookie.max_age(cookie_duration(REMEMBERED_MAX_AGE)).build())
    }

    /// Gives the browser a name of its own, for the forms that it is shown.
    #[must_use]
    pub fn with_form_cookie(self, names: &CookieNames, browser_id: &Token) -> Self {
        self.append_cookie(&own_cookie(names, &names.form, browser_id.expose()).build())
    }

    /// Takes the session's cookie from the browser.
    #[must_use]
    pub fn without_session(self, names: &CookieNames) -> Self {
        let gone = own_cookie(names, &names.session, String::new()).max_age(cookie_duration(Duration::ZERO)).build();
        self.append_cookie(&gone).with_header(HeaderName::from_static("clear-site-data"), "\"cache\"")
    }

    /// Says to whoever signs in next here that this person was signed in last.
    #[must_use]
    pub fn with_last_user(self, names: &CookieNames, digest: &str) -> Self {
        let cookie = own_cookie(names, &names.last_user, digest.to_owned());
        self.append_cookie(&cookie.max_age(cookie_duration(REMEMBERED_MAX_AGE)).build())
    }

    /// Leaves word for the sign-in page of a session that has ended.
    #[must_use]
    pub fn with_end_note(self, names: &CookieNames, value: &str) -> Self {
        let cookie = own_cookie(names, &names.ended, value.to_owned());
        self.append_cookie(&cookie.max_age(cookie_duration(END_NOTE_MAX_AGE)).build())
    }

    /// Takes that word from the browser.
    #[must_use]
    pub fn without_end_note(self, names: &CookieNames) -> Self {
        let gone = own_cookie(names, &names.ended, String::new()).max_age(cookie_duration(Duration::ZERO)).build();
        self.append_cookie(&gone)
    }

    /// Keeps what the next step of a sign-in or a sign-out needs, for so long.
    #[must_use]
    pub fn with_pending(self, names: &CookieNames, value: &str, max_age: Duration) -> Self {
        let cookie = own_cookie(names, &names.pending, value.to_owned());
        self.append_cookie(&cookie.max_age(cookie_duration(max_age)).build())
    }

    /// Takes that from the browser.
    #[must_use]
    pub fn without_pending(self, names: &CookieNames) -> Self {
        let gone = own_cookie(names, &names.pending, String::new()).max_age(cookie_duration(Duration::ZERO)).build();
        self.append_cookie(&gone)
    }

    /// With `Set-Cookie`s in ASCII.
    #[must_use]
    pub fn with_set_cookies(mut self, cookies: &[String]) -> Self {
        for line in cookies.iter().filter_map(|line| HeaderValue::from_str(line).ok()) {
            self.0.headers_mut().append(header::SET_COOKIE, line);
        }
        self
    }

    /// Takes the flash from the browser: it was shown.
    #[must_use]
    pub fn without_flash(self, names: &CookieNames) -> Self {
        let gone = own_cookie(names, &names.flash, String::new()).max_age(cookie_duration(Duration::ZERO)).build();
        self.append_cookie(&gone)
    }

    fn append_cookie(mut self, cookie: &Cookie<'_>) -> Self {
        let line = HeaderValue::from_str(&cookie.to_string()).expect("a cookie of ours is ASCII");
        self.0.headers_mut().append(header::SET_COOKIE, line);
        self
    }
}

impl From<Response> for WebResponse {
    fn from(response: Response) -> Self {
        Self(response)
    }
}

impl IntoResponse for WebResponse {
    fn into_response(self) -> Response<Body> {
        self.0
    }
}

fn own_cookie<'c>(names: &CookieNames, name: &str, value: String) -> cookie::CookieBuilder<'c> {
    Cookie::build((name.to_owned(), value)).secure(names.secure).http_only(true).same_site(SameSite::Lax).path("/")
}

fn cookie_duration(span: Duration) -> cookie::time::Duration {
    cookie::time::Duration::seconds(i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gate::cookie::DEFAULT_NAME,
        id::{SessionId, UserId},
    };

    #[test]
    fn a_session_cookie_has_the_attributes_of_the_contract() {
        let token = SessionToken::mint(SessionId::mint(UserId::mint()));
        let line = |https, remembered| {
            let answer = WebResponse::no_content()
                .with_session(&CookieNames::new(https, DEFAULT_NAME), &token, remembered)
                .into_response();
            answer.headers()[header::SET_COOKIE].to_str().unwrap().replace(&token.to_cookie_value(), "*")
        };
        assert_eq!(line(true, true), "__Host-portcullis=*; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000");
        assert_eq!(line(true, false), "__Host-portcullis=*; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert_eq!(line(false, false), "portcullis=*; HttpOnly; SameSite=Lax; Path=/");
    }
}
