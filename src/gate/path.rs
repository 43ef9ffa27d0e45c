//! Canonical path: routes are matched on exactly what the app receives.
//!
//! What may stand in a path as it is (letters, digits, ``-._~!$&'()*+,=:@``) is decoded, everything else is encoded in one
//! way, so that encoding a byte changes nothing; dot segments are resolved and slashes merged. What two servers could read
//! in two ways (`ambiguous_char`) stays as it came: which route it falls under is a question of all its readings (`readings`).
//! Never taken are `%00`, backslashes and control characters as they are, a broken `%`, a `..` above the root, and
//! what only some servers read as `..`. No rule looks at the query.

use std::borrow::Cow;

use super::{
    InvalidPath,
    canonical::{canonical_query, canonical_segment},
    readings, slashes,
};

/// Longest path and query in their one spelling, in bytes: as long as a whole head may be. Encoding makes them up to three
/// times as long as what came, and what is longer than 64 KiB can not be sent on.
const MAX_TARGET_BYTES: usize = 32 * 1024;

/// Canonical path with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath {
    /// Canonical path, `;parameters` included.
    path: String,
    /// Canonical query, without its `?`.
    query: Option<String>,
    /// Raw path and query, where they are forwarded unchanged.
    verbatim: Option<Box<[u8]>>,
}

/// Handling of characters that servers interpret differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PathOptions {
    /// `%2f` stays as it came; else it is refused.
    pub(super) keep_encoded_slash: bool,
    /// `//` stays as it came, but at the beginning, where it would name a host; else it is one slash.
    pub(super) keep_double_slash: bool,
    /// `%3b`, `%5c` and control characters stay encoded; else they are refused.
    pub(super) keep_encoded_chars: bool,
}

impl CanonicalPath {
    /// Reads path and query as sent, of which every server makes one path, but for `;parameters`.
    ///
    /// # Errors
    /// When the path is ambiguous, or too long; see [`InvalidPath`].
    pub fn parse(target: &[u8]) -> Result<Self, InvalidPath> {
        Self::parse_with(
            target,
            PathOptions { keep_encoded_slash: false, keep_double_slash: false, keep_encoded_chars: false },
        )
    }

    /// Reads path and query as they came. What comes of it could be read in two ways: it is a place to come back to, and no
    /// rule is read on it.
    ///
    /// # Errors
    /// When the path holds what no rule permits, or is too long.
    pub fn parse_verbatim(target: &[u8]) -> Result<Self, InvalidPath> {
        let path = Self::parse_with(
            target,
            PathOptions { keep_encoded_slash: true, keep_double_slash: true, keep_encoded_chars: true },
        )?;
        let raw = slashes::target_path(target);
        let is_url = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`');
        let may_stay = !raw.starts_with(b"//") && !readings::has_dot_segment(raw) && target.iter().all(is_url);
        Ok(if may_stay { path.with_verbatim(target) } else { path })
    }

    pub(super) fn parse_with(target: &[u8], options: PathOptions) -> Result<Self, InvalidPath> {
        let (path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(at) => (&target[..at], Some(canonical_query(&target[at + 1..])?)),
            None => (target, None),
        };
        let rest = path.strip_prefix(b"/").ok_or(InvalidPath::NoLeadingSlash)?;
        let mut segments: Vec<String> = Vec::new();
        let mut ends_in_slash = true;
        let mut raw_segments = rest.split(|byte| *byte == b'/').peekable();
        while let Some(raw) = raw_segments.next() {
            let segment = canonical_segment(raw, options)?;
            ends_in_slash = false;
            match segment.as_str() {
                "" if options.keep_double_slash && !segments.is_empty() && raw_segments.peek().is_some() => {
                    segments.push(segment);
                }
                "" | "." => ends_in_slash = true,
                ".." => {
                    let left = segments.pop().ok_or(InvalidPath::AboveRoot)?;
                    // Two segments for some, of which dots leave one.
                    if ["%2F", "%2f", "%5C"].iter().any(|code| left.contains(code)) {
                        return Err(InvalidPath::DotSegment);
                    }
                    ends_in_slash = true;
                }
                // Not every server resolves dots after it has decoded them, or cut what stands behind them.
                odd if readings::has_dot_segment(odd.as_bytes()) => return Err(InvalidPath::DotSegment),
                odd if segments.is_empty() => {
                    slashes::reject_host_prefix(odd)?;
                    segments.push(segment);
                }
                _ => segments.push(segment),
            }
        }
        let path = join_segments(&segments, ends_in_slash);
        if path.len() + query.as_ref().map_or(0, |query| query.len() + 1) > MAX_TARGET_BYTES {
            return Err(InvalidPath::TooLong);
        }
        Ok(Self { path, query, verbatim: None })
    }

    /// Forwards the raw path and query instead.
    pub(super) fn with_verbatim(self, target: &[u8]) -> Self {
        let as_it_came = (self.with_query().as_bytes() != target).then(|| target.into());
        Self { verbatim: as_it_came, ..self }
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
        let segments = self.path.split('/').map(strip_parameters);
        let kept: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
        Cow::Owned(join_segments(&kept, self.path.ends_with('/')))
    }

    /// The query, in its one spelling.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Path and query, as forwarded.
    #[must_use]
    pub fn forwarded(&self) -> Cow<'_, [u8]> {
        self.verbatim.as_deref().map_or_else(|| Cow::Owned(self.canonical_target().into_bytes()), Cow::Borrowed)
    }

    /// Path and query, as forwarded, as far as that is ASCII.
    #[must_use]
    pub fn with_query(&self) -> String {
        let raw = self.verbatim.as_deref().filter(|raw| raw.is_ascii());
        raw.map_or_else(|| self.canonical_target(), |raw| String::from_utf8_lossy(raw).into_owned())
    }

    fn canonical_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

fn join_segments<S: AsRef<str>>(segments: &[S], ends_in_slash: bool) -> String {
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

fn strip_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::AmbiguousChar;

    fn canonical(target: &str) -> Result<(String, String), InvalidPath> {
        let path = CanonicalPath::parse(target.as_bytes())?;
        Ok((path.with_query(), path.without_parameters().into_owned()))
    }

    #[test]
    fn one_path_has_one_spelling() {
        for (sent, forwarded, presented) in [
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
            let expected = if forwarded.is_empty() {
                Err(InvalidPath::AboveRoot)
            } else {
                Ok((forwarded.into(), presented.into()))
            };
            assert_eq!(canonical(sent), expected, "{sent}");
        }
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_refused() {
        use AmbiguousChar::{
            Backslash, Control, DoubleSlash, EncodedBackslash, EncodedControl, EncodedSemicolon, EncodedSlash, Hash,
            Null,
        };
        let refused = InvalidPath::ForbiddenChar;
        for (sent, why) in [
            ("", InvalidPath::NoLeadingSlash),
            ("*", InvalidPath::NoLeadingSlash),
            ("admin", InvalidPath::NoLeadingSlash),
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
            ("/a%", InvalidPath::InvalidEncoding),
            ("/a%2", InvalidPath::InvalidEncoding),
            ("/a%zz", InvalidPath::InvalidEncoding),
            ("/..", InvalidPath::AboveRoot),
            ("/a/../../b", InvalidPath::AboveRoot),
            ("/public/..;/admin", InvalidPath::DotSegment),
            ("/public/%2e%2e;x/admin", InvalidPath::DotSegment),
            ("/public/..%20/admin", InvalidPath::DotSegment),
            ("/public/%20.%2e/admin", InvalidPath::DotSegment),
        ] {
            assert_eq!(canonical(sent), Err(why), "{sent:?}");
        }
        for (sent, why) in [
            ("/public/..%3B/admin", InvalidPath::DotSegment),
            ("/public/x%5c..%5Cadmin", InvalidPath::DotSegment),
            ("/public/.%09./admin", InvalidPath::DotSegment),
            ("/public/..%0ax/admin", InvalidPath::DotSegment),
            ("/public/..%2fadmin", InvalidPath::DotSegment),
            ("/public/x%2fy/../admin", InvalidPath::DotSegment),
            ("/public/x%5cy/../admin", InvalidPath::DotSegment),
            ("/%2fevil.test", refused(DoubleSlash)),
            ("/%5cevil.test", refused(EncodedBackslash)),
            ("/%09%2fevil.test", refused(DoubleSlash)),
            ("/%09/evil.test", refused(EncodedControl(9))),
            ("/admin\\x", refused(Backslash)),
            ("/a%00", refused(Null)),
        ] {
            let path = CanonicalPath::parse_verbatim(sent.as_bytes());
            assert_eq!(path, Err(why), "{sent:?}");
        }
    }

    #[test]
    fn the_one_spelling_is_bounded() {
        let longest = format!("/{}", "a".repeat(MAX_TARGET_BYTES - 1));
        assert!(canonical(&longest).is_ok());
        for target in [format!("{longest}a"), format!("{longest}?"), format!("/{}", "\u{e9}".repeat(15_000))] {
            assert_eq!(canonical(&target), Err(InvalidPath::TooLong));
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
            let options = PathOptions { keep_encoded_slash: encoded, keep_double_slash: double, keep_encoded_chars: letters };
            let Ok(path) = CanonicalPath::parse_with(&target, options) else { return Ok(()) };
            let text = path.with_query();
            prop_assert!(text.starts_with('/') && !text.starts_with("//") && text.len() <= MAX_TARGET_BYTES);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{}", text);
            prop_assert!(path.path().split('/').all(|segment| segment != ".." && segment != "."));
            prop_assert!(double || !path.path().contains("//"));
            prop_assert!(encoded || !path.path().to_ascii_lowercase().contains("%2f"));
            prop_assert!(letters || !["%3B", "%5C", "%09"].iter().any(|code| path.path().contains(code)));
            prop_assert!(!path.without_parameters().contains(';'));
            let again = CanonicalPath::parse_with(text.as_bytes(), options);
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
