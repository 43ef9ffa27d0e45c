//! What a browser must forget when its person goes, and before somebody else comes in.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, header};

use super::{Answer, Call, OWN_HEADERS, WayBack, answer::FIELD, paths};
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

/// Bytes of a head up to which cookies of apps are taken away with it.
const HEAD: usize = 3_072;
/// Bytes of the largest head of an answer that takes cookies away, with a long way back: less than the buffer that proxies in front of us
/// have for one (nginx: `proxy_buffer_size`, 4 KiB), with some room for what another one between adds.
const LARGEST_HEAD: usize = 3_840;
/// Bytes of a head for what is added to each answer later, besides the headers that all of ours have: status line, date, length, request
/// id, `Vary`, `Retry-After`, a flash.
const ADDED_LATER: usize = 450;

/// How long the next step of a sign-in may take: a redirect leads there.
const PENDING: Duration = Duration::from_mins(10);
/// How long a browser knows that a sign-out has left something to clear: it is no secret.
const AFTER_SIGN_OUT_KEPT: Duration = Duration::from_hours(400 * 24);
/// Value of the cookie between two steps of a sign-out.
const SIGN_OUT: &str = "sign-out";
/// Behind the session in the cookie between two steps of a sign-in: it outlives the browser's window.
const REMEMBERED: &str = ".remembered";
/// Behind that: a sign-out before could not clear all that it should.
const AFTER_SIGN_OUT: &str = ".sign-out";

/// Bytes of cookies that a browser may send while one answer after the other clears some: servers in front of us take lines of 8 KiB
/// (nginx: `large_client_header_buffers`).
const COOKIES: usize = 7_600;
/// Bytes of that for the cookie between two steps, besides the way back.
const PENDING_BESIDE: usize = 250;
/// Between that and the way back.
const WAY: char = '!';

/// A session on its way to a browser, and where the browser goes then.
///
/// Invariant: the way waits in the cookie as soon as there is room for it, and not in the address of each step, so that a step has room to
/// clear several helper cookies: browsers follow 20 redirects. Held by
/// `wire::next_visitor_steps::however_long_the_way_back_no_head_is_too_large_for_nginx`.
#[derive(Clone)]
struct HandOver {
    token: SessionToken,
    keep: bool,
    after_sign_out: bool,
    way: Option<WayBack>,
}

impl HandOver {
    /// Reads what waits between two steps of a sign-in.
    fn parse(pending: &str) -> Option<Self> {
        let (rest, way) = pending.split_once(WAY)?;
        let (rest, after_sign_out) = without_end(rest, AFTER_SIGN_OUT);
        let (token, keep) = without_end(rest, REMEMBERED);
        Some(Self {
            token: SessionToken::parse(token.as_bytes())?,
            keep,
            after_sign_out,
            way: WayBack::from_cookie(way),
        })
    }

    /// With the way, or without it.
    fn to_pending(&self, with_way: bool) -> String {
        let kept = if self.keep { REMEMBERED } else { "" };
        let after = if self.after_sign_out { AFTER_SIGN_OUT } else { "" };
        let way = self.way.as_ref().filter(|_| with_way).map(WayBack::for_cookie).unwrap_or_default();
        format!("{}{kept}{after}{WAY}{way}", self.token.hand_over())
    }
}

fn without_end<'a>(text: &'a str, end: &str) -> (&'a str, bool) {
    text.strip_suffix(end).map_or((text, false), |rest| (rest, true))
}

/// Bytes for cookies of apps in a head of at most so many, beside what it holds already.
fn room(most: usize, held: usize) -> usize {
    let ours = OWN_HEADERS.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD).sum::<usize>();
    most.saturating_sub(ours + ADDED_LATER + held)
}

impl Call {
    /// The answer by which a browser forgets its session, and the cookies of the apps with it. A redirect goes by way of
    /// [`paths::CLEAR_COOKIES`] where one answer cannot hold them all.
    #[must_use]
    pub fn signed_out(&self, answer: Answer) -> Answer {
        self.clear_signed_out(answer.without_session(&self.desk().cookies))
    }

    /// Hands a new session over. Where somebody else was signed in last, or nobody knows, the browser first forgets the cookies
    /// of the apps, its storage and its cache: browsers obey `Clear-Site-Data` before they take the answer any further. Where one
    /// answer cannot hold the cookies, a redirect goes by way of [`paths::CLEAR_COOKIES`], and the session is handed over when
    /// the last of them is gone.
    #[must_use]
    pub fn signed_in(&self, answer: Answer, signed_in: &SignedIn) -> Answer {
        let names = &self.desk().cookies;
        let beside = |answer: Answer| {
            let answer = match &signed_in.device {
                Some(device) => answer.with_device(names, device),
                None => answer,
            };
            if self.cookie(&names.ended) == Shown::Nothing { answer } else { answer.without_ended(names) }
        };
        let step = HandOver {
            token: signed_in.token.clone(),
            keep: self.desk().sessions.policy().is_kept(signed_in.session.terms),
            after_sign_out: self.is_half_signed_out(),
            way: answer.location().as_deref().and_then(WayBack::parse),
        };
        beside(self.hand_over(answer, &step, beside(Answer::no_content()).bytes()))
    }

    /// Whether a way back has room among the cookies that a browser sends.
    fn has_room_among_cookies(&self, way: &WayBack) -> bool {
        let cookies: usize = self.headers().get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
        cookies + PENDING_BESIDE + way.for_cookie().len() <= COOKIES
    }

    /// Goes on with what one answer could not clear, and then where the browser was going: `rd` where the cookie does not say it.
    #[must_use]
    pub(super) fn clear_more(&self, rd: Option<&str>) -> Answer {
        if self.is_half_signed_out() {
            return self.clear_signed_out(Answer::see_other(paths::SIGNED_OUT));
        }
        let Shown::One(pending) = self.cookie(&self.desk().cookies.pending) else {
            return Answer::see_other(&self.onward(rd));
        };
        match std::str::from_utf8(pending).ok().and_then(HandOver::parse) {
            Some(step) => {
                let step = HandOver { way: step.way.or_else(|| rd.and_then(WayBack::parse)), ..step };
                let place = step.way.clone().map_or_else(|| self.onward(None), WayBack::into_path);
                self.hand_over(Answer::see_other(&place), &step, 0)
            }
            None => self.without_pending(Answer::see_other(&self.onward(rd))),
        }
    }

    /// Goes on with a sign-out whose answer led nowhere and could not clear all: with a page that is opened while nobody is signed in.
    #[must_use]
    pub(super) fn clear_rest(&self, answer: Answer) -> Answer {
        // Not where a script looks at the page: its answer may come after a new sign-in.
        let is_opened = self.header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        let goes_on = is_opened && self.principal().is_none() && self.is_half_signed_out();
        if goes_on { self.clear_signed_out(answer) } else { answer }
    }

    fn is_half_signed_out(&self) -> bool {
        self.cookie(&self.desk().cookies.pending) == Shown::One(SIGN_OUT.as_bytes())
    }

    /// With as many of a sign-out's lines as there is room for. A redirect goes on at once; after any other answer the next page that is
    /// opened does, or the next sign-in.
    fn clear_signed_out(&self, answer: Answer) -> Answer {
        let names = &self.desk().cookies;
        let with_pending = |answer: Answer| answer.with_pending(names, SIGN_OUT, AFTER_SIGN_OUT_KEPT);
        let held = answer.bytes() + with_pending(Answer::no_content()).bytes();
        let clearing = self.clearing(room(HEAD, held), |forget, _| forget.sign_out);
        let answer = answer.with_set_cookies(&clearing.lines);
        if clearing.is_complete {
            return self.without_pending(answer);
        }
        let answer = if self.is_half_signed_out() { answer } else { with_pending(answer) };
        if answer.is_redirect() { answer.redirected(paths::CLEAR_COOKIES) } else { answer }
    }

    /// Hands a session over to a browser that has forgotten the cookies of the apps, where somebody else was signed in last or where
    /// a sign-out has left some; else leads it to forget more of them first. `beside` is how many bytes of cookies come to the answer later.
    fn hand_over(&self, answer: Answer, step: &HandOver, beside: usize) -> Answer {
        let names = &self.desk().cookies;
        let person = self.person(step.token.id().owner());
        let is_other = self.cookie(&names.last) != Shown::One(person.as_bytes());
        // What apps set before anybody has signed in is of whoever does so first.
        let is_first_person = self.cookie(&names.last) == Shown::Nothing;
        let applies = |forget: ForgetOn, by_guest: bool| {
            (is_other && forget.other_visitor && !(is_first_person && by_guest))
                || (step.after_sign_out && forget.sign_out)
        };
        let handed_over = |answer: Answer| {
            let answer = answer.with_session(names, &step.token, step.keep).with_last_person(names, &person);
            let answer = self.without_pending(answer);
            if is_other && self.house().forget_on.values().any(|forget| forget.other_visitor) {
                // Never "cookies": that takes those of other hosts of this site along, and our own.
                answer.with(CLEAR_SITE_DATA.clone(), "\"cache\", \"storage\"")
            } else {
                answer
            }
        };
        if !is_other && !step.after_sign_out {
            return handed_over(answer);
        }
        let held = answer.bytes() + handed_over(Answer::no_content()).bytes() + beside;
        // Nobody follows what is no redirect: it gets all lines at once, since the session comes with it.
        let bytes = if answer.is_redirect() { room(HEAD, held) } else { usize::MAX };
        let clearing = self.clearing(bytes, applies);
        if clearing.is_complete {
            return handed_over(answer).with_set_cookies(&clearing.lines);
        }
        self.clear_before(answer, step, beside, applies)
    }

    /// Leads a browser to the next step of a sign-in. Each but the first clears something: where that does not fit beside the way back,
    /// the way goes.
    fn clear_before(
        &self,
        answer: Answer,
        step: &HandOver,
        beside: usize,
        applies: impl Fn(ForgetOn, bool) -> bool,
    ) -> Answer {
        let names = &self.desk().cookies;
        let way_in_address = step.way.as_ref().filter(|way| !self.has_room_among_cookies(way));
        let pending = step.to_pending(way_in_address.is_none());
        let is_new = self.cookie(&names.pending) != Shown::One(pending.as_bytes());
        let answer = if is_new { answer.with_pending(names, &pending, PENDING) } else { answer };
        if let Some(way) = way_in_address {
            let answer = answer.redirected(&way.after(paths::CLEAR_COOKIES));
            let clearing = self.clearing(room(LARGEST_HEAD, answer.bytes() + beside), &applies);
            if is_new || !clearing.lines.is_empty() {
                return answer.with_set_cookies(&clearing.lines);
            }
            return self.clear_before(answer, &HandOver { way: None, ..step.clone() }, beside, applies);
        }
        let answer = answer.redirected(paths::CLEAR_COOKIES);
        let clearing = self.clearing(room(HEAD, answer.bytes() + beside), applies);
        answer.with_set_cookies(&clearing.lines)
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

    /// The lines by which cookies of apps go, within so many bytes.
    fn clearing(&self, bytes: usize, applies: impl Fn(ForgetOn, bool) -> bool) -> Clearing {
        let (desk, house) = (self.desk(), self.house());
        // Of an app that is gone from the configuration nothing needs to stay.
        let applies = |cookie: &AppCookie, by_guest| {
            house.forget_on.get(&cookie.upstream).is_none_or(|forget| applies(*forget, by_guest))
        };
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
