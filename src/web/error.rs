//! The one table from what went wrong to what is said: status, problem document, page, log.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tracing::{debug, error, warn};

use crate::{
    account::{AccountError as AccountProblem, HasherBusy, Weakness},
    clock::Timestamp,
    gate::{InvalidPath, Refusal},
    session::EndError,
    sign_in::SignInError,
    store_error::StoreError,
};

/// What went wrong, as the domain tells it. What is said of it is decided here and nowhere else.
#[derive(Clone, Debug)]
pub enum Error {
    /// Somebody must sign in first.
    SignInRequired,
    /// Wrong name or password.
    InvalidCredentials,
    /// Too many tries.
    TooManyAttempts {
        /// When the next one is looked at.
        until: Timestamp,
    },
    /// The current password is wrong.
    WrongPassword,
    /// The new password breaks these rules.
    PasswordPolicy(Vec<Weakness>),
    /// These fields of the request are wrong: JSON pointer and what to write.
    InvalidFields(Vec<(String, String)>),
    /// The one-time link is not good any more.
    DeadLink,
    /// There is nothing here, or nothing of theirs.
    NotFound,
    /// Signed in, but not allowed.
    NotAllowed,
    /// Another site sent it.
    CrossSite,
    /// This place does not know the method.
    MethodNotAllowed,
    /// The body is not of a type that is read here.
    UnsupportedMediaType,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not come in time, or broke off.
    BodyIncomplete,
    /// The head cannot be taken: path or host.
    BadRequest(&'static str),
    /// The path cannot be forwarded.
    BadPath(InvalidPath),
    /// The request is for another host.
    WrongHost,
    /// Too many passwords are waiting, or too many bodies are waited for.
    Overloaded,
    /// The store is away.
    StoreUnavailable,
    /// The store takes no writes: an end holds in this process alone so far.
    EndNotConfirmed,
    /// The app cannot be reached.
    AppUnreachable,
    /// The app did not answer in time.
    AppTimeout,
    /// The app's answer cannot be read.
    AppBadResponse,
    /// Something that should not happen has happened.
    Internal,
}

/// Why a request that the gate did not refuse came to nothing: whoever reads it from the wire tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// The body of a request is larger than our own pages take, or its route.
    BodyTooLarge,
    /// Its body did not come in time, or broke off.
    BodyIncomplete,
    /// Too many bodies are waited for.
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

/// How an error looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// The status.
    pub status: StatusCode,
    /// What `type` ends in: `urn:portcullis:problem:<slug>`.
    pub slug: &'static str,
    /// In English, for people who read logs and tools; pages say it in the visitor's language.
    pub title: &'static str,
}

impl Error {
    /// A parameter of the query is wrong. It is pointed at as `/query/<name>`: a body has no `query` of its own.
    #[must_use]
    pub fn invalid_parameter(name: &str, hint: &str) -> Self {
        Self::InvalidFields(vec![(format!("/query/{name}"), hint.to_owned())])
    }

    /// How it looks from outside.
    #[must_use]
    pub const fn problem_type(&self) -> ProblemType {
        use StatusCode as S;
        let (status, slug, title) = match self {
            Self::SignInRequired => (S::UNAUTHORIZED, "sign-in-required", "Sign in first."),
            Self::InvalidCredentials => (S::UNAUTHORIZED, "invalid-credentials", "The name or the password is wrong."),
            Self::TooManyAttempts { .. } => {
                (S::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts. Try again later.")
            }
            Self::WrongPassword => (S::UNAUTHORIZED, "wrong-password", "The current password is wrong."),
            Self::PasswordPolicy(_) => {
                (S::UNPROCESSABLE_ENTITY, "password-policy", "The new password does not keep the rules.")
            }
            Self::InvalidFields(_) => {
                (S::UNPROCESSABLE_ENTITY, "invalid-request", "Some fields of the request are wrong.")
            }
            Self::DeadLink => (S::GONE, "dead-link", "This link has been used or is too old."),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is nothing here."),
            Self::NotAllowed => (S::FORBIDDEN, "not-allowed", "Your account may not open this."),
            Self::CrossSite => (S::FORBIDDEN, "cross-site", "This request was made by another site."),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "This place does not know the method.")
            }
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Send application/json.")
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is larger than is taken here."),
            Self::BodyIncomplete => (S::REQUEST_TIMEOUT, "body-incomplete", "The body did not arrive in time."),
            Self::BadRequest(_) | Self::BadPath(_) => (S::BAD_REQUEST, "bad-request", "The request cannot be read."),
            Self::WrongHost => (S::MISDIRECTED_REQUEST, "wrong-host", "This address is not served here."),
            Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, "overloaded", "Too much is going on right now. Try again in a moment.")
            }
            Self::StoreUnavailable => {
                (S::SERVICE_UNAVAILABLE, "store-unavailable", "Sessions cannot be checked right now.")
            }
            Self::EndNotConfirmed => (
                S::SERVICE_UNAVAILABLE,
                "end-not-confirmed",
                "Ended here, but not yet confirmed: it could not be written, and is lost at a restart of Portcullis.",
            ),
            Self::AppUnreachable => (S::BAD_GATEWAY, "app-unreachable", "The app cannot be reached."),
            Self::AppTimeout => (S::GATEWAY_TIMEOUT, "app-timeout", "The app did not answer in time."),
            Self::AppBadResponse => (S::BAD_GATEWAY, "app-bad-answer", "The app's answer cannot be read."),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "broken", "Something went wrong on our side."),
        };
        ProblemType { status, slug, title }
    }

    /// Seconds after which another try makes sense.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::TooManyAttempts { until } => Some(until.since(now).as_secs().max(1)),
            Self::Overloaded => Some(2),
            Self::StoreUnavailable | Self::EndNotConfirmed | Self::AppUnreachable => Some(5),
            _ => None,
        }
    }

    /// What more there is to say than the title.
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

    /// Fields that are wrong: JSON pointer and what to write.
    #[must_use]
    pub fn field_errors(&self) -> Vec<(String, String)> {
        match self {
            Self::InvalidFields(fields) => fields.clone(),
            Self::PasswordPolicy(broken) => {
                broken.iter().map(|weakness| ("/new_password".to_owned(), weakness_text(*weakness))).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A broken rule of the password policy, for the API and the command line.
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
            StoreError::Unavailable(_) => {
                warn!("{why}");
                Self::StoreUnavailable
            }
            StoreError::Unreadable(_) => {
                error!("{why}");
                Self::Internal
            }
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
        Self::Overloaded
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

impl From<AccountProblem> for Error {
    fn from(problem: AccountProblem) -> Self {
        match problem {
            AccountProblem::WeakPassword(broken) => Self::PasswordPolicy(broken),
            AccountProblem::WrongPassword => Self::WrongPassword,
            AccountProblem::TooManyAttempts { until } => Self::TooManyAttempts { until },
            AccountProblem::InvalidLink => Self::DeadLink,
            AccountProblem::NoSuchUser => Self::NotFound,
            AccountProblem::Busy(busy) => busy.into(),
            AccountProblem::Store(away) => away.into(),
            AccountProblem::NameTaken | AccountProblem::EmailTaken | AccountProblem::Confusable(_) => {
                Self::InvalidFields(vec![("/name".to_owned(), problem.to_string())])
            }
        }
    }
}

impl From<&Refusal> for Error {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::SignInRequired { reason: because, .. } => {
                debug!(?because, "Asked to sign in");
                Self::SignInRequired
            }
            Refusal::Forbidden { .. } => Self::NotAllowed,
            Refusal::NoRoute => Self::NotFound,
            Refusal::WrongHost => Self::WrongHost,
            Refusal::InvalidPath(why) => Self::BadPath(*why),
            Refusal::InvalidHost => {
                Self::BadRequest("There must be one Host header, and it must agree with the address.")
            }
            Refusal::Method => Self::MethodNotAllowed,
            Refusal::CrossSite => Self::CrossSite,
            Refusal::StoreUnavailable => Self::StoreUnavailable,
        }
    }
}

impl From<RequestFailure> for Error {
    fn from(failed: RequestFailure) -> Self {
        match failed {
            RequestFailure::BodyTooLarge => Self::BodyTooLarge,
            RequestFailure::BodyIncomplete => Self::BodyIncomplete,
            RequestFailure::Overloaded => Self::Overloaded,
            RequestFailure::AppUnreachable => Self::AppUnreachable,
            RequestFailure::AppTimeout => Self::AppTimeout,
            RequestFailure::AppBadResponse => Self::AppBadResponse,
            RequestFailure::Internal => Self::Internal,
        }
    }
}

/// An empty answer that carries the error; the last step before the wire says it in the caller's form (`render`).
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.problem_type().status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
