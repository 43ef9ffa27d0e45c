//! What the document says of every call in one place: the refusals that stand before each handler.

use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, path::Operation};

/// Errors are of this type.
const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
/// Any call.
const COMMON_RESPONSES: [(&str, &str); 2] = [
    ("503", "store-unavailable: sessions cannot be checked right now, with Retry-After"),
    ("default", "What stands before every call: bad-request, method-not-allowed, wrong-host, broken"),
];
/// A call that may change something.
const UNSAFE_RESPONSES: [(&str, &str); 1] =
    [("403", "cross-site: it carries a cookie and does not come from this origin")];
/// A call with a body.
const BODY_RESPONSES: [(&str, &str); 5] = [
    ("400", "bad-request: the body is not JSON"),
    ("408", "body-incomplete: the body did not arrive in time"),
    ("413", "body-too-large"),
    ("415", "unsupported-media-type: send application/json"),
    ("422", "invalid-request: a field is missing, unknown or of another type; see `errors`"),
];
/// A call that names a list's page.
const PAGED_RESPONSES: [(&str, &str); 1] = [("422", "invalid-request: a parameter is wrong; see `errors`")];
/// What a status means where the call itself does not say it.
const DEFAULT_DESCRIPTIONS: [(&str, &str); 2] = [
    ("401", "sign-in-required: nobody is signed in"),
    ("404", "not-found: there is no such thing, or it is not yours"),
];

/// Adds to each call what it has in common with others, and gives errors their media type.
pub(super) fn add_common_responses(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (changes, operation) in
            [(false, &mut item.get), (true, &mut item.put), (true, &mut item.post), (true, &mut item.delete)]
        {
            if let Some(operation) = operation {
                complete_operation(operation, changes);
            }
        }
    }
}

fn complete_operation(operation: &mut Operation, changes: bool) {
    let paged = operation.parameters.iter().flatten().any(|it| matches!(it, RefOr::T(it) if it.name == "limit"));
    let groups = [
        (true, &COMMON_RESPONSES[..]),
        (changes, &UNSAFE_RESPONSES[..]),
        (operation.request_body.is_some(), &BODY_RESPONSES[..]),
        (paged, &PAGED_RESPONSES[..]),
    ];
    let responses = &mut operation.responses.responses;
    for (status, means) in groups.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, group)| group) {
        responses.entry((*status).to_owned()).or_insert_with(|| RefOr::T(problem_response(means)));
    }
    for (status, response) in responses.iter_mut().filter(|(status, _)| !status.starts_with('2')) {
        let RefOr::T(response) = response else { continue };
        let usual = DEFAULT_DESCRIPTIONS.iter().find(|(known, _)| known == status).map_or("", |(_, means)| *means);
        let means = if response.description.is_empty() { usual } else { response.description.as_str() };
        *response = problem_response(means);
    }
}

fn problem_response(means: &str) -> Response {
    let mut response = Response::new(means);
    response
        .content
        .insert(PROBLEM_MEDIA_TYPE.to_owned(), RefOr::T(Content::new(Some(Ref::from_schema_name("Problem")))));
    response
}
