//! Cross-site form posts to an app: payment returns, the POST binding of SAML.
//!
//! A browser brings no `SameSite=Lax` cookie with such a form, so nobody can tell who is signed in. Where an operator names the
//! path and the sender, a page of ours carries the fields, and one press on it posts them from here. That request is known by
//! the last parameter of its query, which the app is not sent.

use http::{HeaderName, HeaderValue, Method, header};

use super::{
    Refusal, RequestHead, RequestMode,
    same_site::{SingleHeader, single_header},
    slashes,
};

/// Largest body of a cross-site form, in bytes.
pub const MAX_FORM_BYTES: usize = 64 * 1024;

/// The parameter, last in a query, by which a form that was sent on from our page is known.
const TOKEN_PARAMETER: &str = "portcullis-form=";

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Path of an app that accepts cross-site forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormTarget {
    /// Exact path, as browsers send it.
    pub path: String,
    /// Origins whose pages may post forms here, as browsers write them.
    pub senders: Vec<String>,
}

/// Cross-site form addressed to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossSiteForm {
    /// Origin of the page that posted it.
    pub sender: String,
    /// Path and query that it is for.
    pub target: String,
    /// Token of the page that it was sent on from; none where it comes from its sender.
    pub token: Option<String>,
}

impl CrossSiteForm {
    /// Path and query to which our page posts the form.
    #[must_use]
    pub fn action(&self, token: &str) -> String {
        let joint = if self.target.contains('?') { '&' } else { '?' };
        format!("{}{joint}{TOKEN_PARAMETER}{token}~{}", self.target, self.sender)
    }

    /// The form that a request posts to `target`; none where it posts none, or one that is treated as any request.
    ///
    /// # Errors
    /// It was sent on from our page for a sender that may not post here any more.
    pub(super) fn from_request(
        head: &RequestHead<'_>,
        target: &FormTarget,
        origin: &str,
    ) -> Result<Option<Self>, Refusal> {
        if !is_form_navigation(head) {
            return Ok(None);
        }
        let SingleHeader::One(from) = single_header(head, &header::ORIGIN) else { return Ok(None) };
        let Ok(asked) = std::str::from_utf8(head.target) else { return Ok(None) };
        let site = single_header(head, &SEC_FETCH_SITE);
        if let Some((bare, token, sender)) = split_token(asked) {
            // A form of the app's own page there: the browser keeps the address to which ours was posted.
            if has_token_referer(head) {
                return Ok(None);
            }
            if from != origin.as_bytes() || !matches!(site, SingleHeader::Absent | SingleHeader::One(b"same-origin")) {
                return Ok(None);
            }
            if !target.senders.iter().any(|other| other == sender) {
                return Err(Refusal::CrossSite);
            }
            return Ok(Some(Self {
                sender: sender.to_owned(),
                target: bare.to_owned(),
                token: Some(token.to_owned()),
            }));
        }
        let sender = target.senders.iter().find(|sender| sender.as_bytes() == from);
        Ok(match (sender, site) {
            (Some(sender), SingleHeader::Absent | SingleHeader::One(b"cross-site")) => {
                Some(Self { sender: sender.clone(), target: asked.to_owned(), token: None })
            }
            _ => None,
        })
    }
}

/// The address of a page without the parameter by which a form was sent on from ours; none where it has none.
#[must_use]
pub fn strip_form_token(address: &str) -> Option<&str> {
    // Most have no query.
    let has_query = address.as_bytes().contains(&b'?');
    has_query.then(|| split_token(address)).flatten().map(|(bare, ..)| bare)
}

/// Target without the token parameter.
pub(super) fn strip_token(target: &[u8]) -> &[u8] {
    let bare = std::str::from_utf8(target).ok().and_then(strip_form_token);
    bare.map_or(target, str::as_bytes)
}

/// Whether a request comes from a page at an address with that parameter. Our pages tell their origin alone.
fn has_token_referer(head: &RequestHead<'_>) -> bool {
    let SingleHeader::One(referer) = single_header(head, &header::REFERER) else { return false };
    std::str::from_utf8(referer).is_ok_and(|referer| strip_form_token(referer).is_some())
}

/// The path that a target asks for, byte for byte.
pub(super) fn target_path(target: &[u8]) -> &[u8] {
    slashes::target_path(target)
}

/// Whether a browser posts a form as a page navigation of its own, of the type and size that are carried.
fn is_form_navigation(head: &RequestHead<'_>) -> bool {
    let once_or_never = |name, value: &[u8]| match single_header(head, name) {
        SingleHeader::Absent => true,
        SingleHeader::One(said) => said == value,
        SingleHeader::Repeated => false,
    };
    let fits = match single_header(head, &header::CONTENT_LENGTH) {
        SingleHeader::Absent => true,
        SingleHeader::One(length) => {
            std::str::from_utf8(length).ok().and_then(|length| length.parse().ok()).is_some_and(fits)
        }
        SingleHeader::Repeated => false,
    };
    *head.method == Method::POST
        && head.mode() == RequestMode::Navigation
        && once_or_never(&SEC_FETCH_DEST, b"document")
        && is_urlencoded(head)
        && !head.headers.contains_key(header::CONTENT_ENCODING)
        && fits
}

fn fits(length: u64) -> bool {
    length <= MAX_FORM_BYTES as u64
}

fn is_urlencoded(head: &RequestHead<'_>) -> bool {
    let SingleHeader::One(content_type) = single_header(head, &header::CONTENT_TYPE) else { return false };
    let kind = HeaderValue::from_bytes(content_type).ok();
    let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// What was asked for before our page added its parameter, the token and the sender in it.
fn split_token(address: &str) -> Option<(&str, &str, &str)> {
    let at = address.rfind(TOKEN_PARAMETER)?;
    let bare = address[..at].strip_suffix(['?', '&'])?;
    let (token, sender) = address[at + TOKEN_PARAMETER.len()..].split_once('~')?;
    (!sender.contains('&')).then_some((bare, token, sender))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_of_our_page_leaves_no_trace() {
        for target in ["/pay", "/pay?", "/pay?a=b", "/pay?a=b&", "/pay?portcullis-form=x~https://other.test"] {
            let form = CrossSiteForm { sender: "https://pay.test:8443".into(), target: target.into(), token: None };
            let action = form.action("1.a.b");
            assert_eq!(split_token(&action), Some((target, "1.a.b", "https://pay.test:8443")), "{action}");
        }
        for asked in ["/pay", "/pay?portcullis-form=x", "/payportcullis-form=x~y", "/pay?portcullis-form=x~y&a=b"] {
            assert_eq!(split_token(asked), None, "{asked}");
        }
    }
}
