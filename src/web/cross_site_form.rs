//! What becomes of a form of another site: its visitor is asked, and it goes on once. Its fields are on the page that asks, and
//! are kept nowhere else.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tracing::warn;

use super::{
    Call, Error, Web,
    pages::cross_site_form::{self as pages, Asked, Fields},
    render,
    serve::finish,
};
use crate::{
    gate::{CrossSiteForm, Decision, Head, Judged, Presented, Refusal},
    guard::{Begun, Submission},
    outage::StoreError,
};

/// What is to be done with a form of another site.
#[derive(Debug)]
pub enum FormStep {
    /// It goes to the app, this once.
    Forward(Submission),
    /// Its visitor is asked: its content is needed.
    Ask,
    /// This is the answer.
    Answer(http::Response<Bytes>),
}

impl Web {
    /// What is to be done with a form that was judged. One that goes on is claimed: it does not go on a second time.
    pub async fn take_up(&self, form: &CrossSiteForm, judged: &Judged, head: &Head<'_>) -> FormStep {
        let Decision::Forward(permit) = judged.decision() else { return FormStep::Ask };
        let forms = &self.desk().forms;
        let token = form.token.as_deref().unwrap_or_default();
        // Its content is not read here: the token stands for the page, and so for what was on it.
        let Some(submission) = forms.read(token, &place(form), &forms.any_browser(), token.as_bytes()) else {
            return FormStep::Ask;
        };
        let submission = match permit.session() {
            Some(session) => submission.counted_by(session),
            None => submission,
        };
        let submission = match judged.session() {
            Some(session) => submission.counted_by(session),
            None => submission,
        };
        let answer = match self.claim(&submission).await {
            Ok(Begun::First) => return FormStep::Forward(submission),
            Ok(Begun::Repeat) => {
                let call = self.call(head, Presented::Nothing, None, head.ip);
                let page = pages::sent(&call, form).map_err(Error::into_response);
                page.map_or_else(|error| error, IntoResponse::into_response)
            }
            Ok(Begun::Unknown) => Error::Overloaded.into_response(),
            Err(away) => Error::from(away).into_response(),
        };
        FormStep::Answer(self.told(answer, head).await)
    }

    /// The page that asks whether a form is to be sent on. None: its content is not what a browser would send again.
    pub async fn ask(
        &self,
        form: &CrossSiteForm,
        judged: &Judged,
        head: &Head<'_>,
        content: &[u8],
    ) -> Option<http::Response<Bytes>> {
        let fields = Fields::parse(content)?;
        let (asked, because) = match (judged.decision(), &form.token) {
            (Decision::Refuse(Refusal::SignIn { because, .. }), Some(_)) => (Asked::NotSignedIn, *because),
            (_, Some(_)) => (Asked::Late, None),
            (_, None) => (Asked::First, None),
        };
        let forms = &self.desk().forms;
        let token = forms.token(&place(form), &forms.any_browser());
        let call = self.call(head, Presented::Nothing, None, head.ip);
        let page = pages::ask(&call, asked, form, &token, fields);
        let answer = page.map_or_else(Error::into_response, IntoResponse::into_response);
        Some(match because {
            Some(because) => {
                let answer = render::said(answer, &call, head, &form.target);
                finish(call.forget_ended(because, head, answer).await).await
            }
            None => self.told(answer, head).await,
        })
    }

    /// Takes back that a form has gone on: it reached nobody.
    pub async fn release(&self, submission: &Submission) {
        if let Err(away) = self.desk().forms.release(submission).await {
            warn!("Form of another site stays noted as sent, though it was not: {away}");
        }
    }

    async fn claim(&self, submission: &Submission) -> Result<Begun, StoreError> {
        let forms = &self.desk().forms;
        let begun = forms.begin(submission).await?;
        if begun == Begun::First {
            forms.settle(submission, true).await?;
        }
        Ok(begun)
    }

    async fn told(&self, answer: Response, head: &Head<'_>) -> http::Response<Bytes> {
        let call: Call = self.call(head, Presented::Nothing, None, head.ip);
        finish(render::said(answer, &call, head, "/")).await
    }
}

/// A token is good for one sender and one target.
fn place(form: &CrossSiteForm) -> String {
    format!("cross-site-form {} {}", form.sender, form.target)
}
