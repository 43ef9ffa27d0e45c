//! What a browser must forget when its person goes, and before somebody else comes in.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, header};

use super::{ReturnTo, SECURITY_HEADERS, WebRequest, WebResponse, paths, response::FIELD_OVERHEAD};
use crate::{
    gate::{
        RejectReason, RequestHead, RequestMode,
        cookie::{AppCookie, ClearedCookies, CookieLookup, ForgetOn},
    },
    id::UserId,
    session::SessionToken,
    sign_in::SignedIn,
};

static CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Characters of the digest of a person: 132 bits.
const USER_DIGEST_CHARS: usize = 22;

/// Bytes of a head up to which cookies of apps are taken away with it.
const HEAD_BYTES: usize = 3_072;
/// Bytes of the largest head of an answer that takes cookies away, with a long way back: less than the buffer that proxies in front of us
/// have for one (nginx: `proxy_buffer_size`, 4 KiB), with some room for what another one between adds.
const MAX_HEAD_BYTES: usize = 3_840;
/// Bytes of a head for what is added to each answer later, besides the headers that all of ours have: status line, date, length, request
/// id, `Vary`, `Retry-After`, a flash.
const RESERVED_BYTES: usize = 450;

/// How long the next step of a sign-in may take: a redirect leads there.
const PENDING_MAX_AGE: Duration = Duration::from_mins(10);
/// How long a browser knows that a sign-out has left something to clear: it is no secret.
const SIGN_OUT_MAX_AGE: Duration = Duration::from_hours(400 * 24);
/// Value of the cookie between two steps of a sign-out.
const SIGN_OUT_MARKER: &str = "sign-out";
/// Behind the session in the cookie between two steps of a sign-in: it outlives the browser's window.
const REMEMBERED_SUFFIX: &str = ".remembered";
/// Behind that: a sign-out before could not clear all that it should.
const SIGN_OUT_SUFFIX: &str = ".sign-out";

/// Bytes of cookies that a browser may send while one answer after the other clears some: servers in front of us take lines of 8 KiB
/// (nginx: `large_client_header_buffers`).
const MAX_COOKIE_BYTES: usize = 7_600;
/// Bytes of that for the cookie between two steps, besides the way back.
const PENDING_OVERHEAD: usize = 250;
/// Between that and the way back.
const RETURN_TO_SEPARATOR: char = '!';

/// A session on its way to a browser, and where the browser goes then.
///
/// Invariant: the way waits in the cookie as soon as there is room for it, and not in the address of each step, so that a step has room to
/// clear several helper cookies: browsers follow 20 redirects. Held by
/// `wire::next_visitor_steps::however_long_the_way_back_no_head_is_too_large_for_nginx`.
#[derive(Clone)]
struct PendingSession {
    token: SessionToken,
    remembered: bool,
    after_sign_out: bool,
    return_to: Option<ReturnTo>,
}

impl PendingSession {
    /// Reads what waits between two steps of a sign-in.
    fn parse(pending: &str) -> Option<Self> {
        let (rest, way) = pending.split_once(RETURN_TO_SEPARATOR)?;
        let (rest, after_sign_out) = strip_marker(rest, SIGN_OUT_SUFFIX);
        let (token, keep) = strip_marker(rest, REMEMBERED_SUFFIX);
        Some(Self {
            token: SessionToken::parse(token.as_bytes())?,
            remembered: keep,
            after_sign_out,
            return_to: ReturnTo::from_cookie_value(way),
        })
    }

    /// With the way, or without it.
    fn to_cookie_value(&self, with_return_to: bool) -> String {
        let kept = if self.remembered { REMEMBERED_SUFFIX } else { "" };
        let after = if self.after_sign_out { SIGN_OUT_SUFFIX } else { "" };
        let way = self.return_to.as_ref().filter(|_| with_return_to).map(ReturnTo::to_cookie_value).unwrap_or_default();
        format!("{}{kept}{after}{RETURN_TO_SEPARATOR}{way}", self.token.to_cookie_value())
    }
}

fn strip_marker<'a>(text: &'a str, marker: &str) -> (&'a str, bool) {
    text.strip_suffix(marker).map_or((text, false), |rest| (rest, true))
}

/// Bytes for cookies of apps in a head of at most so many, beside what it holds already.
fn cookie_budget(max: usize, used: usize) -> usize {
    let ours =
        SECURITY_HEADERS.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD).sum::<usize>();
    max.saturating_sub(ours + RESERVED_BYTES + used)
}

impl WebRequest {
    /// The answer by which a browser forgets its session, and the cookies of the apps with it. A redirect goes by way of
    /// [`paths::CLEAR_COOKIES`] where one answer cannot hold them all.
    #[must_use]
    pub fn sign_out_response(&self, answer: WebResponse) -> WebResponse {
        self.clear_app_cookies(answer.without_session(&self.state().cookies))
    }

    /// Hands a new session over. Where somebody else was signed in last, or nobody knows, the browser first forgets the cookies
    /// of the apps, its storage and its cache: browsers obey `Clear-Site-Data` before they take the answer any further. Where one
    /// answer cannot hold the cookies, a redirect goes by way of [`paths::CLEAR_COOKIES`], and the session is handed over when
    /// the last of them is gone.
    #[must_use]
    pub fn sign_in_response(&self, answer: WebResponse, signed_in: &SignedIn) -> WebResponse {
        let names = &self.state().cookies;
        let with_device_cookies = |answer: WebResponse| {
            let answer = match &signed_in.device {
                Some(device) => answer.with_device_cookie(names, device),
                None => answer,
            };
            if self.cookie(&names.ended) == CookieLookup::Missing { answer } else { answer.without_end_note(names) }
        };
        let pending = PendingSession {
            token: signed_in.token.clone(),
            remembered: self.state().sessions.policy().is_persistent(signed_in.session.terms),
            after_sign_out: self.is_sign_out_pending(),
            return_to: answer.location().as_deref().and_then(ReturnTo::parse),
        };
        with_device_cookies(self.deliver_session(
            answer,
            &pending,
            with_device_cookies(WebResponse::no_content()).header_bytes(),
        ))
    }

    /// Whether a way back has room among the cookies that a browser sends.
    fn fits_in_cookies(&self, return_to: &ReturnTo) -> bool {
        let cookies: usize = self.headers().get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
        cookies + PENDING_OVERHEAD + return_to.to_cookie_value().len() <= MAX_COOKIE_BYTES
    }

    /// Goes on with what one answer could not clear, and then where the browser was going: `rd` where the cookie does not say it.
    #[must_use]
    pub(super) fn continue_clearing(&self, rd: Option<&str>) -> WebResponse {
        if self.is_sign_out_pending() {
            return self.clear_app_cookies(WebResponse::see_other(paths::SIGNED_OUT));
        }
        let CookieLookup::Found(pending) = self.cookie(&self.state().cookies.pending) else {
            return WebResponse::see_other(&self.return_path(rd));
        };
        match std::str::from_utf8(pending).ok().and_then(PendingSession::parse) {
            Some(step) => {
                let step =
                    PendingSession { return_to: step.return_to.or_else(|| rd.and_then(ReturnTo::parse)), ..step };
                let place = step.return_to.clone().map_or_else(|| self.return_path(None), ReturnTo::into_path);
                self.deliver_session(WebResponse::see_other(&place), &step, 0)
            }
            None => self.drop_pending(WebResponse::see_other(&self.return_path(rd))),
        }
    }

    /// Goes on with a sign-out whose answer led nowhere and could not clear all: with a page that is opened while nobody is signed in.
    #[must_use]
    pub(super) fn resume_sign_out(&self, answer: WebResponse) -> WebResponse {
        // Not where a script looks at the page: its answer may come after a new sign-in.
        let is_opened = self.header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        let goes_on = is_opened && self.principal().is_none() && self.is_sign_out_pending();
        if goes_on { self.clear_app_cookies(answer) } else { answer }
    }

    fn is_sign_out_pending(&self) -> bool {
        self.cookie(&self.state().cookies.pending) == CookieLookup::Found(SIGN_OUT_MARKER.as_bytes())
    }

    /// With as many of a sign-out's lines as there is room for. A redirect goes on at once; after any other answer the next page that is
    /// opened does, or the next sign-in.
    fn clear_app_cookies(&self, answer: WebResponse) -> WebResponse {
        let names = &self.state().cookies;
        let with_pending = |answer: WebResponse| answer.with_pending(names, SIGN_OUT_MARKER, SIGN_OUT_MAX_AGE);
        let held = answer.header_bytes() + with_pending(WebResponse::no_content()).header_bytes();
        let clearing = self.cookies_to_clear(cookie_budget(HEAD_BYTES, held), |forget, _| forget.sign_out);
        let answer = answer.with_set_cookies(&clearing.lines);
        if clearing.is_complete {
            return self.drop_pending(answer);
        }
        let answer = if self.is_sign_out_pending() { answer } else { with_pending(answer) };
        if answer.is_redirect() { answer.with_location(paths::CLEAR_COOKIES) } else { answer }
    }

    /// Hands a session over to a browser that has forgotten the cookies of the apps, where somebody else was signed in last or where
    /// a sign-out has left some; else leads it to forget more of them first. `beside` is how many bytes of cookies come to the answer later.
    fn deliver_session(&self, answer: WebResponse, pending: &PendingSession, reserved: usize) -> WebResponse {
        let names = &self.state().cookies;
        let user_digest = self.user_digest(pending.token.id().owner());
        let is_other = self.cookie(&names.last_user) != CookieLookup::Found(user_digest.as_bytes());
        // What apps set before anybody has signed in is of whoever does so first.
        let is_first_person = self.cookie(&names.last_user) == CookieLookup::Missing;
        let applies = |forget: ForgetOn, by_guest: bool| {
            (is_other && forget.other_visitor && !(is_first_person && by_guest))
                || (pending.after_sign_out && forget.sign_out)
        };
        let delivered = |answer: WebResponse| {
            let answer =
                answer.with_session(names, &pending.token, pending.remembered).with_last_user(names, &user_digest);
            let answer = self.drop_pending(answer);
            if is_other && self.site_settings().clear_cookies_on.values().any(|forget| forget.other_visitor) {
                // Never "cookies": that takes those of other hosts of this site along, and our own.
                answer.with_header(CLEAR_SITE_DATA.clone(), "\"cache\", \"storage\"")
            } else {
                answer
            }
        };
        if !is_other && !pending.after_sign_out {
            return delivered(answer);
        }
        let held = answer.header_bytes() + delivered(WebResponse::no_content()).header_bytes() + reserved;
        // Nobody follows what is no redirect: it gets all lines at once, since the session comes with it.
        let bytes = if answer.is_redirect() { cookie_budget(HEAD_BYTES, held) } else { usize::MAX };
        let clearing = self.cookies_to_clear(bytes, applies);
        if clearing.is_complete {
            return delivered(answer).with_set_cookies(&clearing.lines);
        }
        self.clear_before_delivery(answer, pending, reserved, applies)
    }

    /// Leads a browser to the next step of a sign-in. Each but the first clears something: where that does not fit beside the way back,
    /// the way goes.
    fn clear_before_delivery(
        &self,
        answer: WebResponse,
        session: &PendingSession,
        reserved: usize,
        applies: impl Fn(ForgetOn, bool) -> bool,
    ) -> WebResponse {
        let names = &self.state().cookies;
        let return_to_in_url = session.return_to.as_ref().filter(|way| !self.fits_in_cookies(way));
        let pending = session.to_cookie_value(return_to_in_url.is_none());
        let is_new = self.cookie(&names.pending) != CookieLookup::Found(pending.as_bytes());
        let answer = if is_new { answer.with_pending(names, &pending, PENDING_MAX_AGE) } else { answer };
        if let Some(way) = return_to_in_url {
            let answer = answer.with_location(&way.append_to(paths::CLEAR_COOKIES));
            let clearing =
                self.cookies_to_clear(cookie_budget(MAX_HEAD_BYTES, answer.header_bytes() + reserved), &applies);
            if is_new || !clearing.lines.is_empty() {
                return answer.with_set_cookies(&clearing.lines);
            }
            return self.clear_before_delivery(
                answer,
                &PendingSession { return_to: None, ..session.clone() },
                reserved,
                applies,
            );
        }
        let answer = answer.with_location(paths::CLEAR_COOKIES);
        let clearing = self.cookies_to_clear(cookie_budget(HEAD_BYTES, answer.header_bytes() + reserved), applies);
        answer.with_set_cookies(&clearing.lines)
    }

    fn user_digest(&self, user: UserId) -> String {
        let mut digest = self.state().signing_key.keyed_digest("last person of a browser", &user.bare());
        digest.truncate(USER_DIGEST_CHARS);
        digest
    }

    fn drop_pending(&self, answer: WebResponse) -> WebResponse {
        let names = &self.state().cookies;
        if self.cookie(&names.pending) == CookieLookup::Missing { answer } else { answer.without_pending(names) }
    }

    /// The lines by which cookies of apps go, within so many bytes.
    fn cookies_to_clear(&self, bytes: usize, applies: impl Fn(ForgetOn, bool) -> bool) -> ClearedCookies {
        let (state, site) = (self.state(), self.site_settings());
        // Of an app that is gone from the configuration nothing needs to stay.
        let applies = |cookie: &AppCookie, by_guest| {
            site.clear_cookies_on.get(&cookie.upstream).is_none_or(|forget| applies(*forget, by_guest))
        };
        state.app_cookies.clear(self.headers(), applies, bytes, state.clock.now())
    }

    /// To whoever shows a session that is over: its browser forgets what it keeps of it, and a page navigation the cookie, too, where
    /// this installation knows it as ended. Never for another reason: an answer that is late must not take the cookie of a new
    /// session.
    pub(super) async fn clear_ended_session(
        &self,
        because: RejectReason,
        head: &RequestHead<'_>,
        response: Response,
    ) -> Response {
        let caller = head.mode();
        if caller == RequestMode::Upgrade || head.is_framed() {
            return response;
        }
        let (id, is_over) = match because {
            RejectReason::NoSuchSession { id, presented_digest: shown } => {
                match self.state().sessions.end_note(id, shown).await {
                    Ok(Some(_)) => (id, true),
                    _ => return response,
                }
            }
            // A longer timeout may still bring it back: it is over when its person has been told, on the sign-in page.
            RejectReason::IdleExpired(id, _) | RejectReason::Expired(id) => (id, false),
            RejectReason::DuplicateCookie
            | RejectReason::Malformed
            | RejectReason::Unreadable(_)
            | RejectReason::WrongSecret(_)
            | RejectReason::AccountDisabled(_) => return response,
        };
        let answer = WebResponse::from(response);
        if caller == RequestMode::Navigation {
            let answer = answer.with_header(CLEAR_SITE_DATA.clone(), "\"cache\"");
            return if is_over { self.drop_ended_session(answer) } else { answer }.into_response();
        }
        // Once for each session: a page that polls must not have the cache searched each time.
        let (names, bare) = (&self.state().cookies, id.bare());
        match self.cookie(&names.ended) {
            CookieLookup::Found(value) if value.starts_with(bare.as_bytes()) => answer,
            _ => answer.with_header(CLEAR_SITE_DATA.clone(), "\"cache\"").with_end_note(names, &bare),
        }
        .into_response()
    }

    /// Takes the cookie of a session that is over from the browser, and leaves word for the sign-in page.
    pub(super) fn drop_ended_session(&self, answer: WebResponse) -> WebResponse {
        let names = &self.state().cookies;
        match self.cookie(&names.session) {
            CookieLookup::Found(value) => {
                let shown = std::str::from_utf8(value).unwrap_or_default();
                answer.without_session(names).with_end_note(names, shown)
            }
            CookieLookup::Missing | CookieLookup::Duplicate => answer,
        }
    }
}
