//! `/security/sign-in`: the form, and what becomes of it.

use axum::response::IntoResponse;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{SignInPage, alert_text};
use crate::{
    gate::RejectReason,
    secret::Password,
    session::ClientKind,
    sign_in::{SignInAttempt, SignedIn},
    web::{
        Error, ReturnTo, WebRequest, WebResponse, end_note,
        extract::Query,
        paths,
        sign_in::sign_in,
        submission::{self, FormAndBody},
        theme::Flash,
    },
};

/// Where one was going, and the name that stands in the form.
#[derive(Deserialize)]
pub(in crate::web) struct SignInQuery {
    rd: Option<String>,
    name: Option<String>,
}

/// The form as it was sent.
#[derive(Deserialize)]
pub(in crate::web) struct SignInForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    remember_me: Option<String>,
    rd: Option<String>,
    /// `app` where the page found itself in the window of an installed app.
    #[serde(default)]
    client: String,
}

/// Shows the form, and says why one is there. Whoever is signed in goes on, or is told that a form which came without the session,
/// from another site, was not sent.
pub(in crate::web) async fn show(request: WebRequest, Query(way): Query<SignInQuery>) -> Result<WebResponse, Error> {
    let form_not_sent = request.flash() == Some(Flash::FormNotSent);
    if request.principal().is_some() {
        let next = if form_not_sent { paths::HUB.to_owned() } else { request.return_path(way.rd.as_deref()) };
        return Ok(WebResponse::see_other(&next));
    }
    let now = request.state().clock.now();
    let mut page = build_page(&request, way.rd.as_deref()).with_name(way.name.as_deref().unwrap_or_default());
    let mut is_over = false;
    if form_not_sent {
        page = page.with_form_not_sent();
    }
    if let Some(ended) = end_note::find(&request).await? {
        page = page.with_end_note(&ended, &request.state().sessions.policy(), now);
        // Not where a script looks at the page: its answer may be late.
        let is_opened = request.header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        is_over = is_opened && !matches!(request.reject_reason(), None | Some(RejectReason::AccountDisabled(_)));
    } else if let Some(RejectReason::NoSuchSession { .. } | RejectReason::Malformed) = request.reject_reason() {
        page = page.with_unknown_session();
    }
    let answer = request.render_page(StatusCode::OK, &page)?;
    Ok(request.resume_sign_out(if is_over { request.drop_ended_session(answer) } else { answer }))
}

/// Tries to sign in.
pub(in crate::web) async fn submit(
    request: WebRequest,
    FormAndBody(form, content): FormAndBody<SignInForm>,
) -> Result<impl IntoResponse, Error> {
    let SignInForm { username, password, remember_me, rd, client } = form;
    let remember = remember_me.is_some();
    let missing = (username.trim().is_empty(), password.is_empty());
    if missing != (false, false) {
        let page = build_page(&request, rd.as_deref()).with_missing(&username, remember, missing);
        return form_again(&request, &Error::InvalidFields(Vec::new()), &page);
    }
    let attempt = SignInAttempt {
        login: username.clone(),
        password: Password::new(password),
        remember,
        kind: if client == "app" { ClientKind::App } else { ClientKind::Web },
        device: request.device_digest(),
        replaces: request.principal().map(|me| me.session().id),
        form: request.read_submission(submission::SIGN_IN_SCOPE, &content),
    };
    let error = match sign_in(&request, attempt).await {
        Ok(signed_in) => return Ok(success(&request, rd.as_deref(), &signed_in).into_response()),
        Err(error) => error,
    };
    match alert_text(request.localizer(), &error, request.state().clock.now()) {
        Some(alert) => {
            let page = build_page(&request, rd.as_deref()).with_alert(&username, remember, alert);
            form_again(&request, &error, &page)
        }
        None => Err(error),
    }
}

fn build_page(request: &WebRequest, rd: Option<&str>) -> SignInPage {
    let page = SignInPage::new(request.layout_with_form(submission::SIGN_IN_SCOPE), &request.state().sessions.policy());
    match rd.and_then(ReturnTo::parse) {
        Some(way) => page.with_return_to(&way.into_path()),
        None => page,
    }
}

/// The form once more, which says the error.
fn form_again(request: &WebRequest, error: &Error, page: &SignInPage) -> Result<axum::response::Response, Error> {
    error.log(request.request_id());
    let mut answer = request.render_page(error.problem_type().status, page)?.into_response();
    if let Some(seconds) = error.retry_after(request.state().clock.now()) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(answer)
}

fn success(request: &WebRequest, rd: Option<&str>, signed_in: &SignedIn) -> WebResponse {
    request.sign_in_response(WebResponse::see_other(&request.return_path(rd)), signed_in)
}
