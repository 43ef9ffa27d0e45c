//! What a browser must forget when its person goes, and before somebody else comes in.

use axum::response::{IntoResponse as _, Response};
use http::HeaderName;

use super::{Answer, Call, paths};
use crate::{
    gate::{
        Because, Caller, Head,
        cookie::{AppCookie, Clearing, ForgetOn, Shown},
    },
    id::UserId,
    session::SessionToken,
    sign_in::SignedIn,
};

static CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Characters of the digest of a person: 132 bits.
const DIGEST: usize = 22;

/// Bytes of `Set-Cookie` lines by which one answer takes cookies of apps away: with all else that it says its head stays below
/// 4 KiB, the buffer that proxies in front of us have for one (nginx: `proxy_buffer_size`).
const CLEARED: usize = 2_000;
/// Value of the cookie between two steps of a sign-out.
const SIGN_OUT: &[u8] = b"sign-out";
/// Behind the session in the cookie between two steps of a sign-in: it outlives the browser's window.
const REMEMBERED: &[u8] = b".remembered";

impl Call {
    /// The answer by which a browser forgets its session, and the cookies of the apps with it. A redirect goes by way of
    /// [`paths::CLEAR_COOKIES`] where one answer cannot hold them all.
    #[must_use]
    pub fn signed_out(&self, answer: Answer) -> Answer {
        let names = &self.desk().cookies;
        let clearing = self.clearing(&answer, |forget| forget.sign_out);
        let answer = answer.without_session(names).with_set_cookies(&clearing.lines);
        if clearing.is_complete {
            return self.without_pending(answer);
        }
        answer.with_pending(names, &String::from_utf8_lossy(SIGN_OUT)).redirected(paths::CLEAR_COOKIES)
    }

    /// Hands a new session over. Where somebody else was signed in last, or nobody knows, the browser first forgets the cookies
    /// of the apps, its storage and its cache: browsers obey `Clear-Site-Data` before they take the answer any further. Where one
    /// answer cannot hold the cookies, a redirect goes by way of [`paths::CLEAR_COOKIES`], and the session is handed over when
    /// the last of them is gone.
    #[must_use]
    pub fn signed_in(&self, answer: Answer, signed_in: &SignedIn) -> Answer {
        let names = &self.desk().cookies;
        let keep = self.desk().sessions.policy().is_kept(signed_in.session.terms);
        let person = self.person(signed_in.session.id.owner());
        let answer = if self.cookie(&names.last) == Shown::One(person.as_bytes()) {
            let answer = answer.with_session(names, &signed_in.token, keep).with_last_person(names, &person);
            self.without_pending(answer)
        } else {
            self.hand_over(answer, &signed_in.token, keep)
        };
        let answer = match &signed_in.device {
            Some(device) => answer.with_device(names, device),
            None => answer,
        };
        if self.cookie(&names.ended) == Shown::Nothing { answer } else { answer.without_ended(names) }
    }

    /// Goes on with what one answer could not clear, and then where the browser was going. `rd` is of a sign-in.
    #[must_use]
    pub(super) fn clear_more(&self, rd: Option<&str>) -> Answer {
        let names = &self.desk().cookies;
        let Shown::One(pending) = self.cookie(&names.pending) else { return Answer::see_other(&self.onward(rd)) };
        if pending == SIGN_OUT {
            let answer = Answer::see_other(paths::SIGNED_OUT);
            let clearing = self.clearing(&answer, |forget| forget.sign_out);
            let answer = answer.with_set_cookies(&clearing.lines);
            return if clearing.is_complete {
                self.without_pending(answer)
            } else {
                answer.redirected(paths::CLEAR_COOKIES)
            };
        }
        let answer = Answer::see_other(&self.onward(rd));
        let (token, keep) = match pending.strip_suffix(REMEMBERED) {
            Some(token) => (token, true),
            None => (pending, false),
        };
        match SessionToken::parse(token) {
            Some(token) => self.hand_over(answer, &token, keep),
            None => self.without_pending(answer),
        }
    }

    /// Hands a session over to a browser where somebody else was signed in last, when it has forgotten the cookies of the apps.
    fn hand_over(&self, answer: Answer, token: &SessionToken, keep: bool) -> Answer {
        let names = &self.desk().cookies;
        let clearing = self.clearing(&answer, |forget| forget.other_visitor);
        if !clearing.is_complete {
            let kept = if keep { REMEMBERED } else { b"" };
            let pending = format!("{}{}", token.hand_over(), String::from_utf8_lossy(kept));
            let way = answer.location().map(|rd| {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("rd", &rd).finish();
                format!("{}?{query}", paths::CLEAR_COOKIES)
            });
            let way = way.as_deref().unwrap_or(paths::CLEAR_COOKIES);
            return answer.with_pending(names, &pending).with_set_cookies(&clearing.lines).redirected(way);
        }
        let person = self.person(token.id().owner());
        let answer = answer.with_session(names, token, keep).with_last_person(names, &person);
        let answer = self.without_pending(answer.with_set_cookies(&clearing.lines));
        if self.house().forget_on.values().any(|forget| forget.other_visitor) {
            // Never "cookies": that takes those of other hosts of this site along, and our own.
            answer.with(CLEAR_SITE_DATA.clone(), "\"cache\", \"storage\"")
        } else {
            answer
        }
    }

    fn person(&self, user: UserId) -> String {
        let mut digest = self.desk().key.blind("last person of a browser", &user.bare());
        digest.truncate(DIGEST);
        digest
    }

    fn without_pending(&self, answer: Answer) -> Answer {
        let names = &self.desk().cookies;
        if self.cookie(&names.pending) == Shown::Nothing { answer } else { answer.without_pending(names) }
    }

    /// The lines by which cookies of apps go with this answer. Nobody follows what is no redirect: it gets them all.
    fn clearing(&self, answer: &Answer, applies: impl Fn(ForgetOn) -> bool) -> Clearing {
        let (desk, house) = (self.desk(), self.house());
        // Of an app that is gone from the configuration nothing needs to stay.
        let applies = |cookie: &AppCookie| house.forget_on.get(&cookie.upstream).is_none_or(|forget| applies(*forget));
        let bytes = if answer.is_redirect() { CLEARED } else { usize::MAX };
        desk.app_cookies.clear(self.headers(), applies, bytes, desk.clock.now())
    }

    /// To whoever shows a session that is over: its browser forgets what it keeps of it, and a page navigation the cookie, too, where
    /// this installation knows it as ended. Never for another reason: an answer that is late must not take the cookie of a new
    /// session.
    pub(super) async fn forget_ended(&self, because: Because, head: &Head<'_>, response: Response) -> Response {
        let caller = head.caller();
        if caller == Caller::Upgrade || head.is_framed() {
            return response;
        }
        let (id, is_over) = match because {
            Because::NoSuchSession { id, shown } => match self.desk().sessions.ended(id, shown).await {
                Ok(Some(_)) => (id, true),
                _ => return response,
            },
            // A longer timeout may still bring it back: it is over when its person has been told, on the sign-in page.
            Because::Idle(id, _) | Because::Worn(id) => (id, false),
            Because::TwoCookies
            | Because::Unreadable
            | Because::Damaged(_)
            | Because::WrongSecret(_)
            | Because::Disabled(_) => return response,
        };
        let answer = Answer::from(response);
        if caller == Caller::Navigation {
            let answer = answer.with(CLEAR_SITE_DATA.clone(), "\"cache\"");
            return if is_over { self.without_ended_session(answer) } else { answer }.into_response();
        }
        // Once for each session: a page that polls must not have the cache searched each time.
        let (names, bare) = (&self.desk().cookies, id.bare());
        match self.cookie(&names.ended) {
            Shown::One(value) if value.starts_with(bare.as_bytes()) => answer,
            _ => answer.with(CLEAR_SITE_DATA.clone(), "\"cache\"").with_ended(names, &bare),
        }
        .into_response()
    }

    /// Takes the cookie of a session that is over from the browser, and leaves word for the sign-in page.
    pub(super) fn without_ended_session(&self, answer: Answer) -> Answer {
        let names = &self.desk().cookies;
        match self.cookie(&names.session) {
            Shown::One(value) => {
                let shown = std::str::from_utf8(value).unwrap_or_default();
                answer.without_session(names).with_ended(names, shown)
            }
            Shown::Nothing | Shown::Several => answer,
        }
    }
}
