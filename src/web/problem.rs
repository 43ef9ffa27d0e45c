//! Problem documents (RFC 9457).

use serde::Serialize;
use utoipa::ToSchema;

use super::{Error, WebResponse};

/// What went wrong, for programs (`application/problem+json`, RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `urn:portcullis:problem:<slug>`: what programs tell problems apart by.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this type.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// About this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Id of the request, as in the log.
    pub instance: String,
    /// Fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Where to sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_url: Option<String>,
}

/// A field that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body that was sent: `/new_password`, or the empty string for the body as a whole.
    /// A parameter of the query is pointed at as `/query/<name>`, for example `/query/limit`.
    pub pointer: String,
    /// What to write instead.
    pub detail: String,
}

/// The problem document of an error.
pub(super) fn response(error: &Error, request_id: &str, sign_in_url: Option<String>) -> WebResponse {
    let shape = error.problem_type();
    let problem = Problem {
        kind: format!("urn:portcullis:problem:{}", shape.slug),
        title: shape.title.to_owned(),
        status: shape.status.as_u16(),
        detail: error.detail(),
        instance: request_id.to_owned(),
        errors: error.field_errors().into_iter().map(|(pointer, detail)| FieldProblem { pointer, detail }).collect(),
        sign_in_url,
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
    WebResponse::text(shape.status, "application/problem+json", body)
}
