//! Request head as the gate reads it: a borrowed view, independent of the HTTP parser.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// Header name, parsed once: as text it would be parsed and lower-cased for most requests.
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Head of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// As sent.
    pub method: &'a Method,
    /// Path and query as sent, every byte of it.
    pub target: &'a [u8],
    /// The authority of an absolute-form target, when it was one.
    pub authority: Option<&'a str>,
    /// As sent.
    pub headers: &'a HeaderMap,
    /// Client address in canonical form.
    pub ip: IpAddr,
    /// `X-Forwarded-Host`, where a trusted proxy wrote it.
    pub forwarded_host: Option<&'a str>,
    /// Request id, for the log, problem documents and the app.
    pub request_id: &'a str,
}

/// Kind of client, which determines the form of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestMode {
    /// Page navigation of a browser.
    Navigation,
    /// An upgrade to WebSocket or another protocol.
    Upgrade,
    /// `fetch`, XHR, a tool.
    Program,
}

/// Whether a browser that says nothing of where an answer goes (no Fetch Metadata) asks for a page: it takes HTML, and no
/// script
/// says that it asks.
#[must_use]
pub fn accepts_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    lines.any(|accept| accept.contains("text/html")) && !headers.contains_key("x-requested-with")
}

/// The head of a request that Portcullis answers itself: it outlives the buffers of its connection, and is made once.
#[derive(Clone, Debug)]
pub struct OwnedHead {
    method: Method,
    target: Vec<u8>,
    authority: Option<String>,
    headers: HeaderMap,
    ip: IpAddr,
    forwarded_host: Option<String>,
    request_id: String,
}

impl OwnedHead {
    /// Borrowed view for the gate.
    #[must_use]
    pub fn view(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            target: &self.target,
            authority: self.authority.as_deref(),
            headers: &self.headers,
            ip: self.ip,
            forwarded_host: self.forwarded_host.as_deref(),
            request_id: &self.request_id,
        }
    }
}

impl RequestHead<'_> {
    /// Copies the whole head.
    #[must_use]
    pub fn to_owned_head(&self) -> Arc<OwnedHead> {
        Arc::new(OwnedHead {
            method: self.method.clone(),
            target: self.target.to_owned(),
            authority: self.authority.map(str::to_owned),
            headers: self.headers.clone(),
            ip: self.ip,
            forwarded_host: self.forwarded_host.map(str::to_owned),
            request_id: self.request_id.to_owned(),
        })
    }

    /// What kind of client this is: Fetch Metadata says it; without, an `Accept` with `text/html` and no sign of XHR.
    #[must_use]
    pub fn mode(&self) -> RequestMode {
        if self.headers.contains_key(header::UPGRADE) {
            return RequestMode::Upgrade;
        }
        let navigates = if let Some(mode) = self.headers.get(&SEC_FETCH_MODE) {
            mode.as_bytes() == b"navigate"
        } else {
            accepts_html(self.headers)
        };
        if navigates { RequestMode::Navigation } else { RequestMode::Program }
    }

    /// Whether a browser asks for a page to show inside another one, in an `iframe` or a `frame`. An `object` or an `embed`
    /// shows no page of ours: it has content of its own to fall back to.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        let mut places = self.headers.get_all(&SEC_FETCH_DEST).iter().map(HeaderValue::as_bytes);
        matches!((places.next(), places.next()), (Some(b"iframe" | b"frame"), None))
            && self.mode() == RequestMode::Navigation
    }

    /// Whether the request is a page navigation, for "last page".
    #[must_use]
    pub fn is_page_view(&self) -> bool {
        self.method == Method::GET && self.mode() == RequestMode::Navigation
    }

    /// Whether it asks for more than a look: its method is not safe (RFC 9110, 9.2.1; QUERY: RFC 10008).
    #[must_use]
    pub fn is_action(&self) -> bool {
        !self.method.is_safe()
    }

    /// The text of a header that is there once, as far as it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
