//! Parser for our cookies, on bytes.
//!
//! The cookie header is split on `;`, blanks are trimmed, names are compared exactly: no decoding, no Unicode white space.
//! A more lenient parser would find a cookie, and so a session, where other parsers find none.
//! Duplicates of one of our names count as none. Other cookies may hold any byte and are never read as text.

mod app_cookie;
mod app_cookie_records;
mod names;

pub use app_cookie::{AppCookie, CookieLifetime, ForgetOn, SetCookieContext};
pub use app_cookie_records::{AppCookieRecorder, ClearedCookies, RecordedCookies};
pub use names::{CookieNames, DEFAULT_NAME};

use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;

/// Result of looking one of our cookies up in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieLookup<'a> {
    /// No such cookie.
    Missing,
    /// This value.
    Found(&'a [u8]),
    /// More than one cookie of the name: ours cannot be told apart, so none is used.
    Duplicate,
}

/// Finds the cookie `name`.
#[must_use]
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> CookieLookup<'a> {
    let mut presented = CookieLookup::Missing;
    for line in headers.get_all(header::COOKIE) {
        for pair in split_pairs(line.as_bytes()) {
            let (key, value) = split_name_value(pair);
            if key == name.as_bytes() {
                presented = match (presented, value) {
                    (CookieLookup::Missing, Some(value)) => CookieLookup::Found(value),
                    _ => CookieLookup::Duplicate,
                };
            }
        }
    }
    presented
}

/// Each cookie of a request: its name, and its value where it has one.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    headers.get_all(header::COOKIE).iter().flat_map(|line| split_pairs(line.as_bytes())).map(split_name_value)
}

/// `Cookie` header without our cookies: `None` when nothing is left, identical bytes when none was ours.
#[must_use]
pub fn strip_own(names: &CookieNames, line: &HeaderValue) -> Option<HeaderValue> {
    let bytes = line.as_bytes();
    let ours = |pair: &&[u8]| names.is_own(split_name_value(pair).0);
    if !split_pairs(bytes).any(|pair| ours(&pair)) {
        return Some(line.clone());
    }
    let kept: Vec<&[u8]> = split_pairs(bytes).filter(|pair| !ours(pair)).collect();
    let joined = kept.join(&b';');
    let joined = trim(&joined);
    if joined.is_empty() { None } else { HeaderValue::from_bytes(joined).ok() }
}

/// Whether a `Set-Cookie` of an app has one of our names. After each comma, too: some clients take several cookies from one
/// line, as an older standard has it.
#[must_use]
pub fn sets_own(names: &CookieNames, line: &HeaderValue) -> bool {
    line.as_bytes().split(|byte| *byte == b',').any(|cookie| names_own_cookie(names, cookie))
}

fn names_own_cookie(names: &CookieNames, cookie: &[u8]) -> bool {
    let pair = split_pairs(cookie).next().unwrap_or_default();
    match split_name_value(pair) {
        // Browsers send a cookie without a name back as its value alone: `=portcullis=x` returns as `portcullis=x`.
        (b"", Some(value)) => names.is_own(split_name_value(value).0),
        (name, _) => names.is_own(name),
    }
}

/// Pairs of a header value, split at semicolons. Fast for long values: each request's is split three times.
fn split_pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = memchr(b';', line);
        rest = end.map(|end| &line[end + 1..]);
        Some(&line[..end.unwrap_or(line.len())])
    })
}

fn split_name_value(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'=', pair) {
        Some(at) => (trim(&pair[..at]), Some(trim(&pair[at + 1..]))),
        None => (trim(pair), None),
    }
}

/// Trims blanks and tabs at both ends; no other white space counts.
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
    use proptest::prelude::*;

    use super::*;

    fn names() -> CookieNames {
        CookieNames::new(true, DEFAULT_NAME)
    }

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
            assert_eq!(find(&headers(&[line]), "__Host-portcullis"), CookieLookup::Found(b"v"), "{line:?}");
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
            b"\xe2\x80\x83__Host-portcullis=v",
            b"\xe3\x80\x80__Host-portcullis\xe3\x80\x80=v",
            b"\xef\xbb\xbf__Host-portcullis=v",
            b"\x85__Host-portcullis=v",
            b"__Host%2Dportcullis=v",
            b"__Host-portcullis%3Dv",
            b"a=1, __Host-portcullis=v",
            b"a=\"1, __Host-portcullis=v\"",
            b"$__Host-portcullis=v",
            b"=__Host-portcullis=v",
            b"__Host-portcullis\"=v",
        ] {
            assert_eq!(find(&headers(&[line]), "__Host-portcullis"), CookieLookup::Missing, "{line:?}");
        }
    }

    #[test]
    fn two_are_none_in_one_line_or_two() {
        assert_eq!(find(&headers(&[b"p=1; p=2"]), "p"), CookieLookup::Duplicate);
        assert_eq!(find(&headers(&[b"p=1", b"p=1"]), "p"), CookieLookup::Duplicate);
        assert_eq!(find(&headers(&[b"p=1; p"]), "p"), CookieLookup::Duplicate);
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
            assert_eq!(strip_own(&names(), &line).as_ref().map(HeaderValue::as_bytes), arrives, "{sent:?}");
        }
    }

    #[test]
    fn quotes_versions_and_sizes_are_read_byte_by_byte() {
        let long = [b"a=".as_slice(), &b"x".repeat(30_000), b"; p=v"].concat();
        for (line, value) in [
            (&b"$Version=1; p=v; $Path=/"[..], &b"v"[..]),
            (b"a=\"; p=v; b=\"", b"v"),
            (b"p=\"v\"", b"\"v\""),
            (b"p==v", b"=v"),
            (b"p=a=b", b"a=b"),
            (b"p=%76", b"%76"),
            (b"p=v,q=w", b"v,q=w"),
            (b"p=\xc2\xa0v", b"\xc2\xa0v"),
            (b"p=*", b"*"),
            (b"p={}:", b"{}:"),
            (b"p=", b""),
            (&long, b"v"),
        ] {
            assert_eq!(find(&headers(&[line]), "p"), CookieLookup::Found(value), "{line:?}");
        }
    }

    /// Bytes that mean something in a cookie, and any others; what a header may hold.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(vec![
            "portcullis",
            "__Host-portcullis",
            "__Secure-portcullis",
            "portcullis-device",
            "portcullis-flash",
            "=",
            ";",
            "; ",
            " ",
            "\t",
            "\"",
            ",",
            "a",
            "$Version",
            "%3D",
            "\u{a0}",
            "\u{3000}",
            "{}",
            "*",
            ":",
        ]);
        let any = prop::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| {
            bytes.into_iter().filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)).collect::<Vec<_>>()
        });
        let piece = prop_oneof![4 => word.prop_map(|word| word.as_bytes().to_vec()), 1 => any];
        let beginning = prop::sample::select(vec!["", "", " ", "=", "= ", "\t=", "portcullis", "__Host-portcullis="]);
        (beginning, prop::collection::vec(piece, 0..12))
            .prop_map(|(beginning, pieces)| [beginning.as_bytes(), &pieces.concat()].concat())
    }

    /// What a browser keeps of a `Set-Cookie`, as it sends it back (RFC 6265bis, 5.6).
    fn sent_back(line: &[u8]) -> Vec<u8> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let trimmed = |bytes: &[u8]| {
            let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
            let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |end| end + 1);
            bytes[start..end].to_vec()
        };
        let pair = line.split(|byte| *byte == b';').next().unwrap();
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (trimmed(&pair[..at]), trimmed(&pair[at + 1..])),
            None => (Vec::new(), trimmed(pair)),
        };
        if name.is_empty() { value } else { [name, value].join(&b'=') }
    }

    proptest! {
        #[test]
        fn what_is_left_for_the_app_is_its_own_byte_for_byte(lines in prop::collection::vec(line(), 0..4)) {
            for line in &lines {
                let sent = HeaderValue::from_bytes(line).unwrap();
                let left = strip_own(&names(), &sent);
                let left = left.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
                for name in ["portcullis", "__Host-portcullis", "__Host-portcullis-device", "portcullis-flash"] {
                    let presented = headers(&[left]);
                    prop_assert_eq!(find(&presented, name), CookieLookup::Missing, "{:?}", line);
                }
                let theirs = |line: &[u8]| -> Vec<Vec<u8>> {
                    let all = line.split(|byte| *byte == b';').map(|pair| pair.trim_ascii().to_vec());
                    all.filter(|pair| !names().is_own(split_name_value(pair).0) && !pair.is_empty()).collect()
                };
                prop_assert_eq!(theirs(left), theirs(line));
                prop_assert!(split_pairs(line).any(|pair| names().is_own(split_name_value(pair).0)) || left == line.as_slice());
            }
        }

        #[test]
        fn no_cookie_that_an_app_may_set_comes_back_as_ours(line in line()) {
            let set = HeaderValue::from_bytes(&line).unwrap();
            if !sets_own(&names(), &set) {
                for name in ["portcullis", "__Host-portcullis", "__Host-portcullis-device"] {
                    let presented = headers(&[&sent_back(&line)]);
                    prop_assert_eq!(find(&presented, name), CookieLookup::Missing, "{:?}", line);
                }
            }
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
            ("portcullis-8443=x", true),
            ("__Host-portcullis-8443-device=x", true),
            ("portcullis", true),
            ("=portcullis", true),
            ("= \tportcullis =x", true),
            ("\t__Secure-portcullis\t=", true),
            ("a=1; Path=/, portcullis=x; Path=/", true),
            ("a=1,__Host-portcullis-device=x", true),
            ("a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", false),
            ("a=\"portcullis=x\"", false),
            ("a=1; portcullis=x", false),
            ("PORTCULLIS=x", false),
        ] {
            assert_eq!(sets_own(&names(), &HeaderValue::from_static(line)), ours, "{line}");
        }
    }
}
