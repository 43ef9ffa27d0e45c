//! `rd`: the way back after signing in. One parsed path of this origin and nothing else: a link that
//! somebody else made must not lead from our sign-in page to theirs.

use crate::gate::CanonicalPath;

/// A path of this origin, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack(String);

impl WayBack {
    /// Longest way back that is carried, in bytes.
    const LONGEST: usize = 2048;

    /// Reads what came as `rd`. None: it could lead anywhere else, or is not one path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::LONGEST || text.starts_with("//") || text.contains('\\') {
            return None;
        }
        let path = CanonicalPath::parse_as_it_came(text.as_bytes()).ok()?;
        Some(Self(path.with_query()))
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
            assert_eq!(WayBack::parse(rd).map(WayBack::into_path).as_deref(), path, "{rd:?}");
        }
        assert_eq!(WayBack::parse(&format!("/{}", "a".repeat(3000))), None);
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
            let Some(way_back) = WayBack::parse(&text) else { return Ok(()) };
            let path = way_back.clone().into_path();
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?} goes into a header");
            prop_assert_eq!(WayBack::parse(&path), (path.len() <= WayBack::LONGEST).then_some(way_back));
            let home = reqwest::Url::parse("https://app.example.com/security/sign-in").unwrap();
            let there = home.join(&path).unwrap();
            prop_assert_eq!(there.origin(), home.origin(), "{}", path);
        }
    }
}
