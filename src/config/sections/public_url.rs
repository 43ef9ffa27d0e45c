//! `public_url` and `insecure_http`: plain HTTP beyond this machine hands sessions to whoever listens on the way, so it has to be
//! asked for.

use crate::config::diagnostics::{Diagnostics, escape};
use crate::config::from_node::RawField;
use crate::config::tree::Position;
use crate::public_url::PublicUrl;

/// The public URL, if there is one.
pub(in crate::config) fn public_url(
    field: RawField<PublicUrl>,
    insecure_http: bool,
    start: Position,
    diagnostics: &Diagnostics,
) -> Option<PublicUrl> {
    let Some(field) = field else {
        diagnostics.report_missing(
            start,
            "public_url",
            "is missing; write the address that visitors see, such as https://app.example.com",
        );
        return None;
    };
    if !field.value.is_https() && !field.value.is_loopback() && !insecure_http {
        let origin = format!("https://{}", escape(field.value.host().as_str(), 100));
        let message = "plain http is for this machine only";
        field.report(
            diagnostics,
            format!("{message}; write {origin}, or set insecure_http: true if nobody can listen on the way"),
        );
    }
    Some(field.value)
}
