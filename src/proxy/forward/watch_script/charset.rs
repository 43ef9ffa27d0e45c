//! Character encodings behind which an ASCII script may stand (WHATWG Encoding; HTML, "determining the character encoding").

use std::fmt;

use bytes::{Bytes, BytesMut};

/// First bytes of a document in which browsers look for its encoding.
const PRESCAN_BYTES: usize = 1_024;
/// Encoding with shift states, which a document may name in itself: ASCII is not ASCII in each of its states.
const STATEFUL: &[u8] = b"iso-2022-jp";

/// Whether a `Content-Type` names an encoding in which each ASCII byte stands for itself, wherever it stands; or none.
pub(super) fn is_ascii_compatible(content_type: &str) -> bool {
    let mut named = content_type.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
    });
    named.all(|charset| {
        matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii" | "ascii" | "latin1" | "koi8-r" | "koi8-u")
            || charset.starts_with("iso-8859-")
            || charset.starts_with("windows-125")
    })
}

/// Bytes that follow a document. Where its first bytes name an encoding in which they would be other characters, blanks of the
/// same length follow: the length has been said by then.
#[derive(Default)]
pub(in crate::proxy) struct AppendedBytes {
    suffix: &'static [u8],
    prefix: Vec<u8>,
}

impl AppendedBytes {
    pub(super) const fn new(bytes: &'static [u8]) -> Self {
        Self { suffix: bytes, prefix: Vec::new() }
    }

    /// Whether nothing follows.
    #[cfg(test)]
    pub(super) const fn is_empty(&self) -> bool {
        self.suffix.is_empty()
    }

    /// Reads a chunk of the document, and appends the bytes to the last one.
    pub(in crate::proxy) fn append(&mut self, chunk: &mut Option<Bytes>, last: bool) {
        if self.suffix.is_empty() {
            return;
        }
        let read = chunk.as_deref().unwrap_or_default();
        self.prefix.extend_from_slice(&read[..read.len().min(PRESCAN_BYTES - self.prefix.len())]);
        if last {
            let mut with = BytesMut::from(read);
            match self.padding() {
                Some(blank) => with.extend(blank.iter().cycle().take(self.suffix.len())),
                None => with.extend_from_slice(self.suffix),
            }
            *chunk = Some(with.freeze());
        }
    }

    fn padding(&self) -> Option<&'static [u8]> {
        match self.prefix.as_slice() {
            [0xFE, 0xFF, ..] => Some(b"\0 "),
            [0xFF, 0xFE, ..] => Some(b" \0"),
            begun if begun.windows(STATEFUL.len()).any(|word| word.eq_ignore_ascii_case(STATEFUL)) => Some(b" "),
            _ => None,
        }
    }
}

impl fmt::Debug for AppendedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppendedBytes({} bytes)", self.suffix.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_that_is_no_ascii_gets_no_script() {
        for (content_type, fits) in [
            ("text/html", true),
            ("text/html; charset=utf-8", true),
            ("text/html;Charset=\"UTF-8\"", true),
            ("text/html; charset=ISO-8859-15", true),
            ("text/html; charset=windows-1252", true),
            ("text/html; charset=utf-16", false),
            ("text/html; charset=utf-16le", false),
            ("text/html; charset=iso-2022-jp", false),
            ("text/html; charset=utf-7", false),
            ("text/html; charset=", false),
            ("text/html; charset=utf-8; charset=utf-16", false),
        ] {
            assert_eq!(is_ascii_compatible(content_type), fits, "{content_type}");
        }
    }

    #[test]
    fn the_script_stands_behind_the_last_piece_or_blanks_do() {
        let appended = |pieces: &[&'static [u8]]| {
            let mut appended = AppendedBytes::new(b"<script>");
            let mut all = Vec::new();
            for (at, chunk) in pieces.iter().enumerate() {
                let mut chunk = Some(Bytes::from_static(chunk));
                appended.append(&mut chunk, at + 1 == pieces.len());
                all.extend_from_slice(&chunk.unwrap());
            }
            all
        };
        assert_eq!(appended(&[b"<p>", b"", b"Tea"]), b"<p>Tea<script>");
        assert_eq!(appended(&[b"\xFF", b"\xFEa\0"]), b"\xFF\xFEa\0 \0 \0 \0 \0");
        assert_eq!(appended(&[b"\xFE\xFF\0a", b""]), b"\xFE\xFF\0a\0 \0 \0 \0 ");
        assert_eq!(appended(&[b"<meta charset=ISO-20", b"22-JP>"]), b"<meta charset=ISO-2022-JP>        ");
        let mut none = None;
        AppendedBytes::new(b"<script>").append(&mut none, true);
        assert_eq!(none.as_deref(), Some(&b"<script>"[..]));
        let mut untouched = None;
        AppendedBytes::default().append(&mut untouched, true);
        assert_eq!(untouched, None);
    }
}
