//! Request head as it comes off the wire: validated byte by byte before anything parses it.
//!
//! Pingora's parser accepts bare line feeds, `Transfer-Encoding` beside `Content-Length`, and 1 MiB of head, and its timer
//! restarts at each read. A head that two programs could read in two ways ends here, with a response and a closed connection.

mod target;

use bytes::{Buf as _, BytesMut};
use http::{Method, StatusCode, header};
use memchr::{memchr, memchr_iter};
use pingora::http::RequestHeader;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use self::target::{authority, has_only_target_bytes, has_target_form};
use crate::{identity_headers::is_alias, proxy::http::limits::ConnectionLimits};

/// Error of a connection without a head that could be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum HeadError {
    /// The client closed the connection, or sent nothing.
    ClientClosed,
    /// The head did not come in time.
    TimedOut,
    /// The head is too long, or has too many lines.
    TooLarge,
    /// The head is not what RFC 9112 calls one, or could be read in two ways.
    Malformed,
    /// The head asks for a tunnel (`CONNECT`).
    ConnectMethod,
    /// The TLS handshake failed.
    TlsFailed,
    /// The client speaks plain HTTP on a TLS port.
    PlaintextOnTls,
}

impl HeadError {
    /// Status and sentence for the client, where it can be told.
    pub(super) const fn response(self) -> Option<(StatusCode, &'static str)> {
        match self {
            Self::ClientClosed | Self::TlsFailed => None,
            Self::TimedOut => Some((StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time.\n")),
            Self::TooLarge => {
                Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large.\n"))
            }
            Self::Malformed => Some((StatusCode::BAD_REQUEST, "The request is malformed.\n")),
            Self::ConnectMethod => Some((StatusCode::METHOD_NOT_ALLOWED, "There are no tunnels here.\n")),
            Self::PlaintextOnTls => Some((StatusCode::BAD_REQUEST, "This port speaks HTTPS only.\n")),
        }
    }
}

/// Complete and valid head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CompleteHead {
    /// Length of the head. What follows belongs to the body.
    pub(super) end: usize,
    /// Whether the body comes in chunks.
    pub(super) is_chunked: bool,
    /// Whether the request asks for a WebSocket.
    pub(super) wants_websocket: bool,
    /// Whether the client waits for `100 Continue` before it sends a body.
    pub(super) expects_continue: bool,
}

/// Waits for the first bytes of a request.
pub(super) async fn read_first_bytes(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut BytesMut,
) -> Result<(), HeadError> {
    match stream.read_buf(read).await {
        Ok(1..) => Ok(()),
        _ => Err(HeadError::ClientClosed),
    }
}

/// Reads the rest of the head.
pub(super) async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut BytesMut,
    limits: &ConnectionLimits,
) -> Result<CompleteHead, HeadError> {
    let mut seen = 0;
    loop {
        // Some clients end a body with a line break that is not part of it (RFC 9112, 2.2).
        if seen == 0 && read.starts_with(b"\r\n") {
            read.advance(2);
        }
        match find_head_end(read, &mut seen)? {
            Some(end) if end <= limits.head_bytes => {
                let framing = validate(&read[..end], limits.headers)?;
                let RequestFraming { is_chunked: chunked, wants_websocket: websocket, expects_continue, .. } = framing;
                let end = end + target::encode_rejected_bytes(read);
                return Ok(CompleteHead { end, is_chunked: chunked, wants_websocket: websocket, expects_continue });
            }
            None if read.len() <= limits.head_bytes => {}
            _ => return Err(HeadError::TooLarge),
        }
        match stream.read_buf(read).await {
            Ok(1..) => {}
            _ => return Err(HeadError::ClientClosed),
        }
    }
}

/// Length of the head, if its end has come; `seen` is where the next search begins. Each line ends in CR LF and in nothing else,
/// and has no control character but the tab.
fn find_head_end(read: &[u8], seen: &mut usize) -> Result<Option<usize>, HeadError> {
    while let Some(length) = memchr(b'\n', &read[*seen..]) {
        let begun = *seen;
        let line = read[begun..begun + length].strip_suffix(b"\r").ok_or(HeadError::Malformed)?;
        require(is_text(line))?;
        *seen = begun + length + 1;
        if line.is_empty() && begun > 0 {
            return Ok(Some(*seen));
        }
    }
    let unfinished = &read[*seen..];
    require(is_text(unfinished.strip_suffix(b"\r").unwrap_or(unfinished)))?;
    Ok(None)
}

/// Whether a line has no control character but the tab. Every byte of every head comes by here: without an early exit, many are
/// checked in one step.
fn is_text(line: &[u8]) -> bool {
    let control = |byte: &u8| u8::from((*byte < b' ' && *byte != b'\t') || *byte == 0x7f);
    line.iter().map(control).fold(0, |found, control| found | control) == 0
}

/// Framing of a request, as its header lines say it.
#[derive(Default)]
struct RequestFraming<'a> {
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    is_chunked: bool,
    wants_websocket: bool,
    expects_continue: bool,
}

/// Validates a complete head.
fn validate(head: &[u8], most_headers: usize) -> Result<RequestFraming<'_>, HeadError> {
    let mut begun = 0;
    let mut lines = memchr_iter(b'\n', head).map(|end| {
        let line = &head[begun..end];
        begun = end + 1;
        line.strip_suffix(b"\r").unwrap_or(line)
    });
    let (target, version) = parse_request_line(lines.next().unwrap_or_default())?;
    let mut framing = RequestFraming::default();
    for (index, line) in lines.take_while(|line| !line.is_empty()).enumerate() {
        if index == most_headers {
            return Err(HeadError::TooLarge);
        }
        framing.add_line(line)?;
    }
    if framing.is_chunked && (framing.length.is_some() || version == b"HTTP/1.0") {
        return Err(HeadError::Malformed);
    }
    // Who speaks HTTP/1.0 knows no interim answer (RFC 9110, 10.1.1 and 15.2).
    framing.expects_continue &= version == b"HTTP/1.1";
    // A request may name its host twice, if it names the same one.
    match authority(target) {
        Some(authority) if framing.host.is_some_and(|host| host != authority) => Err(HeadError::Malformed),
        _ => Ok(framing),
    }
}

/// Validates the head of an HTTP/2 request, of which the frames' own rules are kept already: no control bytes, no hop-by-hop
/// headers, one authority, a length that is the body's (RFC 9113, 8.1 to 8.3).
pub(super) fn validate_http2(request: &RequestHeader, limits: &ConnectionLimits) -> Result<(), HeadError> {
    if request.method == Method::CONNECT {
        return Err(HeadError::ConnectMethod);
    }
    let target = request.raw_path();
    require((target.starts_with(b"/") || target == b"*") && has_only_target_bytes(target))?;
    let mut framing = RequestFraming::default();
    // As long as the same head of HTTP/1.1 would be, in which all cookies are one line.
    let (mut lines, mut cookies) = (0, 0);
    let mut bytes = request.method.as_str().len() + target.len() + "  HTTP/1.1\r\n\r\n".len();
    for (name, value) in &request.headers {
        bytes += value.len();
        if name == header::COOKIE {
            cookies += 1;
            bytes += "; ".len();
        } else {
            lines += 1;
            bytes += name.as_str().len() + ": \r\n".len();
        }
        framing.add_header(name.as_str().as_bytes(), value.as_bytes())?;
    }
    lines += usize::from(cookies > 0);
    bytes += if cookies > 0 { "cookie: ".len() } else { 0 };
    if lines > limits.headers || bytes > limits.head_bytes {
        Err(HeadError::TooLarge)
    } else {
        require(!framing.is_chunked)
    }
}

fn parse_request_line(line: &[u8]) -> Result<(&[u8], &[u8]), HeadError> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(HeadError::Malformed);
    };
    if method == b"CONNECT" {
        return Err(HeadError::ConnectMethod);
    }
    let well_formed = is_token(method)
        && matches!(version, b"HTTP/1.1" | b"HTTP/1.0")
        && has_target_form(target)
        && has_only_target_bytes(target);
    if well_formed { Ok((target, version)) } else { Err(HeadError::Malformed) }
}

impl<'a> RequestFraming<'a> {
    /// Adds a header line. One that begins with a blank continues the line before it, for some: it has no name, and so is refused.
    fn add_line(&mut self, line: &'a [u8]) -> Result<(), HeadError> {
        let colon = line.iter().position(|byte| !IS_TOKEN_BYTE[usize::from(*byte)]).ok_or(HeadError::Malformed)?;
        let name = &line[..colon];
        require(!name.is_empty() && line[colon] == b':')?;
        self.add_header(name, &line[colon + 1..])
    }

    fn add_header(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), HeadError> {
        let value = || value.trim_ascii();
        // One length, one coding, one host: a second one is an invitation to read the request in two ways, and so is
        // a name that an app would take for one of them.
        if is_alias(name, b"host") {
            let value = value();
            let first = self.host.replace(value).is_none();
            require(first && name.eq_ignore_ascii_case(b"host") && !value.contains(&b'@'))
        } else if is_alias(name, b"content_length") {
            let value = value();
            let first = self.length.replace(value).is_none();
            // A zero in front makes an octal number of it, for some.
            let digits = (1..19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
            let digits = digits && (value[0] != b'0' || value.len() == 1);
            require(first && digits && name.eq_ignore_ascii_case(b"content-length"))
        } else if is_alias(name, b"transfer_encoding") {
            let first = !std::mem::replace(&mut self.is_chunked, true);
            let chunked = value().eq_ignore_ascii_case(b"chunked");
            require(first && chunked && name.eq_ignore_ascii_case(b"transfer-encoding"))
        } else {
            // No other expectation is known (RFC 9110, 10.1.1).
            self.expects_continue |=
                name.eq_ignore_ascii_case(b"expect") && value().eq_ignore_ascii_case(b"100-continue");
            self.wants_websocket |= name.eq_ignore_ascii_case(b"upgrade") && value().eq_ignore_ascii_case(b"websocket");
            Ok(())
        }
    }
}

const fn require(is_plain: bool) -> Result<(), HeadError> {
    if is_plain { Ok(()) } else { Err(HeadError::Malformed) }
}

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| IS_TOKEN_BYTE[usize::from(*byte)])
}

/// Bytes of a token (RFC 9110, 5.6.2): of a method, and of the name of a header.
pub(in crate::proxy) const IS_TOKEN_BYTE: [bool; 256] = {
    let (mut table, others) = ([false; 256], b"!#$%&'*+-.^_`|~");
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
};

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn look(head: &str) -> Result<Option<()>, HeadError> {
        match find_head_end(head.as_bytes(), &mut 0)? {
            Some(end) => validate(&head.as_bytes()[..end], 5).map(|_| Some(())),
            None => Ok(None),
        }
    }

    #[test]
    fn a_plain_head_passes() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest\0",
            "GET /a?b=\u{e9} HTTP/1.0\r\n\r\n",
            "GET /\"<>`|^{}?\"<>`|^{} HTTP/1.1\r\n\r\n",
            "POST /a HTTP/1.1\r\nhost:a\r\nContent-Length: 5\r\nX:\t\r\nY: \u{e9}\r\n\r\n",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
            "GET http://a:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(look(head), Ok(Some(())), "{head:?}");
        }
        for head in ["", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"] {
            assert_eq!(look(head), Ok(None), "{head:?}");
        }
    }

    #[tokio::test]
    async fn a_head_is_whole_wherever_it_is_cut() {
        let (head, body) = ("\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n");
        for cut in 0..head.len() {
            let (mut client, server) = tokio::io::duplex(1024);
            let (mut stream, mut read) = (server, BytesMut::new());
            let limits = ConnectionLimits::default();
            let mut reading = Box::pin(read_head(&mut stream, &mut read, &limits));
            client.write_all(&head.as_bytes()[..cut]).await.unwrap();
            assert!(futures_util::poll!(&mut reading).is_pending(), "cut at {cut}");
            client.write_all(&head.as_bytes()[cut..]).await.unwrap();
            client.write_all(body.as_bytes()).await.unwrap();
            let whole = reading.await.unwrap();
            assert!(whole.is_chunked && read[whole.end..] == *body.as_bytes(), "cut at {cut}");
        }
    }

    #[test]
    fn what_two_programs_could_read_in_two_ways_is_refused() {
        for lines in [
            "A: b\0",
            "A: b\rc",
            "A: b\nC: d",
            "A: b\r\n folded",
            "A : b",
            ": b",
            "no colon",
            "A\u{e9}: b",
            "Host: b",
            "Host: a\r\nHost: a",
            "H: 1\r\nContent-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5, 5",
            "Content-Length: +5",
            "Content-Length: 010",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Content_Length: 5",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: identity",
            "Transfer_Encoding: chunked",
        ] {
            assert_eq!(
                look(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")),
                Err(HeadError::Malformed),
                "{lines:?}"
            );
        }
        for line in [
            "GET /  HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET / HTTP/2.0",
            "GET / http/1.1",
            "GET /",
            "G\u{e9}T / HTTP/1.1",
            "GET a HTTP/1.1",
            "GET /#a HTTP/1.1",
            "GET http://b/ HTTP/1.1",
            "GET http://u@a/ HTTP/1.1",
            "GET http:///x HTTP/1.1",
            "GET http://a\\b/ HTTP/1.1",
            "GET ftp://a/ HTTP/1.1",
            "GET /a?b#c HTTP/1.1",
        ] {
            assert_eq!(look(&format!("{line}\r\nHost: a\r\n\r\n")), Err(HeadError::Malformed), "{line:?}");
        }
        assert_eq!(look("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(HeadError::Malformed));
        assert_eq!(look("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), Err(HeadError::ConnectMethod));
        assert_eq!(look(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(6))), Err(HeadError::TooLarge));
    }
}
