//! Possible interpretations of one path by servers.
//!
//! A server decodes, once or twice; cuts `;parameters` from each segment or all that follows them; takes `\` for a slash;
//! leaves
//! control characters out, or ends at one; leaves dots and blanks at the end of names out; merges slashes; and does these in
//! any order. Every reading that comes of it is
//! made, so that all can be held under the rule that was asked. None may hold a dot segment, so it does not matter when
//! a server resolves those. Case is kept: a rule is case-sensitive, and an app that is not says so in its documents.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memchr3_iter, memmem};

use super::{
    AmbiguousChar, InvalidPath,
    canonical::{hex_value, write_canonical},
};

/// Bytes of all readings of one path together: what comes of a path of 32 KiB with one odd character, or of 2 KiB with all.
const MAX_READING_BYTES: usize = 256 * 1024;

/// Characters in a canonical path that not every server reads in the same way.
pub(super) fn ambiguous_chars(path: &str) -> impl Iterator<Item = AmbiguousChar> {
    let path = path.as_bytes();
    memchr3_iter(b';', b'%', b'.', path).filter_map(|at| match path[at] {
        b';' => Some(AmbiguousChar::Semicolon),
        b'.' => matches!(path.get(at + 1), None | Some(b'/')).then_some(AmbiguousChar::TrailingDot),
        _ => ambiguous_code(&path[at + 1..]),
    })
}

/// Ambiguous character that is encoded here, alone or with what follows it; none where all servers agree.
fn ambiguous_code(code: &[u8]) -> Option<AmbiguousChar> {
    let [first, second, rest @ ..] = code else { return None };
    let byte = hex_value(*first)? << 4 | hex_value(*second)?;
    match byte {
        b'/' => Some(AmbiguousChar::EncodedSlash),
        b';' => Some(AmbiguousChar::EncodedSemicolon),
        b'\\' => Some(AmbiguousChar::EncodedBackslash),
        b'?' => Some(AmbiguousChar::EncodedQuestionMark),
        b'#' => Some(AmbiguousChar::EncodedHash),
        b' ' => matches!(rest.first(), None | Some(b'/')).then_some(AmbiguousChar::TrailingDot),
        0xc0 | 0xc1 | 0xe0 | 0xf0 => Some(AmbiguousChar::Overlong),
        b'%' => match rest {
            [high, low, ..] => hex_value(*high).and(hex_value(*low)).map(|_| AmbiguousChar::EncodedPercent),
            _ => None,
        },
        control if is_control(control) => Some(AmbiguousChar::EncodedControl(control)),
        _ => None,
    }
}

/// Characters that a route's app is known to read as literals: their other meanings are no readings of that app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiteralChars {
    /// `;` and `%3b`.
    pub semicolon: bool,
    /// `%5c`.
    pub backslash: bool,
    /// `%01` to `%1f` and `%7f`.
    pub control: bool,
}

impl LiteralChars {
    const fn contains(self, character: AmbiguousChar) -> bool {
        match character {
            AmbiguousChar::Semicolon | AmbiguousChar::EncodedSemicolon => self.semicolon,
            AmbiguousChar::EncodedBackslash => self.backslash,
            AmbiguousChar::EncodedControl(_) => self.control,
            _ => false,
        }
    }
}

/// One reading of a path.
#[derive(Clone, Debug)]
pub(super) struct PathReading {
    /// Decoded as far as this reader decodes.
    path: Vec<u8>,
    /// Number of decoding passes.
    decoded: u8,
    /// Form in which its semicolons were sent.
    semicolon: AmbiguousChar,
    /// Character read as something else than a literal; none in the path as sent.
    character: Option<AmbiguousChar>,
}

/// Something that a server does to a path; none where it changes nothing.
type ReadingStep = fn(&PathReading) -> Option<PathReading>;

const STEPS: [ReadingStep; 11] = [
    decode,
    cut_parameters,
    cut_at_parameters,
    read_backslashes,
    drop_controls,
    cut_at_control,
    cut_at_query,
    read_overlong,
    merge_slashes,
    drop_host,
    trim_names,
];

/// Every reading of `path`, itself first, but for those that `letters` rules out.
///
/// # Errors
/// When one of them has a dot segment, or begins as what names a host, or there are too many.
pub(super) fn all_readings(path: &[u8], letters: LiteralChars) -> Result<Vec<PathReading>, InvalidPath> {
    let semicolon = if path.contains(&b';') { AmbiguousChar::Semicolon } else { AmbiguousChar::EncodedSemicolon };
    let mut readings = vec![PathReading { path: path.to_vec(), decoded: 0, semicolon, character: None }];
    let (mut at, mut bytes) = (0, path.len());
    if has_dot_segment(path) {
        return Err(InvalidPath::DotSegment);
    }
    while at < readings.len() {
        for step in STEPS {
            let Some(next) = step(&readings[at]) else { continue };
            let left_out = next.character.is_some_and(|character| letters.contains(character));
            if left_out || readings.iter().any(|reading| reading.path == next.path) {
                continue;
            }
            if has_dot_segment(&next.path) {
                return Err(InvalidPath::DotSegment);
            }
            match next.character {
                Some(character) if character != AmbiguousChar::Semicolon && next.path.starts_with(b"//") => {
                    return Err(InvalidPath::ForbiddenChar(character));
                }
                _ => {}
            }
            bytes += next.path.len();
            if bytes > MAX_READING_BYTES {
                return Err(InvalidPath::TooManyReadings);
            }
            readings.push(next);
        }
        at += 1;
    }
    Ok(readings)
}

impl PathReading {
    /// Continues the reading with `path`, in which `character` is no literal.
    fn derive(&self, path: Vec<u8>, character: Option<AmbiguousChar>) -> Self {
        Self { path, character: self.character.or(character), ..*self }
    }

    /// Character read as something else than a literal.
    pub(super) fn character(&self) -> AmbiguousChar {
        let encoded = if self.decoded == 0 { AmbiguousChar::EncodedLetter } else { AmbiguousChar::EncodedPercent };
        self.character.unwrap_or(encoded)
    }

    /// In the spelling in which rules are written.
    pub(super) fn spelling(&self) -> String {
        let mut text = String::with_capacity(self.path.len());
        write_canonical(&self.path, false, &mut text);
        text
    }

    /// As a server reads it that has decoded nothing so far, and does not.
    pub(super) fn literal_spelling(&self) -> Option<String> {
        (self.decoded == 0).then(|| {
            let mut text = String::with_capacity(self.path.len());
            write_canonical(&self.path, true, &mut text);
            text
        })
    }
}

/// Whether a segment is `.` or `..` for some server: once it is decoded, without its parameters, its blanks and control
/// characters, or up to the first of those. A backslash ends a segment, too.
pub(super) fn has_dot_segment(path: &[u8]) -> bool {
    if memchr2(b'.', b'%', path).is_none() {
        return false;
    }
    percent_decoded(path).split(|byte| matches!(byte, b'/' | b'\\')).any(|name| {
        let cut = take_until(name, |byte| byte == b';');
        [name, cut].into_iter().any(|name| is_dots(name) || is_dots(take_until(name, is_control)))
    })
}

/// Whether nothing but one dot, or two, is left without blanks and control characters.
fn is_dots(name: &[u8]) -> bool {
    let mut left = name.iter().filter(|byte| **byte != b' ' && !is_control(**byte));
    matches!((left.next(), left.next(), left.next()), (Some(b'.'), None | Some(b'.'), None))
}

const fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}

fn take_until(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> &[u8] {
    bytes.iter().position(|byte| is_end(*byte)).map_or(bytes, |end| &bytes[..end])
}

/// Decodes each `%` with two hexadecimal digits.
fn percent_decoded(path: &[u8]) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode(path).into()
}

fn decode(reading: &PathReading) -> Option<PathReading> {
    let Cow::Owned(path) = percent_decoded(&reading.path) else { return None };
    let slashes = |path: &[u8]| memchr_iter(b'/', path).count();
    let character = if slashes(&path) > slashes(&reading.path) {
        Some(AmbiguousChar::EncodedSlash)
    } else {
        (reading.decoded > 0).then_some(AmbiguousChar::EncodedPercent)
    };
    Some(PathReading { decoded: reading.decoded.saturating_add(1), ..reading.derive(path, character) })
}

fn cut_parameters(reading: &PathReading) -> Option<PathReading> {
    memchr(b';', &reading.path)?;
    let cut = |segment| take_until(segment, |byte| byte == b';');
    let path = reading.path.split(|byte| *byte == b'/').map(cut).collect::<Vec<_>>().join(&b'/');
    Some(reading.derive(path, Some(reading.semicolon)))
}

fn cut_at_parameters(reading: &PathReading) -> Option<PathReading> {
    let end = memchr(b';', &reading.path)?;
    Some(reading.derive(reading.path[..end].to_vec(), Some(reading.semicolon)))
}

fn read_backslashes(reading: &PathReading) -> Option<PathReading> {
    memchr(b'\\', &reading.path)?;
    let path = reading.path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    Some(reading.derive(path, Some(AmbiguousChar::EncodedBackslash)))
}

fn first_control(reading: &PathReading) -> Option<(usize, AmbiguousChar)> {
    let end = reading.path.iter().position(|byte| is_control(*byte))?;
    let byte = reading.path[end];
    Some((end, if byte == 0 { AmbiguousChar::Null } else { AmbiguousChar::EncodedControl(byte) }))
}

fn drop_controls(reading: &PathReading) -> Option<PathReading> {
    let (_, character) = first_control(reading)?;
    let path = reading.path.iter().copied().filter(|byte| !is_control(*byte)).collect();
    Some(reading.derive(path, Some(character)))
}

fn cut_at_control(reading: &PathReading) -> Option<PathReading> {
    let (end, character) = first_control(reading)?;
    Some(reading.derive(reading.path[..end].to_vec(), Some(character)))
}

fn cut_at_query(reading: &PathReading) -> Option<PathReading> {
    let end = reading.path.iter().position(|byte| matches!(byte, b'?' | b'#'))?;
    let is_hash = reading.path[end] == b'#';
    let character = if is_hash { AmbiguousChar::EncodedHash } else { AmbiguousChar::EncodedQuestionMark };
    Some(reading.derive(reading.path[..end].to_vec(), Some(character)))
}

/// Reads letters of ASCII in more bytes than UTF-8 has for them (RFC 3629, 3), as some decoders do.
fn read_overlong(reading: &PathReading) -> Option<PathReading> {
    let mut path = Vec::new();
    let mut rest = reading.path.as_slice();
    while let [first, more @ ..] = rest {
        let (byte, length) = match rest {
            [high @ (0xc0 | 0xc1), low @ 0x80..0xc0, ..] => ((high & 1) << 6 | (low & 0x3f), 2),
            [0xe0, high @ (0x80 | 0x81), low @ 0x80..0xc0, ..] => ((high & 1) << 6 | (low & 0x3f), 3),
            [0xf0, 0x80, high @ (0x80 | 0x81), low @ 0x80..0xc0, ..] => ((high & 1) << 6 | (low & 0x3f), 4),
            _ => (*first, 1),
        };
        path.push(byte);
        rest = &more[length - 1..];
    }
    (path.len() < reading.path.len()).then(|| reading.derive(path, Some(AmbiguousChar::Overlong)))
}

fn merge_slashes(reading: &PathReading) -> Option<PathReading> {
    memmem::find(&reading.path, b"//")?;
    let mut path = reading.path.clone();
    path.dedup_by(|next, before| *next == b'/' && *before == b'/');
    Some(reading.derive(path, Some(AmbiguousChar::DoubleSlash)))
}

/// Leaves dots and blanks at the end of names out, as Windows does.
fn trim_names(reading: &PathReading) -> Option<PathReading> {
    let is_left_out = |byte: &u8| matches!(byte, b'.' | b' ');
    let trim = |name: &[u8]| {
        let length = name.iter().rposition(|byte| !is_left_out(byte)).map_or(name.len(), |last| last + 1);
        name[..length].to_vec()
    };
    let path = reading.path.split(|byte| *byte == b'/').map(trim).collect::<Vec<_>>().join(&b'/');
    (path.len() < reading.path.len()).then(|| reading.derive(path, Some(AmbiguousChar::TrailingDot)))
}

/// Reads what stands behind `//` as a host, as URL parsers do.
fn drop_host(reading: &PathReading) -> Option<PathReading> {
    let rest = reading.path.strip_prefix(b"//")?;
    let path = memchr(b'/', rest).map_or_else(|| b"/".to_vec(), |end| rest[end..].to_vec());
    Some(reading.derive(path, Some(AmbiguousChar::DoubleSlash)))
}
