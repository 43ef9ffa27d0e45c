//! One canonical path: what the rules read is what the app receives.
//!
//! What may stand in a path as it is (letters, digits, ``-._~!$&'()*+,=:@``) is decoded, everything else is encoded in one
//! way, so that encoding a byte changes nothing; dot segments are resolved and slashes merged. What two servers could read
//! in two ways is refused: `%2f`, `%5c`, `%3b`, `%00`, backslashes, control bytes, a broken `%`, a `..` above the root, and
//! `..;`. A rule that
//! protects the one reading would not protect the other. No rule looks at the query, which travels as it came.
//!
//! A rule may permit slashes that are encoded or doubled (`slashes`); then every reading of the path falls under it.

use std::fmt::Write as _;

use super::slashes;

/// Longest path and query in their one spelling, in bytes: as long as a whole head may be. Encoding makes them up to three
/// times as long as what came, and what is longer than 64 KiB can not be sent on.
const LONGEST: usize = 32 * 1024;

/// A path in its one spelling, with the query it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath {
    /// Canonical, `;parameters` included.
    path: String,
    /// Canonical, without parameters: what a rule reads. None when `path` has no parameters.
    bare: Option<String>,
    /// As sent, without its `?`.
    query: Option<String>,
}

/// Why a target has no canonical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NotAPath,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a % that is not followed by two hexadecimal digits")]
    BrokenEncoding,
    /// `%2f`, `%5c`, `%3b`, `%00`, `\`, a control byte.
    #[error("the path holds an encoded slash or semicolon, a backslash or a control character")]
    Ambiguous,
    /// It climbs above the root, or climbs with parameters.
    #[error("the path leaves the root")]
    AboveRoot,
    /// It falls under one rule with its `;parameters` and under another without.
    #[error("the path falls under another rule when its ;parameters are cut")]
    TwoRules,
    /// Its slashes are kept as they came, and it falls under another rule, or is ours, when they are read in another way.
    #[error("the path falls under another rule, or is Portcullis' own, when its slashes are read in another way")]
    Slashes,
    /// In its one spelling it is longer than any app takes.
    #[error("the path and its query are longer than 32 KiB")]
    TooLong,
}

/// What becomes of slashes that not every server reads as one slash each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    /// `%2f` stays as it came; else it is refused.
    pub(super) encoded: bool,
    /// `//` stays as it came, but at the beginning, where it would name a host; else it is one slash.
    pub(super) double: bool,
}

impl CanonicalPath {
    /// Reads path and query as sent.
    ///
    /// # Errors
    /// When the path could be read in two ways, or is too long; see [`BadPath`].
    pub fn parse(target: &[u8]) -> Result<Self, BadPath> {
        Self::keeping(target, Keep { encoded: false, double: false })
    }

    /// Reads path and query with their slashes as they came. What comes of it could be read in two ways: it is a place to
    /// come back to, and no rule is read on it.
    ///
    /// # Errors
    /// When the path could be read in two ways for another reason, or is too long.
    pub fn parse_as_it_came(target: &[u8]) -> Result<Self, BadPath> {
        Self::keeping(target, Keep { encoded: true, double: true })
    }

    pub(super) fn keeping(target: &[u8], keep: Keep) -> Result<Self, BadPath> {
        let (path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(at) => (&target[..at], Some(plain_query(&target[at + 1..])?)),
            None => (target, None),
        };
        let rest = path.strip_prefix(b"/").ok_or(BadPath::NotAPath)?;
        let mut segments: Vec<String> = Vec::new();
        let mut ends_in_slash = true;
        let mut raws = rest.split(|byte| *byte == b'/').peekable();
        while let Some(raw) = raws.next() {
            let segment = one_spelling(raw, keep.encoded)?;
            ends_in_slash = false;
            match segment.as_str() {
                "" if keep.double && !segments.is_empty() && raws.peek().is_some() => segments.push(segment),
                "" | "." => ends_in_slash = true,
                ".." => {
                    segments.pop().ok_or(BadPath::AboveRoot)?;
                    ends_in_slash = true;
                }
                dots if dots.starts_with("..;") || dots.starts_with(".;") => return Err(BadPath::AboveRoot),
                // Decoded, it would name a host, or climb; not every server resolves dots after that.
                odd if keep.encoded && slashes::decodes_oddly(odd, segments.is_empty()) => {
                    return Err(BadPath::Ambiguous);
                }
                _ => segments.push(segment),
            }
        }
        let bare = segments.iter().any(|segment| segment.contains(';')).then(|| {
            let cut: Vec<&str> =
                segments.iter().map(|segment| before_parameters(segment)).filter(|s| !s.is_empty()).collect();
            joined(&cut, ends_in_slash)
        });
        let path = joined(&segments, ends_in_slash);
        if path.len() + query.as_ref().map_or(0, |query| query.len() + 1) > LONGEST {
            return Err(BadPath::TooLong);
        }
        Ok(Self { path, bare, query })
    }

    /// The path that is forwarded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path that rules read: parameters cut.
    #[must_use]
    pub fn for_rules(&self) -> &str {
        self.bare.as_deref().unwrap_or(&self.path)
    }

    /// The path that rules read, too, where it is another one: with its parameters, as an app reads it that cuts none.
    pub(super) fn uncut(&self) -> Option<&str> {
        self.bare.is_some().then_some(&self.path)
    }

    /// The query, as sent.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Path and query, as forwarded.
    #[must_use]
    pub fn with_query(&self) -> String {
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

/// Decodes what need not be encoded, encodes what must be, in upper case.
fn one_spelling(raw: &[u8], keep_slash: bool) -> Result<String, BadPath> {
    let mut text = String::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        let (byte, was_encoded, last) = match byte {
            b'%' => {
                let high = bytes.next().and_then(hex).ok_or(BadPath::BrokenEncoding)?;
                let last = bytes.next().unwrap_or_default();
                let low = hex(last).ok_or(BadPath::BrokenEncoding)?;
                (high << 4 | low, true, last)
            }
            plain => (plain, false, plain),
        };
        match byte {
            // Some cut parameters before they decode and some after it: what is a name to one is a parameter to the other.
            b'/' if keep_slash => text.extend(['%', '2', char::from(last)]),
            b';' if was_encoded => return Err(BadPath::Ambiguous),
            b'/' | b'\\' | 0..=0x1f | 0x7f => return Err(BadPath::Ambiguous),
            plain if stands_as_it_is(plain) => text.push(char::from(plain)),
            b'#' if !was_encoded => return Err(BadPath::Ambiguous),
            other => write!(text, "%{other:02X}").expect("writing to a String does not fail"),
        }
    }
    Ok(text)
}

/// Whether a byte is written in a path as it is: what RFC 3986 lets a segment hold. However it came, there is one spelling.
const fn stands_as_it_is(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~')
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

fn plain_query(raw: &[u8]) -> Result<String, BadPath> {
    let mut text = String::with_capacity(raw.len());
    for byte in raw {
        match byte {
            0..=0x20 | 0x7f | b'#' => return Err(BadPath::Ambiguous),
            0x80.. => write!(text, "%{byte:02X}").expect("writing to a String does not fail"),
            plain => text.push(char::from(*plain)),
        }
    }
    Ok(text)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(target: &str) -> Result<(String, String), BadPath> {
        CanonicalPath::parse(target.as_bytes()).map(|path| (path.with_query(), path.for_rules().to_owned()))
    }

    #[test]
    fn one_path_has_one_spelling() {
        for (sent, forwarded, ruled) in [
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
        ] {
            let expected =
                if forwarded.is_empty() { Err(BadPath::AboveRoot) } else { Ok((forwarded.into(), ruled.into())) };
            assert_eq!(canonical(sent), expected, "{sent}");
        }
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_refused() {
        for (sent, why) in [
            ("", BadPath::NotAPath),
            ("*", BadPath::NotAPath),
            ("admin", BadPath::NotAPath),
            ("/admin%2fx", BadPath::Ambiguous),
            ("/admin%5Cx", BadPath::Ambiguous),
            ("/admin%3bx", BadPath::Ambiguous),
            ("/public/..%3B/admin", BadPath::Ambiguous),
            ("/admin\\x", BadPath::Ambiguous),
            ("/a%00", BadPath::Ambiguous),
            ("/a\u{7}", BadPath::Ambiguous),
            ("/a#b", BadPath::Ambiguous),
            ("/a%", BadPath::BrokenEncoding),
            ("/a%2", BadPath::BrokenEncoding),
            ("/a%zz", BadPath::BrokenEncoding),
            ("/..", BadPath::AboveRoot),
            ("/a/../../b", BadPath::AboveRoot),
            ("/public/..;/admin", BadPath::AboveRoot),
            ("/public/%2e%2e;x/admin", BadPath::AboveRoot),
            ("/a?b\u{1}", BadPath::Ambiguous),
        ] {
            assert_eq!(canonical(sent), Err(why), "{sent:?}");
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
            4 => prop::sample::select(vec!["/", "..", ".", "%2e", "%2f", "%5c", ";", "%3b", "?", "#", "a", "%", "%4", "//"])
                .prop_map(|piece| piece.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        (prop::sample::select(vec!["/", "/", "/", ""]), prop::collection::vec(piece, 0..8))
            .prop_map(|(beginning, pieces)| [beginning.as_bytes(), &pieces.concat()].concat())
    }

    proptest! {
        #[test]
        fn any_bytes_have_one_spelling_or_none(target in bytes(), encoded: bool, double: bool) {
            let keep = Keep { encoded, double };
            let Ok(path) = CanonicalPath::keeping(&target, keep) else { return Ok(()) };
            let text = path.with_query();
            prop_assert!(text.starts_with('/') && !text.starts_with("//") && text.len() <= LONGEST);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{}", text);
            prop_assert!(path.for_rules().split('/').all(|segment| segment != ".." && segment != "."));
            prop_assert!(double || !path.path().contains("//"));
            prop_assert!(encoded || !path.path().to_ascii_lowercase().contains("%2f"));
            prop_assert!(!path.for_rules().contains(';'));
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
