//! What a browser must forget when its person goes, and before somebody else comes in.

use axum::response::{IntoResponse as _, Response};
use http::HeaderName;

use super::{Answer, Call};
use crate::{
    gate::{
        Because, Caller, Head,
        cookie::{ForgetOn, Shown},
    },
    id::UserId,
    sign_in::SignedIn,
};

static CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Characters of the digest of a person: 132 bits.
const DIGEST: usize = 22;

impl Call {
    /// The answer by which a browser forgets its session, and the cookies of the apps with it.
    #[must_use]
    pub fn signed_out(&self, answer: Answer) -> Answer {
        let answer = answer.without_session(&self.desk().cookies);
        self.without_app_cookies(answer, |forget| forget.sign_out)
    }

    /// Hands a new session over. Where somebody else was signed in last, or nobody knows, the browser first forgets the cookies
    /// of the apps, its storage and its cache: browsers obey `Clear-Site-Data` before they take the answer any further.
    #[must_use]
    pub fn signed_in(&self, answer: Answer, signed_in: &SignedIn) -> Answer {
        let names = &self.desk().cookies;
        let keep = self.desk().sessions.policy().is_kept(signed_in.session.terms);
        let mut answer = answer.with_session(names, &signed_in.token, keep);
        if let Some(device) = &signed_in.device {
            answer = answer.with_device(names, device);
        }
        if self.cookie(&names.ended) != Shown::Nothing {
            answer = answer.without_ended(names);
        }
        let person = self.person(signed_in.session.id.owner());
        let is_the_same = self.cookie(&names.last) == Shown::One(person.as_bytes());
        let answer = answer.with_last_person(names, &person);
        if is_the_same {
            return answer;
        }
        let answer = self.without_app_cookies(answer, |forget| forget.other_visitor);
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

    fn without_app_cookies(&self, answer: Answer, applies: impl Fn(ForgetOn) -> bool) -> Answer {
        let (desk, house) = (self.desk(), self.house());
        let mut answer = answer;
        for name in desk.app_cookies.unknown(self.headers()) {
            answer = answer.with_set_cookie(&desk.app_cookies.dropped(&name));
        }
        for (name, cookie) in desk.app_cookies.known(self.headers()) {
            // Of an app that is gone from the configuration nothing needs to stay.
            if house.forget_on.get(&cookie.upstream).is_none_or(|forget| applies(*forget)) {
                for line in desk.app_cookies.expired(&name, &cookie) {
                    answer = answer.with_set_cookie(&line);
                }
            }
        }
        answer
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
