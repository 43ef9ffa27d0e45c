//! A form of ours that may be sent twice: its token, and whether it acts.

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use http::header;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::{Answer, Call, Error, look::Frame, sent::Form};
use crate::{
    gate::cookie::Shown,
    guard::{Begun, Submission},
    id::SessionId,
    secret::Token,
};

/// Place of the form to sign in.
pub(super) const SIGN_IN: &str = "sign-in";
/// The field of a form that holds its token.
const FIELD: &str = "form";

/// The content of a form as it was sent, before it is known for which place its token should be good.
pub(super) struct Content(Bytes);

/// A form, and its content for [`Call::submission`].
pub(super) struct FormWithContent<T>(pub(super) T, pub(super) Content);

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|_| Error::BadRequest("The form cannot be read."))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormWithContent<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let Content(content) = Content::from_request(Request::new(body), state).await?;
        let mut again = Request::new(Body::from(content.clone()));
        *again.method_mut() = parts.method;
        if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
            again.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        let Form(form) = Form::from_request(again, state).await?;
        Ok(Self(form, Content(content)))
    }
}

fn token_in(content: &Content) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(&content.0).find(|(name, _)| name == FIELD).map(|(_, token)| token)
}

/// One act of one session: what is acknowledged of it is acknowledged of nothing else.
fn own_scope(path: &str, session: SessionId) -> String {
    format!("own {} {path}", session.bare())
}

/// Whether a form acts.
pub(super) enum Press<'s> {
    /// It acts. Say how that ended ([`Call::settle`]) of what it has claimed.
    First(Option<&'s Submission>),
    /// It has acted before.
    Repeat,
}

impl Call {
    /// The frame of a page with a form, which carries a token that is good for one `place`.
    pub(super) fn frame_of_form(&self, place: &str) -> Frame {
        let token = self.desk().forms.token(place, self.browser());
        self.frame().with_form(token)
    }

    /// The frame of a page with a form of whoever is signed in, which carries a token that is good for what is sent to this
    /// path in this session.
    pub(super) fn frame_of_own_form(&self, path: &str) -> Result<Frame, Error> {
        let session = self.me()?.session;
        let token = self.desk().forms.token(&own_scope(path, session), self.browser());
        Ok(self.frame().with_form(format!("{}.{token}", session.bare())))
    }

    /// The browser's own name among those that are shown forms: the one of its cookie, or a new one for its cookie.
    fn browser(&self) -> &Token {
        self.browser_cell().get_or_init(|| self.known_browser().unwrap_or_else(Token::mint))
    }

    fn known_browser(&self) -> Option<Token> {
        match self.cookie(&self.desk().cookies.form) {
            Shown::One(value) => Token::parse(value),
            Shown::Nothing | Shown::Several => None,
        }
    }

    /// With the cookie that names the browser, where the page has a form and the browser has no such cookie.
    pub(super) fn with_form_cookie(&self, answer: Answer) -> Answer {
        match self.browser_cell().get() {
            Some(browser) if self.known_browser().is_none() => answer.with_form_cookie(&self.desk().cookies, browser),
            _ => answer,
        }
    }

    /// The submission that a form is, by the token in its content. None where it has none that is good here: it is taken
    /// as it comes.
    pub(super) fn submission(&self, place: &str, content: &Content) -> Option<Submission> {
        self.desk().forms.read(&token_in(content)?, place, &self.known_browser()?, &content.0)
    }

    /// The same for a form of whoever is signed in, or was: the token says in which session it was shown, since the first of
    /// two submissions may have taken the cookie away.
    pub(super) fn own_submission(&self, path: &str, content: &Content) -> Option<Submission> {
        let token = token_in(content)?;
        let (session, token) = token.split_once('.')?;
        let session = SessionId::from_bare(session.as_bytes())?;
        if self.principal().is_some_and(|me| me.session != session) {
            return None;
        }
        let place = own_scope(path, session);
        let submission = self.desk().forms.read(token, &place, &self.known_browser()?, &content.0)?;
        Some(submission.counted_by(session))
    }

    /// Whether a form was shown to somebody else than whoever is signed in now: it named nothing of theirs.
    pub(super) fn is_form_of_somebody_else(&self, content: &Content) -> bool {
        let token = token_in(content);
        let session = token.as_deref().and_then(|token| SessionId::from_bare(token.split_once('.')?.0.as_bytes()));
        matches!((session, self.principal()), (Some(session), Some(me)) if session.owner() != me.owner.id)
    }

    /// Whether a form of somebody who is signed in, or was, acts.
    pub(super) async fn press<'s>(&self, submission: Option<&'s Submission>) -> Result<Press<'s>, Error> {
        match submission {
            // The first may have ended the session, or be about to be told so: then this one is a repeat, and else it will not
            // act either, and claims nothing.
            Some(submission) if self.principal().is_none() => {
                let acted = self.desk().forms.has_acted(submission).await?;
                Ok(if acted { Press::Repeat } else { Press::First(None) })
            }
            submission => self.press_of(submission).await,
        }
    }

    /// Whether a form acts, of whoever was shown it.
    pub(super) async fn press_of<'s>(&self, submission: Option<&'s Submission>) -> Result<Press<'s>, Error> {
        let Some(submission) = submission else { return Ok(Press::First(None)) };
        let forms = &self.desk().forms;
        match forms.begin(submission).await? {
            Begun::First => Ok(Press::First(Some(submission))),
            Begun::Repeat => Ok(Press::Repeat),
            Begun::Unknown => Err(Error::Overloaded),
            Begun::TooMany { until } => Err(Error::TooMany { until }),
        }
    }

    /// How a submission ended that was claimed. What was done is done, also where that cannot be noted.
    pub(super) async fn settle(&self, claimed: Option<&Submission>, done: bool) {
        let Some(submission) = claimed else { return };
        if let Err(why) = self.desk().forms.settle(submission, done).await {
            warn!(request_id = self.request_id(), "Outcome of a form not noted: {why}");
        }
    }
}
