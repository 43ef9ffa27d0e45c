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

use super::{Error, RequestFailure, WebRequest, WebResponse, extract::Form, theme::Layout};
use crate::{
    gate::cookie::CookieLookup,
    guard::{FormClaim, FormSubmission},
    id::SessionId,
    secret::Token,
};

/// Place of the form to sign in.
pub(super) const SIGN_IN_SCOPE: &str = "sign-in";
/// The field of a form that holds its token.
const TOKEN_FIELD: &str = "form";

/// The content of a form as it was sent, before it is known for which place its token should be good.
pub(super) struct FormBody(Bytes);

/// A form, and its content for [`Call::submission`].
pub(super) struct FormAndBody<T>(pub(super) T, pub(super) FormBody);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|_| Error::BadRequest("The form cannot be read."))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormAndBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let FormBody(content) = FormBody::from_request(Request::new(body), state).await?;
        let mut again = Request::new(Body::from(content.clone()));
        *again.method_mut() = parts.method;
        if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
            again.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        let Form(form) = Form::from_request(again, state).await?;
        Ok(Self(form, FormBody(content)))
    }
}

fn form_token(content: &FormBody) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(&content.0).find(|(name, _)| name == TOKEN_FIELD).map(|(_, token)| token)
}

/// One act of one session: what is acknowledged of it is acknowledged of nothing else.
fn session_scope(path: &str, session: SessionId) -> String {
    format!("own {} {path}", session.bare())
}

/// Whether a form acts.
pub(super) enum SubmissionClaim<'s> {
    /// It acts. Say how that ended ([`Call::settle`]) of what it has claimed.
    First(Option<&'s FormSubmission>),
    /// It has acted before.
    Repeat,
}

impl WebRequest {
    /// The frame of a page with a form, which carries a token that is good for one `place`.
    pub(super) fn layout_with_form(&self, scope: &str) -> Layout {
        let token = self.state().forms.token(scope, self.browser_id());
        self.layout().with_form_token(token)
    }

    /// The frame of a page with a form of whoever is signed in, which carries a token that is good for what is sent to this
    /// path in this session.
    pub(super) fn layout_with_session_form(&self, path: &str) -> Result<Layout, Error> {
        let session = self.require_principal()?.session().id;
        let token = self.state().forms.token(&session_scope(path, session), self.browser_id());
        Ok(self.layout().with_form_token(format!("{}.{token}", session.bare())))
    }

    /// The browser's own name among those that are shown forms: the one of its cookie, or a new one for its cookie.
    fn browser_id(&self) -> &Token {
        self.browser_id_cell().get_or_init(|| self.cookie_browser_id().unwrap_or_else(Token::mint))
    }

    fn cookie_browser_id(&self) -> Option<Token> {
        match self.cookie(&self.state().cookies.form) {
            CookieLookup::Found(value) => Token::parse(value),
            CookieLookup::Missing | CookieLookup::Duplicate => None,
        }
    }

    /// With the cookie that names the browser, where the page has a form and the browser has no such cookie.
    pub(super) fn with_form_cookie(&self, answer: WebResponse) -> WebResponse {
        match self.browser_id_cell().get() {
            Some(browser) if self.cookie_browser_id().is_none() => {
                answer.with_form_cookie(&self.state().cookies, browser)
            }
            _ => answer,
        }
    }

    /// The submission that a form is, by the token in its content. None where it has none that is good here: it is taken
    /// as it comes.
    pub(super) fn read_submission(&self, scope: &str, content: &FormBody) -> Option<FormSubmission> {
        self.state().forms.verify(&form_token(content)?, scope, &self.cookie_browser_id()?, &content.0)
    }

    /// The same for a form of whoever is signed in, or was: the token says in which session it was shown, since the first of
    /// two submissions may have taken the cookie away.
    pub(super) fn read_session_submission(&self, path: &str, content: &FormBody) -> Option<FormSubmission> {
        let token = form_token(content)?;
        let (session, token) = token.split_once('.')?;
        let session = SessionId::from_bare(session.as_bytes())?;
        if self.principal().is_some_and(|me| me.session().id != session) {
            return None;
        }
        let scope = session_scope(path, session);
        let submission = self.state().forms.verify(token, &scope, &self.cookie_browser_id()?, &content.0)?;
        Some(submission.with_session(session))
    }

    /// Whether a form was shown to somebody else than whoever is signed in now: it named nothing of theirs.
    pub(super) fn is_other_users_form(&self, content: &FormBody) -> bool {
        let token = form_token(content);
        let session = token.as_deref().and_then(|token| SessionId::from_bare(token.split_once('.')?.0.as_bytes()));
        matches!((session, self.principal()), (Some(session), Some(me)) if session.owner() != me.subject.id)
    }

    /// Whether a form of somebody who is signed in, or was, acts.
    pub(super) async fn claim_session_form<'s>(
        &self,
        submission: Option<&'s FormSubmission>,
    ) -> Result<SubmissionClaim<'s>, Error> {
        match submission {
            // The first may have ended the session, or be about to be told so: then this one is a repeat, and else it will not
            // act either, and claims nothing.
            Some(submission) if self.principal().is_none() => {
                let acted = self.state().forms.has_acted(submission).await?;
                Ok(if acted { SubmissionClaim::Repeat } else { SubmissionClaim::First(None) })
            }
            submission => self.claim_form_submission(submission).await,
        }
    }

    /// Whether a form acts, of whoever was shown it.
    pub(super) async fn claim_form_submission<'s>(
        &self,
        submission: Option<&'s FormSubmission>,
    ) -> Result<SubmissionClaim<'s>, Error> {
        let Some(submission) = submission else { return Ok(SubmissionClaim::First(None)) };
        let forms = &self.state().forms;
        match forms.claim(submission).await? {
            FormClaim::Claimed => Ok(SubmissionClaim::First(Some(submission))),
            FormClaim::Repeated => Ok(SubmissionClaim::Repeat),
            FormClaim::Unresolved => Err(Error::Failed(RequestFailure::Overloaded)),
            FormClaim::TooManyClaims { until } => Err(Error::TooManyAttempts { until }),
        }
    }

    /// How a submission ended that was claimed. What was done is done, also where that cannot be noted.
    pub(super) async fn finish_submission(&self, submission: Option<&FormSubmission>, done: bool) {
        let Some(submission) = submission else { return };
        if let Err(why) = self.state().forms.finish(submission, done).await {
            warn!(request_id = self.request_id(), "Outcome of a form not noted: {why}");
        }
    }
}
