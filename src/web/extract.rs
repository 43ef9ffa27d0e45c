//! What came with a request: a form, a query, a part of the path. When it cannot be read, our own errors say so.

use axum::extract::{FromRequest, FromRequestParts, Request, rejection::FormRejection};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::Error;

/// A form that was sent.
pub(super) struct Form<T>(pub(super) T);

/// What stands behind the `?`.
pub(super) struct Query<T>(pub(super) T);

/// The part of the path that a route names.
pub(super) struct Path<T>(pub(super) T);

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

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(_) => Err(Error::BadRequest("The query cannot be read.")),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(part)) => Ok(Self(part)),
            Err(_) => Err(Error::NotFound),
        }
    }
}
