//! `rd`: the way back after signing in. One parsed path of this origin and nothing else: a link that
//! somebody else made must not lead from our sign-in page to theirs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::gate::CanonicalPath;

/// What is encoded in the value of `rd`: all that ends it, or is read as something else there, and what is no part of a query.
const QUERY_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'=')
    .remove(b',')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');

/// The same for a cookie's value.
const COOKIE_ESCAPES: &AsciiSet = &QUERY_ESCAPES.add(b',').add(b'!');

/// A path of this origin, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Longest way back that is carried, in bytes as `rd` of a query.
    const MAX_LEN: usize = 2_048;

    /// Reads what came as `rd`. One that is too long with its query is the path alone. None: it could lead anywhere else, is not one
    /// path, or is too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("//") || text.contains('\\') {
            return None;
        }
        let path = CanonicalPath::parse_verbatim(text.as_bytes()).ok()?;
        let way = Self(path.with_query());
        if way.fits_limit() { Some(way) } else { way.without_query().filter(Self::fits_limit) }
    }

    /// The path alone; none where there is no query.
    #[must_use]
    pub fn without_query(&self) -> Option<Self> {
        self.0.split_once('?').map(|(path, _)| Self(path.to_owned()))
    }

    /// The path of a page of ours that is told the way by its query.
    #[must_use]
    pub fn append_to(&self, page: &str) -> String {
        format!("{page}?rd={}", utf8_percent_encode(&self.0, QUERY_ESCAPES))
    }

    /// As it waits in a cookie.
    #[must_use]
    pub fn to_cookie_value(&self) -> String {
        utf8_percent_encode(&self.0, COOKIE_ESCAPES).to_string()
    }

    /// Parses what [`ReturnTo::to_cookie_value`] made; whoever could write the cookie leads nowhere else either.
    #[must_use]
    pub fn from_cookie_value(text: &str) -> Option<Self> {
        Self::parse(&percent_decode_str(text).decode_utf8().ok()?)
    }

    fn fits_limit(&self) -> bool {
        utf8_percent_encode(&self.0, QUERY_ESCAPES).map(str::len).sum::<usize>() <= Self::MAX_LEN
    }

    /// The path, for a `Location`.
    #[must_use]
    pub fn into_path(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_path_of_this_origin_is_a_way_back() {
        for (rd, path) in [
            ("/", Some("/")),
            ("/a/b?c=d&e=//evil.test", Some("/a/b?c=d&e=//evil.test")),
            ("/a b", Some("/a%20b")),
            ("https://evil.test", None),
            ("//evil.test", None),
            ("/\\evil.test", None),
            ("\\\\evil.test", None),
            ("/\t/evil.test", None),
            ("/a\r\nSet-Cookie: x", None),
            ("javascript:alert(1)", None),
            ("", None),
            ("/./%2e/..//evil.test", None),
            ("/.//evil.test", Some("/evil.test")),
            ("/a/..//evil.test", Some("/evil.test")),
            ("/a//../..//evil.test", Some("/evil.test")),
            ("/%2fevil.test", None),
            ("/a/../%2Fevil.test", None),
            ("/%5cevil.test", None),
            ("/files//a%2fb", Some("/files//a%2fb")),
            ("/%7euser/a%3bb%09c%5cd;e?f=%7e", Some("/%7euser/a%3bb%09c%5cd;e?f=%7e")),
            ("/x/../%7euser", Some("/~user")),
            ("/a|?{c}", Some("/a|?{c}")),
            ("/a\"<b>|?{c}", Some("/a%22%3Cb%3E%7C?%7Bc%7D")),
            ("/%09/evil.test", None),
            ("/%09%5cevil.test", None),
            ("/a/..%3b/b", None),
            ("/a%00", None),
        ] {
            assert_eq!(ReturnTo::parse(rd).map(ReturnTo::into_path).as_deref(), path, "{rd:?}");
        }
    }

    #[test]
    fn a_way_back_is_encoded_no_more_than_a_query_needs() {
        let way = ReturnTo::parse("/a/b:c@d?x=1,2&y=%2F+z;*(!)'[]").unwrap();
        assert_eq!(way.append_to("/in"), "/in?rd=/a/b:c@d?x=1,2%26y=%252F%2Bz%3B*(!)%27%5B%5D");
        let query = way.append_to("/in");
        let (_, rd) = form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).next().unwrap();
        assert_eq!(ReturnTo::parse(&rd), Some(way));
    }

    #[test]
    fn a_way_back_that_is_too_long_is_its_path_alone() {
        let path = |text: &str| ReturnTo::parse(text).map(ReturnTo::into_path);
        let long = format!("/{}", "a".repeat(2_047));
        assert_eq!(path(&long), Some(long.clone()));
        assert_eq!(path(&format!("{long}?")), Some(long.clone()));
        assert_eq!(path(&format!("{long}a")), None);
        assert_eq!(path(&format!("/b?{}", "c=d&".repeat(400))).as_deref(), Some("/b"), "2,403 bytes in a query");
        assert_eq!(path(&format!("{long}a?b")), None);
    }

    fn hostile() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "/",
            "//",
            "\\",
            "%2f",
            "%5c",
            "..",
            "%2e%2e",
            ".",
            ";",
            "?",
            "#",
            "@",
            ":",
            "evil.test",
            "https:",
            "javascript:",
            "\t",
            "\n",
            "\r",
            " ",
            "%0d%0a",
            "%09",
            "%00",
            "\u{2215}",
            "\u{ff0f}",
            "\u{3002}",
            "a",
            "&",
            "\0",
        ]);
        let piece = prop_oneof![6 => word.prop_map(str::to_owned), 1 => "(?s).{0,2}"];
        (prop::sample::select(vec!["/", "/", "/", ""]), prop::collection::vec(piece, 0..10))
            .prop_map(|(beginning, pieces)| format!("{beginning}{}", pieces.concat()))
    }

    proptest! {
        #[test]
        fn a_browser_stays_at_home(text in hostile()) {
            let Some(way_back) = ReturnTo::parse(&text) else { return Ok(()) };
            let path = way_back.clone().into_path();
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?} goes into a header");
            let query = way_back.append_to("/in");
            prop_assert!(query.len() <= ReturnTo::MAX_LEN + 7 && !query.contains(['&', '#', '+', ' ']), "{query}");
            let (_, rd) = form_urlencoded::parse(&query.as_bytes()[4..]).next().unwrap();
            prop_assert_eq!(rd.as_ref(), path.as_str());
            prop_assert_eq!(ReturnTo::parse(&path), Some(way_back));
            let home = reqwest::Url::parse("https://app.example.com/security/sign-in").unwrap();
            let there = home.join(&path).unwrap();
            prop_assert_eq!(there.origin(), home.origin(), "{}", path);
        }
    }
}
