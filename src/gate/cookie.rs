//! Our cookies, found in bytes.
//!
//! The cookie header is split on `;`, blanks are trimmed, names are compared exactly: no decoding, no Unicode white space.
//! Who reads a cookie more generously than others finds one where they find none, and a session that they do not see.
//! Two cookies of one of our names are none. Other cookies may hold any byte and are never read as text.

use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;

/// The names of our cookies under one `public_url`.
#[derive(Clone, Debug)]
pub struct CookieNames {
    /// The session.
    pub session: String,
    /// The known device.
    pub device: String,
    /// A result in words, shown once.
    pub flash: String,
    /// Between two steps of a sign-in.
    pub pending: String,
    /// Only sent over TLS.
    pub secure: bool,
}

impl CookieNames {
    /// `__Host-portcullis…` over https, `portcullis…` over http on loopback.
    #[must_use]
    pub fn new(https: bool) -> Self {
        let base = if https { "__Host-portcullis" } else { "portcullis" };
        Self {
            session: base.to_owned(),
            device: format!("{base}-device"),
            flash: format!("{base}-flash"),
            pending: format!("{base}-pending"),
            secure: https,
        }
    }

    /// Whether a cookie of this name is ours, under either scheme: such a cookie never travels to or from an app.
    #[must_use]
    pub fn is_ours(name: &[u8]) -> bool {
        let name = name.strip_prefix(b"__Host-").or_else(|| name.strip_prefix(b"__Secure-")).unwrap_or(name);
        matches!(name, b"portcullis" | b"portcullis-device" | b"portcullis-flash" | b"portcullis-pending")
    }
}

/// What a request shows under one of our names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// No such cookie.
    Nothing,
    /// This value.
    One(&'a [u8]),
    /// More than one: we cannot know which is ours, so none is.
    Several,
}

/// Finds the cookie `name`.
#[must_use]
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Shown<'a> {
    let mut shown = Shown::Nothing;
    for line in headers.get_all(header::COOKIE) {
        for pair in pairs(line.as_bytes()) {
            let (key, value) = parts(pair);
            if key == name.as_bytes() {
                shown = match (shown, value) {
                    (Shown::Nothing, Some(value)) => Shown::One(value),
                    _ => Shown::Several,
                };
            }
        }
    }
    shown
}

/// A cookie header without our cookies: `None` when nothing is left, the very same bytes when none was ours.
#[must_use]
pub fn without_ours(line: &HeaderValue) -> Option<HeaderValue> {
    let bytes = line.as_bytes();
    let ours = |pair: &&[u8]| CookieNames::is_ours(parts(pair).0);
    if !pairs(bytes).any(|pair| ours(&pair)) {
        return Some(line.clone());
    }
    let kept: Vec<&[u8]> = pairs(bytes).filter(|pair| !ours(pair)).collect();
    let joined = kept.join(&b';');
    let joined = trim(&joined);
    if joined.is_empty() { None } else { HeaderValue::from_bytes(joined).ok() }
}

/// Whether a `Set-Cookie` of an app has one of our names.
#[must_use]
pub fn sets_ours(line: &HeaderValue) -> bool {
    let pair = pairs(line.as_bytes()).next().unwrap_or_default();
    match parts(pair) {
        // Browsers send a cookie without a name back as its value alone: `=portcullis=x` returns as `portcullis=x`.
        (b"", Some(value)) => CookieNames::is_ours(parts(value).0),
        (name, _) => CookieNames::is_ours(name),
    }
}

/// What stands between the semicolons of a line, which may be long: each request's is split three times.
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = memchr(b';', line);
        rest = end.map(|end| &line[end + 1..]);
        Some(&line[..end.unwrap_or(line.len())])
    })
}

fn parts(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'=', pair) {
        Some(at) => (trim(&pair[..at]), Some(trim(&pair[at + 1..]))),
        None => (trim(pair), None),
    }
}

/// Without blanks and tabs at its ends; no other white space counts.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        for line in [&b"__Host-portcullis=v"[..], b"a=1; __Host-portcullis=v; b=\xff", b"a;\t__Host-portcullis =\tv ;"]
        {
            assert_eq!(find(&headers(&[line]), "__Host-portcullis"), Shown::One(b"v"), "{line:?}");
        }
    }

    #[test]
    fn a_decorated_name_is_not_ours() {
        for line in [
            &b"__Host-portcullisx=v"[..],
            b"__host-portcullis=v",
            b"%5F%5FHost-portcullis=v",
            b"\xc2\xa0__Host-portcullis=v",
            b"portcullis=v",
            b"\"__Host-portcullis\"=v",
        ] {
            assert_eq!(find(&headers(&[line]), "__Host-portcullis"), Shown::Nothing, "{line:?}");
        }
    }

    #[test]
    fn two_are_none_in_one_line_or_two() {
        assert_eq!(find(&headers(&[b"p=1; p=2"]), "p"), Shown::Several);
        assert_eq!(find(&headers(&[b"p=1", b"p=1"]), "p"), Shown::Several);
        assert_eq!(find(&headers(&[b"p=1; p"]), "p"), Shown::Several);
    }

    #[test]
    fn the_apps_cookies_arrive_byte_for_byte() {
        for (sent, arrives) in [
            (&b"a=1;  b=\xff\x80;c"[..], Some(&b"a=1;  b=\xff\x80;c"[..])),
            (b"a=1; __Host-portcullis=v; b=2", Some(b"a=1; b=2")),
            (b"portcullis-flash=v;b=\xfe", Some(b"b=\xfe")),
            (b"__Host-portcullis=v; portcullis-device=x", None),
        ] {
            let line = HeaderValue::from_bytes(sent).unwrap();
            assert_eq!(without_ours(&line).as_ref().map(HeaderValue::as_bytes), arrives, "{sent:?}");
        }
    }

    #[test]
    fn an_app_cannot_set_ours() {
        for (line, ours) in [
            ("__Host-portcullis=x; Path=/", true),
            (" portcullis = x", true),
            ("portcullis-device=x", true),
            ("=portcullis=x", true),
            ("=x", false),
            ("sessionid=portcullis", false),
            ("portcullis2=x", false),
        ] {
            assert_eq!(sets_ours(&HeaderValue::from_static(line)), ours, "{line}");
        }
    }
}
