//! Paths whose slashes are kept as they came, for apps that need it: `%2f` in a name, `//` between two.
//!
//! One server reads `%2f` as a letter of a name, another as a slash, before or after it resolves dots; one reads `//` as a
//! segment without a name, another as one slash. Such a path is let through where all of them read it under one rule.

use percent_encoding::percent_decode;

use super::{AmbiguousChar, CanonicalPath, InvalidPath, path::PathOptions};

/// Whether a slash is encoded in a path.
pub(super) fn has_encoded_slash(path: &str) -> bool {
    path.as_bytes().windows(3).any(|part| part.eq_ignore_ascii_case(b"%2f"))
}

/// Whether two slashes follow each other in the path.
pub(super) fn has_double_slash(target: &[u8]) -> bool {
    target_path(target).windows(2).any(|part| part == b"//")
}

/// Refuses a first segment that begins with a slash once it is decoded, or is empty without its control characters: what
/// follows
/// would name a host.
pub(super) fn reject_host_prefix(segment: &str) -> Result<(), InvalidPath> {
    if !segment.contains('%') {
        return Ok(());
    }
    let decoded = percent_decode(segment.as_bytes());
    match decoded.into_iter().find(|byte| !byte.is_ascii_control()) {
        Some(b'/') => Err(InvalidPath::ForbiddenChar(AmbiguousChar::DoubleSlash)),
        Some(b'\\') => Err(InvalidPath::ForbiddenChar(AmbiguousChar::EncodedBackslash)),
        None => Err(InvalidPath::ForbiddenChar(AmbiguousChar::EncodedControl(b'\t'))),
        Some(_) => Ok(()),
    }
}

/// Every way in which a server may read the path of `target` that resolves its dots before or after it reads slashes: encoded
/// ones
/// as letters or as slashes, doubled ones as two or as one; parameters there or, where the app `cuts` them, cut before or
/// after it.
///
/// # Errors
/// When one of them is no path, or leaves the root.
pub(super) fn slash_readings(target: &[u8], cuts_parameters: bool) -> Result<Vec<String>, InvalidPath> {
    let path = target_path(target);
    let mut readings = Vec::new();
    let has_parameters = cuts_parameters && path.contains(&b';');
    let cut = has_parameters.then(|| without_parameters(path));
    let cut_after = has_parameters.then(|| without_parameters(&decode_slashes(path)));
    for path in [Some(path), cut.as_deref(), cut_after.as_deref()].into_iter().flatten() {
        for (path, encoded) in [(path, true), (&decode_slashes(path), false)] {
            for double in [false, true] {
                let reading = CanonicalPath::parse_with(
                    path,
                    PathOptions { keep_encoded_slash: encoded, keep_double_slash: double, keep_encoded_chars: true },
                )?;
                if cuts_parameters && reading.path().contains(';') {
                    readings.push(reading.without_parameters().into_owned());
                    readings.push(String::from_utf8_lossy(&without_parameters(reading.path().as_bytes())).into_owned());
                }
                readings.push(reading.path().to_owned());
            }
        }
    }
    Ok(readings)
}

/// Path without parameters; a segment that held nothing else becomes an empty one.
fn without_parameters(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(before_semicolon).collect::<Vec<_>>().join(&b'/')
}

/// Segment up to its parameters.
fn before_semicolon(segment: &[u8]) -> &[u8] {
    segment.split(|byte| *byte == b';').next().unwrap_or(segment)
}

pub(super) fn target_path(target: &[u8]) -> &[u8] {
    target.split(|byte| *byte == b'?').next().unwrap_or(target)
}

/// Decodes each encoded slash.
fn decode_slashes(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, more)) = rest.split_first() {
        if rest.get(..3).is_some_and(|part| part.eq_ignore_ascii_case(b"%2f")) {
            decoded.push(b'/');
            rest = &rest[3..];
        } else {
            decoded.push(*first);
            rest = more;
        }
    }
    decoded
}
