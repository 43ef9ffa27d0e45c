//! The one table from what went wrong to what is said: status, problem type, page.
//!
//! Use-case errors become an [`Error`] here and nowhere else, and nothing is logged for it: whoever renders an error logs it
//! ([`Error::log`]), so that what a caller swallows is not logged.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tracing::{error, warn};

use super::pages::errors::ErrorPageKind;
use crate::{
    account::{AccountError, HasherBusy, PasswordError, PasswordFault, Weakness},
    clock::Timestamp,
    gate::{InvalidPath, Refusal},
    session::EndError,
    sign_in::SignInError,
    store_error::StoreError,
};

/// Error of a request, as the use cases tell it.
#[derive(Clone, Debug)]
pub enum Error {
    /// Nobody is signed in.
    SignInRequired,
    /// Wrong name or password.
    InvalidCredentials,
    /// Too many attempts.
    TooManyAttempts {
        /// Time at which the next one is looked at.
        until: Timestamp,
    },
    /// Wrong current password.
    WrongPassword,
    /// Faults of a new password, and of the form that it was typed into.
    PasswordPolicy(Vec<PasswordFault>),
    /// Invalid fields of the request: JSON pointer and what to write.
    InvalidFields(Vec<(String, String)>),
    /// One-time link that is used up, too old, or no link.
    DeadLink,
    /// Nothing is here, or nothing of theirs.
    NotFound,
    /// Signed in, but not allowed.
    NotAllowed,
    /// Request made by another site.
    CrossSite,
    /// Method that the path does not support.
    MethodNotAllowed,
    /// Body of a type that is not read here.
    UnsupportedMediaType,
    /// Head, query or body that cannot be read.
    BadRequest(&'static str),
    /// Path that cannot be forwarded.
    BadPath(InvalidPath),
    /// Request for another host.
    WrongHost,
    /// The store cannot be asked. None: the gate has asked it, and has logged why.
    StoreUnavailable(Option<Arc<StoreError>>),
    /// The store holds something that cannot be read.
    StoreUnreadable(Arc<StoreError>),
    /// The store takes no writes: an end holds in this process alone so far.
    EndNotConfirmed,
    /// Failure that has nothing to do with what was asked for.
    Failed(RequestFailure),
}

/// Failure of a request that the gate did not refuse: of its body, of the app behind it, or of Portcullis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// The body of a request is larger than our own pages take, or its route.
    BodyTooLarge,
    /// Its body did not come in time, or broke off.
    BodyIncomplete,
    /// Too many passwords or bodies are waiting, or too many event streams are open.
    Overloaded,
    /// The app cannot be reached.
    AppUnreachable,
    /// The app did not answer in time.
    AppTimeout,
    /// The app's answer cannot be read.
    AppBadResponse,
    /// Something that should not happen has happened.
    Internal,
}

/// Row of the table: how an error looks from outside, to programs (RFC 9457) and to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// HTTP status of the answer, in either form.
    pub status: StatusCode,
    /// End of `type`: `urn:portcullis:problem:<slug>`.
    pub slug: &'static str,
    /// In English, for people who read logs and tools; the page says it in the visitor's language.
    pub title: &'static str,
    /// Page for a navigation.
    pub page: ErrorPageKind,
}

impl Error {
    /// Error of a query parameter. It is pointed at as `/query/<name>`: a body has no `query` of its own.
    #[must_use]
    pub fn invalid_parameter(name: &str, hint: &str) -> Self {
        Self::InvalidFields(vec![(format!("/query/{name}"), hint.to_owned())])
    }

    /// Row of the table for this error.
    #[must_use]
    pub const fn problem_type(&self) -> ProblemType {
        use ErrorPageKind as P;
        use StatusCode as S;
        let (status, slug, page, title) = match self {
            Self::SignInRequired => (S::UNAUTHORIZED, "sign-in-required", P::NotAllowed, "Sign in first."),
            Self::InvalidCredentials => {
                (S::UNAUTHORIZED, "invalid-credentials", P::NotAllowed, "The name or the password is wrong.")
            }
            Self::TooManyAttempts { until } => {
                let page = P::TooManyAttempts { until: *until };
                (S::TOO_MANY_REQUESTS, "too-many-attempts", page, "Too many attempts. Try again later.")
            }
            Self::WrongPassword => (S::UNAUTHORIZED, "wrong-password", P::NotAllowed, "The current password is wrong."),
            Self::PasswordPolicy(_) => {
                (S::UNPROCESSABLE_ENTITY, "password-policy", P::BadRequest, "The new password does not keep the rules.")
            }
            Self::InvalidFields(_) => {
                (S::UNPROCESSABLE_ENTITY, "invalid-request", P::BadRequest, "Some fields of the request are wrong.")
            }
            Self::DeadLink => (S::GONE, "dead-link", P::NotFound, "This link has been used or is too old."),
            Self::NotFound => (S::NOT_FOUND, "not-found", P::NotFound, "There is nothing here."),
            Self::NotAllowed => (S::FORBIDDEN, "not-allowed", P::NotAllowed, "Your account may not open this."),
            Self::CrossSite => (S::FORBIDDEN, "cross-site", P::CrossSite, "This request was made by another site."),
            Self::MethodNotAllowed => {
                let title = "This place does not know the method.";
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", P::MethodNotAllowed, title)
            }
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", P::BadRequest, "Send application/json.")
            }
            Self::BadRequest(_) => (S::BAD_REQUEST, "bad-request", P::BadRequest, "The request cannot be read."),
            Self::BadPath(why) => (S::BAD_REQUEST, "bad-request", P::BadPath(*why), "The request cannot be read."),
            Self::WrongHost => (S::MISDIRECTED_REQUEST, "wrong-host", P::WrongHost, "This address is not served here."),
            Self::StoreUnavailable(_) => {
                let title = "Sessions cannot be checked right now.";
                (S::SERVICE_UNAVAILABLE, "store-unavailable", P::StoreUnavailable, title)
            }
            Self::EndNotConfirmed => {
                let title = "Ended here, but not yet confirmed: it could not be written, and is lost at a restart of Portcullis.";
                (S::SERVICE_UNAVAILABLE, "end-not-confirmed", P::EndNotConfirmed, title)
            }
            Self::StoreUnreadable(_) => return RequestFailure::Internal.problem_type(),
            Self::Failed(failure) => return failure.problem_type(),
        };
        ProblemType { status, slug, title, page }
    }

    /// Seconds after which another attempt makes sense (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::TooManyAttempts { until } => Some(until.since(now).as_secs().max(1)),
            Self::Failed(RequestFailure::Overloaded) => Some(2),
            Self::StoreUnavailable(_) | Self::EndNotConfirmed | Self::Failed(RequestFailure::AppUnreachable) => Some(5),
            _ => None,
        }
    }

    /// Sentence about this one error, beside the title.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::BadRequest(why) => Some((*why).to_owned()),
            Self::BadPath(why) => Some(why.to_string()),
            Self::TooManyAttempts { until } => {
                Some(format!("The next attempt is looked at from {} on.", until.rfc3339()))
            }
            _ => None,
        }
    }

    /// Invalid fields: JSON pointer and what to write.
    #[must_use]
    pub fn field_errors(&self) -> Vec<(String, String)> {
        match self {
            Self::InvalidFields(fields) => fields.clone(),
            Self::PasswordPolicy(faults) => faults
                .iter()
                .filter_map(|fault| match fault {
                    PasswordFault::Weak(weakness) => Some(("/new_password".to_owned(), weakness_text(*weakness))),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Logs what an operator must know of it. Called once, by whoever renders the error.
    pub(super) fn log(&self, request_id: &str) {
        match self {
            Self::StoreUnavailable(Some(why)) => warn!(request_id, error = %why, "Store unavailable"),
            Self::StoreUnreadable(why) => error!(request_id, error = %why, "Store record unreadable"),
            _ => {}
        }
    }
}

impl RequestFailure {
    /// Row of the table for this failure.
    const fn problem_type(self) -> ProblemType {
        use ErrorPageKind as P;
        use StatusCode as S;
        let (status, slug, page, title) = match self {
            Self::BodyTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "body-too-large", P::BodyTooLarge, "The body is larger than is taken here.")
            }
            Self::BodyIncomplete => {
                (S::REQUEST_TIMEOUT, "body-incomplete", P::BadRequest, "The body did not arrive in time.")
            }
            Self::Overloaded => {
                let title = "Too much is going on right now. Try again in a moment.";
                (S::SERVICE_UNAVAILABLE, "overloaded", P::Overloaded, title)
            }
            Self::AppUnreachable => {
                (S::BAD_GATEWAY, "app-unreachable", P::AppUnreachable, "The app cannot be reached.")
            }
            Self::AppTimeout => (S::GATEWAY_TIMEOUT, "app-timeout", P::AppTimeout, "The app did not answer in time."),
            Self::AppBadResponse => {
                (S::BAD_GATEWAY, "app-bad-answer", P::AppUnreachable, "The app's answer cannot be read.")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "broken", P::Internal, "Something went wrong on our side."),
        };
        ProblemType { status, slug, title, page }
    }
}

/// Text of a broken rule of the password policy, for the API and the command line.
#[must_use]
pub fn weakness_text(weakness: Weakness) -> String {
    match weakness {
        Weakness::TooShort(least) => format!("use at least {least} characters"),
        Weakness::TooLong(most) => format!("use at most {most} characters"),
        Weakness::NoUpper => "use an upper-case letter".to_owned(),
        Weakness::NoLower => "use a lower-case letter".to_owned(),
        Weakness::NoDigit => "use a digit".to_owned(),
        Weakness::NoSpecial => "use a special character, such as ! @ # $".to_owned(),
        Weakness::Common => {
            "choose one that is harder to guess: this one is among the first that anybody would try".to_owned()
        }
        Weakness::Unchanged => "choose another one than the current one".to_owned(),
        Weakness::ContainsName => "choose one that is not made of the name or the e-mail address".to_owned(),
    }
}

impl From<StoreError> for Error {
    fn from(why: StoreError) -> Self {
        match why {
            StoreError::Unavailable(_) => Self::StoreUnavailable(Some(Arc::new(why))),
            StoreError::Unreadable(_) => Self::StoreUnreadable(Arc::new(why)),
        }
    }
}

impl From<EndError> for Error {
    fn from(why: EndError) -> Self {
        match why {
            EndError::Unconfirmed => Self::EndNotConfirmed,
            EndError::Store(away) => away.into(),
        }
    }
}

impl From<HasherBusy> for Error {
    fn from(_: HasherBusy) -> Self {
        Self::Failed(RequestFailure::Overloaded)
    }
}

impl From<SignInError> for Error {
    fn from(failure: SignInError) -> Self {
        match failure {
            SignInError::Busy(busy) => busy.into(),
            SignInError::Store(away) => away.into(),
        }
    }
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::WeakPassword(broken) => {
                Self::PasswordPolicy(broken.into_iter().map(PasswordFault::Weak).collect())
            }
            AccountError::WrongPassword => Self::WrongPassword,
            AccountError::TooManyAttempts { until } => Self::TooManyAttempts { until },
            AccountError::InvalidLink => Self::DeadLink,
            AccountError::NoSuchUser => Self::NotFound,
            AccountError::Busy(busy) => busy.into(),
            AccountError::Store(away) => away.into(),
            AccountError::NameTaken | AccountError::EmailTaken | AccountError::Confusable(_) => {
                Self::InvalidFields(vec![("/name".to_owned(), error.to_string())])
            }
        }
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Faults(faults) => Self::PasswordPolicy(faults),
            PasswordError::Account(error) => error.into(),
        }
    }
}

impl From<&Refusal> for Error {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::SignInRequired { .. } => Self::SignInRequired,
            Refusal::Forbidden { .. } => Self::NotAllowed,
            Refusal::NoRoute => Self::NotFound,
            Refusal::WrongHost => Self::WrongHost,
            Refusal::InvalidPath(why) => Self::BadPath(*why),
            Refusal::InvalidHost => {
                Self::BadRequest("There must be one Host header, and it must agree with the address.")
            }
            Refusal::Method => Self::MethodNotAllowed,
            Refusal::CrossSite => Self::CrossSite,
            Refusal::StoreUnavailable => Self::StoreUnavailable(None),
        }
    }
}

impl From<RequestFailure> for Error {
    fn from(failure: RequestFailure) -> Self {
        Self::Failed(failure)
    }
}

/// Empty answer that carries the error through axum, whose handlers and fallbacks return answers; `web::render` takes it
/// out again.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.problem_type().status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
