//! One canonical path: what the rules read is what the app receives.
//!
//! What may stand in a path as it is (letters, digits, ``-._~!$&'()*+,=:@``) is decoded, everything else is encoded in one
//! way, so that encoding a byte changes nothing; dot segments are resolved and slashes merged. What two servers could read
//! in two ways (`character`) stays as it came: which rule it falls under is a question of all its readings (`readings`).
//! Never taken are `%00`, backslashes and control characters as they are, a broken `%`, a `..` above the root, and
//! what only some servers read as `..`. No rule looks at the query.

use std::borrow::Cow;

use super::{
    BadPath, readings, slashes,
    spelling::{one_query, one_spelling},
};

/// Longest path and query in their one spelling, in bytes: as long as a whole head may be. Encoding makes them up to three
/// times as long as what came, and what is longer than 64 KiB can not be sent on.
const LONGEST: usize = 32 * 1024;

/// A path in its one spelling, with the query it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath {
    /// Canonical, `;parameters` included.
    path: String,
    /// In its one spelling, without its `?`.
    query: Option<String>,
    /// Path and query as they came, where they are sent on so.
    as_it_came: Option<Box<[u8]>>,
}

/// What becomes of characters that not every server reads in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    /// `%2f` stays as it came; else it is refused.
    pub(super) encoded: bool,
    /// `//` stays as it came, but at the beginning, where it would name a host; else it is one slash.
    pub(super) double: bool,
    /// `%3b`, `%5c` and control characters stay encoded; else they are refused.
    pub(super) letters: bool,
}

impl CanonicalPath {
    /// Reads path and query as sent, of which every server makes one path, but for `;parameters`.
    ///
    /// # Errors
    /// When the path could be read in two ways, or is too long; see [`BadPath`].
    pub fn parse(target: &[u8]) -> Result<Self, BadPath> {
        Self::keeping(target, Keep { encoded: false, double: false, letters: false })
    }

    /// Reads path and query as they came. What comes of it could be read in two ways: it is a place to come back to, and no
    /// rule is read on it.
    ///
    /// # Errors
    /// When the path holds what no rule permits, or is too long.
    pub fn parse_as_it_came(target: &[u8]) -> Result<Self, BadPath> {
        let path = Self::keeping(target, Keep { encoded: true, double: true, letters: true })?;
        let came = slashes::path_of(target);
        let is_url = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`');
        let may_stay = !came.starts_with(b"//") && !readings::has_dot_segment(came) && target.iter().all(is_url);
        Ok(if may_stay { path.sent_as(target) } else { path })
    }

    pub(super) fn keeping(target: &[u8], keep: Keep) -> Result<Self, BadPath> {
        let (path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(at) => (&target[..at], Some(one_query(&target[at + 1..])?)),
            None => (target, None),
        };
        let rest = path.strip_prefix(b"/").ok_or(BadPath::NotAPath)?;
        let mut segments: Vec<String> = Vec::new();
        let mut ends_in_slash = true;
        let mut raws = rest.split(|byte| *byte == b'/').peekable();
        while let Some(raw) = raws.next() {
            let segment = one_spelling(raw, keep)?;
            ends_in_slash = false;
            match segment.as_str() {
                "" if keep.double && !segments.is_empty() && raws.peek().is_some() => segments.push(segment),
                "" | "." => ends_in_slash = true,
                ".." => {
                    let left = segments.pop().ok_or(BadPath::AboveRoot)?;
                    // Two segments for some, of which dots leave one.
                    if ["%2F", "%2f", "%5C"].iter().any(|code| left.contains(code)) {
                        return Err(BadPath::DotSegment);
                    }
                    ends_in_slash = true;
                }
                // Not every server resolves dots after it has decoded them, or cut what stands behind them.
                odd if readings::has_dot_segment(odd.as_bytes()) => return Err(BadPath::DotSegment),
                odd if segments.is_empty() => {
                    slashes::refuse_host(odd)?;
                    segments.push(segment);
                }
                _ => segments.push(segment),
            }
        }
        let path = joined(&segments, ends_in_slash);
        if path.len() + query.as_ref().map_or(0, |query| query.len() + 1) > LONGEST {
            return Err(BadPath::TooLong);
        }
        Ok(Self { path, query, as_it_came: None })
    }

    /// The same, sent on as it came.
    pub(super) fn sent_as(self, target: &[u8]) -> Self {
        let as_it_came = (self.with_query().as_bytes() != target).then(|| target.into());
        Self { as_it_came, ..self }
    }

    /// The path that rules read. It is forwarded, but where a rule has it forwarded as it came.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path with its `;parameters` cut, to be shown.
    #[must_use]
    pub fn without_parameters(&self) -> Cow<'_, str> {
        if !self.path.contains(';') {
            return Cow::Borrowed(&self.path);
        }
        let segments = self.path.split('/').map(before_parameters);
        let kept: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
        Cow::Owned(joined(&kept, self.path.ends_with('/')))
    }

    /// The query, in its one spelling.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Path and query, as forwarded.
    #[must_use]
    pub fn forwarded(&self) -> Cow<'_, [u8]> {
        self.as_it_came.as_deref().map_or_else(|| Cow::Owned(self.spelled().into_bytes()), Cow::Borrowed)
    }

    /// Path and query, as forwarded, as far as that is ASCII.
    #[must_use]
    pub fn with_query(&self) -> String {
        let came = self.as_it_came.as_deref().filter(|came| came.is_ascii());
        came.map_or_else(|| self.spelled(), |came| String::from_utf8_lossy(came).into_owned())
    }

    fn spelled(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

fn joined<S: AsRef<str>>(segments: &[S], ends_in_slash: bool) -> String {
    let mut path = String::with_capacity(64);
    for segment in segments {
        path.push('/');
        path.push_str(segment.as_ref());
    }
    if ends_in_slash || path.is_empty() {
        path.push('/');
    }
    path
}

fn before_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::Character;

    fn canonical(target: &str) -> Result<(String, String), BadPath> {
        let path = CanonicalPath::parse(target.as_bytes())?;
        Ok((path.with_query(), path.without_parameters().into_owned()))
    }

    #[test]
    fn one_path_has_one_spelling() {
        for (sent, forwarded, shown) in [
            ("/", "/", "/"),
            ("/a/b", "/a/b", "/a/b"),
            ("/public/../admin/x", "/admin/x", "/admin/x"),
            ("/./admin/x", "/admin/x", "/admin/x"),
            ("//admin//x/", "/admin/x/", "/admin/x/"),
            ("/%61dmin/x", "/admin/x", "/admin/x"),
            ("/%2e%2E/a", "", ""),
            ("/a/%2e%2e/b", "/b", "/b"),
            ("/a/..", "/", "/"),
            ("/a/b/.", "/a/b/", "/a/b/"),
            ("/a;v=1/b;w", "/a;v=1/b;w", "/a/b"),
            ("/;x/admin", "/;x/admin", "/admin"),
            ("/a?x=/public/&y=%2f", "/a?x=/public/&y=%2f", "/a"),
            ("/caf%c3%a9", "/caf%C3%A9", "/caf%C3%A9"),
            ("/caf\u{e9}", "/caf%C3%A9", "/caf%C3%A9"),
            ("/a%20b%253b", "/a%20b%253b", "/a%20b%253b"),
            ("/%40a%3Ab%2b?q=%40", "/@a:b+?q=%40", "/@a:b+"),
            ("/%21%24%26%27%28%29%2A%2C%3D;v=%3A", "/!$&'()*,=;v=:", "/!$&'()*,="),
            ("/%23%3f%22%3c", "/%23%3F%22%3C", "/%23%3F%22%3C"),
            ("/\"<>`|^{}[]", "/%22%3C%3E%60%7C%5E%7B%7D%5B%5D", "/%22%3C%3E%60%7C%5E%7B%7D%5B%5D"),
            ("/?\"<>`|^{}[]\\\u{e9}'%7b", "/?%22%3C%3E%60%7C%5E%7B%7D[]%5C%C3%A9'%7b", "/"),
        ] {
            let expected =
                if forwarded.is_empty() { Err(BadPath::AboveRoot) } else { Ok((forwarded.into(), shown.into())) };
            assert_eq!(canonical(sent), expected, "{sent}");
        }
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_refused() {
        use Character::{
            Backslash, Control, DoubleSlash, EncodedBackslash, EncodedControl, EncodedSemicolon, EncodedSlash, Hash,
            Null,
        };
        let refused = BadPath::Refused;
        for (sent, why) in [
            ("", BadPath::NotAPath),
            ("*", BadPath::NotAPath),
            ("admin", BadPath::NotAPath),
            ("/admin%2fx", refused(EncodedSlash)),
            ("/admin%5Cx", refused(EncodedBackslash)),
            ("/admin%3bx", refused(EncodedSemicolon)),
            ("/public/..%3B/admin", refused(EncodedSemicolon)),
            ("/admin\\x", refused(Backslash)),
            ("/a%00", refused(Null)),
            ("/a%09", refused(EncodedControl(9))),
            ("/a\u{7}", refused(Control)),
            ("/a#b", refused(Hash)),
            ("/a?b\u{1}", refused(Control)),
            ("/a?#", refused(Hash)),
            ("/a%", BadPath::BrokenEncoding),
            ("/a%2", BadPath::BrokenEncoding),
            ("/a%zz", BadPath::BrokenEncoding),
            ("/..", BadPath::AboveRoot),
            ("/a/../../b", BadPath::AboveRoot),
            ("/public/..;/admin", BadPath::DotSegment),
            ("/public/%2e%2e;x/admin", BadPath::DotSegment),
            ("/public/..%20/admin", BadPath::DotSegment),
            ("/public/%20.%2e/admin", BadPath::DotSegment),
        ] {
            assert_eq!(canonical(sent), Err(why), "{sent:?}");
        }
        for (sent, why) in [
            ("/public/..%3B/admin", BadPath::DotSegment),
            ("/public/x%5c..%5Cadmin", BadPath::DotSegment),
            ("/public/.%09./admin", BadPath::DotSegment),
            ("/public/..%0ax/admin", BadPath::DotSegment),
            ("/public/..%2fadmin", BadPath::DotSegment),
            ("/public/x%2fy/../admin", BadPath::DotSegment),
            ("/public/x%5cy/../admin", BadPath::DotSegment),
            ("/%2fevil.test", refused(DoubleSlash)),
            ("/%5cevil.test", refused(EncodedBackslash)),
            ("/%09%2fevil.test", refused(DoubleSlash)),
            ("/%09/evil.test", refused(EncodedControl(9))),
            ("/admin\\x", refused(Backslash)),
            ("/a%00", refused(Null)),
        ] {
            let path = CanonicalPath::parse_as_it_came(sent.as_bytes());
            assert_eq!(path, Err(why), "{sent:?}");
        }
    }

    #[test]
    fn the_one_spelling_is_bounded() {
        let longest = format!("/{}", "a".repeat(LONGEST - 1));
        assert!(canonical(&longest).is_ok());
        for target in [format!("{longest}a"), format!("{longest}?"), format!("/{}", "\u{e9}".repeat(15_000))] {
            assert_eq!(canonical(&target), Err(BadPath::TooLong));
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec!["/", "..", ".", "%2e", "%2f", "%5c", ";", "%3b", "%09", "?", "#", "a", "%", "%4", "//"])
                .prop_map(|piece| piece.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        (prop::sample::select(vec!["/", "/", "/", ""]), prop::collection::vec(piece, 0..8))
            .prop_map(|(beginning, pieces)| [beginning.as_bytes(), &pieces.concat()].concat())
    }

    proptest! {
        #[test]
        fn any_bytes_have_one_spelling_or_none(target in bytes(), encoded: bool, double: bool, letters: bool) {
            let keep = Keep { encoded, double, letters };
            let Ok(path) = CanonicalPath::keeping(&target, keep) else { return Ok(()) };
            let text = path.with_query();
            prop_assert!(text.starts_with('/') && !text.starts_with("//") && text.len() <= LONGEST);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{}", text);
            prop_assert!(path.path().split('/').all(|segment| segment != ".." && segment != "."));
            prop_assert!(double || !path.path().contains("//"));
            prop_assert!(encoded || !path.path().to_ascii_lowercase().contains("%2f"));
            prop_assert!(letters || !["%3B", "%5C", "%09"].iter().any(|code| path.path().contains(code)));
            prop_assert!(!path.without_parameters().contains(';'));
            let again = CanonicalPath::keeping(text.as_bytes(), keep);
            prop_assert_eq!(again.as_ref(), Ok(&path));
        }

        #[test]
        fn canonical_is_a_fixed_point(target in "/[ -~]{0,40}") {
            if let Ok(path) = CanonicalPath::parse(target.as_bytes()) {
                let again = CanonicalPath::parse(path.with_query().as_bytes());
                prop_assert_eq!(again.as_ref(), Ok(&path));
                prop_assert!(path.path().starts_with('/') && !path.path().contains("//"));
                prop_assert!(path.path().split('/').all(|segment| segment != ".." && segment != "."));
            }
        }
    }
}
