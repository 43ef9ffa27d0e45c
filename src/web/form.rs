//! A form that was sent, with our own errors.

use axum::extract::{FromRequest, Request, rejection::FormRejection};
use serde::de::DeserializeOwned;

use super::Error;

/// A form that was sent.
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(FormRejection::InvalidFormContentType(_)) => Err(Error::UnsupportedMediaType),
            Err(_) => Err(Error::BadRequest("The form cannot be read.")),
        }
    }
}
