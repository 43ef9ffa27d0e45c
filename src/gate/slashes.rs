//! Paths whose slashes are kept as they came, for apps that need it: `%2f` in a name, `//` between two.
//!
//! One server reads `%2f` as a letter of a name, another as a slash, before or after it resolves dots; one reads `//` as a
//! segment without a name, another as one slash. Such a path is let through where all of them read it under one rule.

use super::{BadPath, CanonicalPath, path::Keep};

/// Whether a slash is encoded in the path.
pub(super) fn has_encoded(target: &[u8]) -> bool {
    path_of(target).windows(3).any(|part| part.eq_ignore_ascii_case(b"%2f"))
}

/// Whether two slashes follow each other in the path.
pub(super) fn has_double(target: &[u8]) -> bool {
    path_of(target).windows(2).any(|part| part == b"//")
}

/// Whether a segment is more than a name with slashes in it once they are decoded: `..%2fadmin`, or at the beginning of a path
/// `%2fadmin`.
pub(super) fn decodes_oddly(segment: &str, is_first: bool) -> bool {
    let is_plain = |bytes: &[u8]| !bytes.split(|byte| *byte == b'/').any(|name| matches!(before(name), b"." | b".."));
    has_encoded(segment.as_bytes()) && {
        let decoded = decoded(segment.as_bytes());
        (is_first && decoded.starts_with(b"/")) || !is_plain(&decoded)
    }
}

/// Every way in which a server may read the path of `target`, or what is sent on for it: slashes as letters or as slashes,
/// doubled ones as two or as one, dots resolved after that, parameters there or cut, before or after it.
///
/// # Errors
/// When one of them is no path, or leaves the root.
pub(super) fn readings(target: &[u8], sent_on: &CanonicalPath) -> Result<Vec<String>, BadPath> {
    let (came, sent_on) = (path_of(target), sent_on.path().as_bytes());
    let mut readings = Vec::new();
    read_all(came, &mut readings)?;
    if sent_on != came {
        read_all(sent_on, &mut readings)?;
    }
    Ok(readings)
}

fn read_all(path: &[u8], readings: &mut Vec<String>) -> Result<(), BadPath> {
    let has_parameters = path.contains(&b';');
    let cut = has_parameters.then(|| without_parameters(path));
    let cut_after = has_parameters.then(|| without_parameters(&decoded(path)));
    for path in [Some(path), cut.as_deref(), cut_after.as_deref()].into_iter().flatten() {
        for (path, encoded) in [(path, true), (&decoded(path), false)] {
            for double in [false, true] {
                let reading = CanonicalPath::keeping(path, Keep { encoded, double })?;
                readings.push(reading.for_rules().to_owned());
                if let Some(uncut) = reading.uncut() {
                    readings.push(uncut.to_owned());
                    readings.push(String::from_utf8_lossy(&without_parameters(uncut.as_bytes())).into_owned());
                }
            }
        }
    }
    Ok(())
}

/// Parameters cut, and a segment that has nothing else left as one without a name.
fn without_parameters(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(before).collect::<Vec<_>>().join(&b'/')
}

/// What stands before the parameters.
fn before(segment: &[u8]) -> &[u8] {
    segment.split(|byte| *byte == b';').next().unwrap_or(segment)
}

fn path_of(target: &[u8]) -> &[u8] {
    target.split(|byte| *byte == b'?').next().unwrap_or(target)
}

/// Each encoded slash as a slash.
fn decoded(path: &[u8]) -> Vec<u8> {
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
