//! Plain-text responses of one line, to what cannot be served as a request.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::web::{FORWARDED_METHODS, set_security_headers};

/// Response of one line, with the headers that every response of Portcullis has.
pub(in crate::proxy) fn plain_text(status: StatusCode, sentence: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(sentence.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(FORWARDED_METHODS));
    }
    set_security_headers(response.headers_mut());
    response
}
