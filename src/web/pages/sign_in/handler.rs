//! `/security/sign-in`: the form, and what becomes of it.

use axum::response::IntoResponse;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{NotIn, SignInPage};
use crate::{
    gate::Because,
    secret::Password,
    session::Kind,
    sign_in::{Attempt, Outcome, SignedIn},
    web::{
        Answer, Call, Error, WayBack,
        look::Flash,
        paths,
        sent::Query,
        submission::{self, FormWithContent},
        why_ended,
    },
};

/// Where one was going, and the name that stands in the form.
#[derive(Deserialize)]
pub(in crate::web) struct Way {
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
pub(in crate::web) async fn show(call: Call, Query(way): Query<Way>) -> Result<Answer, Error> {
    let form_not_sent = call.flash() == Some(Flash::FormNotSent);
    if call.principal().is_some() {
        let next = if form_not_sent { paths::HUB.to_owned() } else { call.onward(way.rd.as_deref()) };
        return Ok(Answer::see_other(&next));
    }
    let now = call.desk().clock.now();
    let mut page = page(&call, way.rd.as_deref()).of(way.name.as_deref().unwrap_or_default());
    let mut is_over = false;
    if form_not_sent {
        page = page.form_not_sent();
    }
    if let Some(ended) = why_ended::of(&call).await? {
        page = page.because(&ended, &call.desk().sessions.policy(), now);
        // Not where a script looks at the page: its answer may be late.
        let is_opened = call.header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        is_over = is_opened && !matches!(call.because(), None | Some(Because::Disabled(_)));
    } else if let Some(Because::NoSuchSession { .. } | Because::Unreadable) = call.because() {
        page = page.unknown_session();
    }
    let answer = call.show(StatusCode::OK, &page)?;
    Ok(call.clear_rest(if is_over { call.without_ended_session(answer) } else { answer }))
}

/// Tries to sign in.
pub(in crate::web) async fn submit(
    call: Call,
    FormWithContent(form, content): FormWithContent<SignInForm>,
) -> Result<impl IntoResponse, Error> {
    let SignInForm { username, password, remember_me, rd, client } = form;
    let remember = remember_me.is_some();
    let missing = NotIn::Missing { name: username.trim().is_empty(), password: password.is_empty() };
    if missing != (NotIn::Missing { name: false, password: false }) {
        return again(&call, rd.as_deref(), &username, remember, &Error::Fields(Vec::new()), missing);
    }
    let attempt = Attempt {
        login: username.clone(),
        password: Password::new(password),
        remember,
        kind: if client == "app" { Kind::App } else { Kind::Web },
        device: call.device(),
        replaces: call.principal().map(|me| me.session),
        form: call.submission(submission::SIGN_IN, &content),
    };
    let error = match call.desk().sign_in.with_password(attempt, &call.visitor()).await {
        Ok(Outcome::Complete(signed_in)) => return Ok(welcome(&call, rd.as_deref(), &signed_in).into_response()),
        Ok(Outcome::Refused) => Error::InvalidCredentials,
        Ok(Outcome::TooMany { until }) => Error::TooMany { until },
        Err(failure) => failure.into(),
    };
    let not_in = match &error {
        Error::InvalidCredentials => NotIn::Mismatch,
        Error::TooMany { until } => NotIn::TooMany { until: *until },
        Error::Overloaded => NotIn::Overloaded,
        Error::StoreAway => NotIn::StoreAway,
        _ => return Err(error),
    };
    again(&call, rd.as_deref(), &username, remember, &error, not_in)
}

fn page(call: &Call, rd: Option<&str>) -> SignInPage {
    let page = SignInPage::new(call.frame_of_form(submission::SIGN_IN), &call.desk().sessions.policy());
    match rd.and_then(WayBack::parse) {
        Some(way) => page.on_the_way_to(&way.into_path()),
        None => page,
    }
}

/// The form once more: the name is kept, the password is not.
fn again(
    call: &Call,
    rd: Option<&str>,
    name: &str,
    remember: bool,
    error: &Error,
    not_in: NotIn,
) -> Result<axum::response::Response, Error> {
    let now = call.desk().clock.now();
    let page = page(call, rd).refused(name, remember, not_in, now);
    let mut answer = call.show(error.shape().status, &page)?.into_response();
    if let Some(seconds) = error.retry_after(now) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(answer)
}

fn welcome(call: &Call, rd: Option<&str>, signed_in: &SignedIn) -> Answer {
    call.signed_in(Answer::see_other(&call.onward(rd)), signed_in)
}
