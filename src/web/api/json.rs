//! JSON in and out, with our own errors; lists in pages.

use axum::{
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::Error;
use crate::web::RequestFailure;

/// A body in JSON.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Error::UnsupportedMediaType),
            Err(JsonRejection::JsonDataError(why)) => {
                let said = redact_values(&why.body_text());
                Err(Error::InvalidFields(vec![(json_pointer(&said), said)]))
            }
            Err(JsonRejection::JsonSyntaxError(_)) => Err(Error::BadRequest("The body is not JSON.")),
            Err(_) => Err(Error::Failed(RequestFailure::BodyIncomplete)),
        }
    }
}

/// What serde says of a body, without the values in it: one of them may be a password.
fn redact_values(said: &str) -> String {
    let said = said.rsplit_once(": ").map_or(said, |(_, last)| last);
    let named = ["missing field", "unknown field", "unknown variant"].iter().any(|start| said.starts_with(start));
    if named && !said.starts_with("unknown variant") {
        said.split(" at line").next().unwrap_or(said).to_owned()
    } else {
        "a field is missing or of another type; see openapi.json".to_owned()
    }
}

/// The JSON pointer to the field that serde names; the whole body where it names none.
fn json_pointer(said: &str) -> String {
    let mut quoted = said.split('`');
    match (quoted.next(), quoted.next()) {
        (Some("missing field " | "unknown field "), Some(name)) => {
            format!("/{}", name.replace('~', "~0").replace('/', "~1"))
        }
        _ => String::new(),
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct ListPage<T> {
    /// In their order.
    pub items: Vec<T>,
    /// Ask for the next page with this; null when there is none.
    #[schema(pattern = "^[A-Za-z0-9_-]+$", max_length = 64)]
    pub next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Pagination {
    /// At most so many items.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 100, default = 100)]
    pub limit: usize,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 64)]
    pub cursor: Option<String>,
}

const fn default_limit() -> usize {
    100
}

impl Pagination {
    /// The page of `all` that was asked for; `id` names an item's cursor.
    ///
    /// # Errors
    /// When the item that the cursor names is gone: the list has changed, and its next page cannot be told.
    pub fn paginate<T>(&self, all: Vec<T>, id: impl Fn(&T) -> String) -> Result<ListPage<T>, Error> {
        let after = self.cursor.as_deref();
        if after.is_some_and(|after| all.iter().all(|item| id(item) != after)) {
            return Err(Error::invalid_parameter("cursor", "the list has changed; begin again without a cursor"));
        }
        let mut rest = all.into_iter().skip_while(|item| after.is_some_and(|after| id(item) != after));
        if after.is_some() {
            rest.next();
        }
        let mut items: Vec<T> = rest.by_ref().take(self.limit).collect();
        let more = rest.next().is_some();
        items.shrink_to_fit();
        let next_cursor = more.then(|| items.last().map(&id)).flatten();
        Ok(ListPage { items, next_cursor })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Pagination {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Query::<Self>::from_request_parts(parts, state).await {
            Ok(Query(paging)) if (1..=100).contains(&paging.limit) => Ok(paging),
            Ok(_) | Err(_) => Err(Error::invalid_parameter("limit", "write a number from 1 to 100")),
        }
    }
}
