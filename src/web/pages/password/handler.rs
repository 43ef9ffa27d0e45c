//! `/security/password`: the form, and what becomes of it.

use http::StatusCode;
use serde::Deserialize;

use super::{PasswordPage, Wrong};
use crate::{
    account::{Account, Accounts, Problem, Weakness},
    gate::Because,
    secret::{Password, Token},
    session::SessionToken,
    web::{
        Answer, Call, Error,
        change_password::{Change, change_password},
        look::Flash,
        paths,
        submission::{FormWithContent, Press},
    },
};

/// The form as it was sent.
#[derive(Deserialize)]
pub(in crate::web) struct PasswordForm {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    new_password_again: String,
    end_other_sessions: Option<String>,
}

/// Shows the form.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    call.show(StatusCode::OK, &page(&call)?)
}

/// Changes the password. What the form itself tells is told at once, and nothing is counted for it.
pub(in crate::web) async fn submit(
    call: Call,
    FormWithContent(form, content): FormWithContent<PasswordForm>,
) -> Result<Answer, Error> {
    if call.is_form_of_somebody_else(&content) {
        return Ok(Answer::see_other(paths::PASSWORD));
    }
    let submission = call.own_submission(paths::PASSWORD, &content);
    let secret = submission.as_ref().map_or_else(Token::mint, |submission| submission.secret("password"));
    let claimed = match call.press(submission.as_ref()).await? {
        Press::First(claimed) => claimed,
        Press::Repeat => return changed_before(&call, form, secret).await,
    };
    let answer = change(&call, form, secret).await;
    // What is shown once more has changed nothing.
    let done = answer.as_ref().is_ok_and(Answer::is_redirect);
    call.settle(claimed, done).await;
    answer
}

/// The form has changed the password already. Where the browser has not got the session's new secret by now, it gets it: it may
/// have shown the old one while the first submission was under way. Where another change came after that of this form, it is
/// one more change, with a secret of its own.
async fn changed_before(call: &Call, form: PasswordForm, secret: Token) -> Result<Answer, Error> {
    let answer = Answer::see_other(paths::PASSWORD);
    let (id, shown) = match (call.principal(), call.because()) {
        (Some(me), _) => (me.session, Some(me.shown)),
        (None, Some(Because::WrongSecret(id))) => (id, None),
        (None, _) => return Ok(answer),
    };
    let token = SessionToken::new(id, secret);
    Ok(match call.desk().sessions.opened_by(&token).await? {
        Some(_) if shown == Some(token.digest()) => answer,
        Some(terms) => {
            let kept = call.desk().sessions.policy().is_kept(terms);
            answer.with_session(&call.desk().cookies, &token, kept)
        }
        None if shown.is_some() => change(call, form, Token::mint()).await?,
        None => answer,
    })
}

async fn change(call: &Call, form: PasswordForm, secret: Token) -> Result<Answer, Error> {
    let PasswordForm { current_password, new_password, new_password_again, end_other_sessions } = form;
    let again = Password::new(new_password_again);
    let end_others = end_other_sessions.is_some();
    let change =
        Change { current: Password::new(current_password), new: Password::new(new_password), end_others, secret };
    let wrong = wrong_before(call, &change, &again).await?;
    let once_more = |wrong: &[Wrong], status| call.show(status, &page(call)?.refused(wrong, end_others));
    if !wrong.is_empty() {
        return once_more(&wrong, StatusCode::UNPROCESSABLE_ENTITY);
    }
    match change_password(call, change).await {
        Ok(changed) => {
            let flash = Flash::PasswordChanged { ended: changed.ended, others: others(call).await };
            let answer = Answer::see_other(paths::PASSWORD).with_flash(&call.desk().cookies, flash);
            Ok(changed.hand_over(call, answer))
        }
        Err(error @ Error::TooMany { until }) => {
            let page = page(call)?.too_many(until, end_others, call.desk().clock.now());
            call.show(error.shape().status, &page)
        }
        Err(error) => match wrong_of(&error) {
            Some(wrong) => once_more(&wrong, error.shape().status),
            None => Err(error),
        },
    }
}

/// Sessions besides this one. The password is changed by now: that nobody can count them is no failure of the change.
async fn others(call: &Call) -> Option<usize> {
    let me = call.me().ok()?;
    let all = call.desk().sessions.list(me.owner.id, Some(me.session)).await.map_err(Error::from).ok()?;
    Some(all.iter().filter(|session| session.id != me.session).count())
}

/// What is wrong with the form before anybody looks at the password of now.
async fn wrong_before(call: &Call, change: &Change, again: &Password) -> Result<Vec<Wrong>, Error> {
    let me = call.me()?;
    let is_missing = change.current.expose().is_empty();
    let mut wrong: Vec<Wrong> = is_missing.then_some(Wrong::CurrentMissing).into_iter().collect();
    if !is_missing && change.current.is_same(&change.new) {
        wrong.push(Wrong::Weak(Weakness::SameAsBefore));
    }
    let account = call.desk().accounts.get(me.owner.id).await?.ok_or(Error::SignInRequired)?;
    wrong.extend(wrong_with(&call.desk().accounts, &account, &change.new, again));
    Ok(wrong)
}

/// What is wrong with a new password that was typed twice.
pub(in crate::web) fn wrong_with(
    accounts: &Accounts,
    account: &Account,
    new: &Password,
    again: &Password,
) -> Vec<Wrong> {
    if new.expose().is_empty() {
        return vec![Wrong::NewMissing];
    }
    let mut wrong = match accounts.acceptable(account, new.clone()) {
        Err(Problem::Weak(broken)) => broken.into_iter().map(Wrong::Weak).collect(),
        Ok(_) | Err(_) => Vec::new(),
    };
    if again.expose().is_empty() {
        wrong.push(Wrong::AgainMissing);
    } else if !again.is_same(new) {
        wrong.push(Wrong::AgainDiffers);
    }
    wrong
}

/// What the page says of an error, where it has words for it.
pub(in crate::web) fn wrong_of(error: &Error) -> Option<Vec<Wrong>> {
    match error {
        Error::WrongPassword => Some(vec![Wrong::Current]),
        Error::PasswordPolicy(broken) => Some(broken.iter().copied().map(Wrong::Weak).collect()),
        _ => None,
    }
}

fn page(call: &Call) -> Result<PasswordPage, Error> {
    let name = call.me()?.owner.name.clone();
    Ok(PasswordPage::new(
        call.frame_of_own_form(paths::PASSWORD)?,
        &name,
        call.desk().accounts.password_policy(),
        call.house().after_change,
    ))
}
