//! Chunked bodies (RFC 9112, 7.1), validated byte by byte before anything parses them. Changes nothing of what passes.
//!
//! Pingora's parser takes an empty size for the last chunk, blanks after a size, and a bare line feed in an extension. A
//! program in front of Portcullis that reads such a body in another way sees another request behind it. So the lines between
//! chunks, and those behind the last one, are read here by their grammar, and where they break it the connection ends.

use crate::proxy::http::request_head::IS_TOKEN_BYTE;

/// Most digits of a size. More would not fit into the numbers of some programs.
const MAX_SIZE_DIGITS: u8 = 15;
/// Most bytes of an extension, which nobody reads.
const MAX_EXTENSION_BYTES: u16 = 256;

/// Validator of a chunked body: the state after the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkedValidator {
    /// In the digits of a size: their number, and the size so far.
    Size { digits: u8, size: u64 },
    /// In an extension, behind the `;`.
    Extension { bytes: u16, size: u64 },
    /// Behind the CR of a size's line.
    SizeLf { size: u64 },
    /// In the data of a chunk, of which so many bytes are to come.
    Data { remaining: u64 },
    /// Behind the data of a chunk.
    DataCr,
    /// Behind the CR after a chunk.
    DataLf,
    /// Behind the last size, or behind a trailer. Trailers go nowhere, but a line that is none could be a request, for some.
    Trailer,
    /// In the name of a trailer.
    TrailerName,
    /// Behind the colon of a trailer.
    TrailerValue,
    /// Behind the CR of a trailer.
    TrailerLf,
    /// Behind the CR of the line that ends it all.
    FinalLf,
    /// Behind the body. What follows is no part of it.
    Done,
    /// Behind a byte that breaks the grammar; final.
    Malformed,
}

/// Error of a body whose chunks break the grammar.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the chunks of the body are malformed")]
pub(super) struct MalformedChunks;

impl ChunkedValidator {
    /// Validator before the first byte.
    pub(super) const fn new() -> Self {
        Self::Size { digits: 0, size: 0 }
    }

    /// Validates further bytes. What was malformed once stays so.
    pub(super) fn validate(&mut self, mut input: &[u8]) -> Result<(), MalformedChunks> {
        while let Some((first, rest)) = input.split_first() {
            if let Self::Data { remaining: left } = *self {
                // The bytes of a chunk are its own affair, and are passed in one go.
                let passed = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                input = &input[passed..];
                let left = left - passed as u64;
                *self = if left == 0 { Self::DataCr } else { Self::Data { remaining: left } };
                continue;
            }
            *self = self.next_state(*first);
            match self {
                Self::Done => return Ok(()),
                Self::Malformed => return Err(MalformedChunks),
                _ => input = rest,
            }
        }
        Ok(())
    }

    const fn next_state(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size { digits: 0..MAX_SIZE_DIGITS, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.push_digit(byte)
            }
            (Self::Size { digits: 1.., size }, b';') => Self::Extension { bytes: 0, size },
            (Self::Size { digits: 1.., size } | Self::Extension { size, .. }, b'\r') => Self::SizeLf { size },
            (Self::Extension { bytes: 0..MAX_EXTENSION_BYTES, size }, b'\t' | b' '..=b'~' | 0x80..) => {
                self.push_extension(size)
            }
            (Self::SizeLf { size: 0 } | Self::TrailerLf, b'\n') => Self::Trailer,
            (Self::Trailer, b'\r') => Self::FinalLf,
            (Self::TrailerName, b':') | (Self::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => Self::TrailerValue,
            (Self::Trailer | Self::TrailerName, name) if IS_TOKEN_BYTE[name as usize] => Self::TrailerName,
            (Self::TrailerValue, b'\r') => Self::TrailerLf,
            (Self::FinalLf, b'\n') | (Self::Done, _) => Self::Done,
            (Self::SizeLf { size }, b'\n') => Self::Data { remaining: size },
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::new(),
            _ => Self::Malformed,
        }
    }

    const fn push_digit(self, byte: u8) -> Self {
        let Self::Size { digits, size } = self else { return Self::Malformed };
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        Self::Size { digits: digits + 1, size: size << 4 | value as u64 }
    }

    const fn push_extension(self, size: u64) -> Self {
        let Self::Extension { bytes, .. } = self else { return Self::Malformed };
        Self::Extension { bytes: bytes + 1, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_alike_however_it_is_cut() {
        let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(256));
        for (body, is_one) in [
            ("5\r\nhello\r\n0\r\n\r\n", true),
            ("005;a=\"\u{e9}\"\r\nhe\r\no\r\nB\r\n0123456789a\r\n0;x\r\nA: b\r\n\r\nGET", true),
            ("000000000000001\r\na\r\n0\r\n", true),
            ("0\r\nA:\r\nB: \u{e9}\t\r\n\r\nGET / HTTP/1.1\n", true),
            ("0\r\nGET / HTTP/1.1\r\n", false),
            ("0\r\n: b\r\n", false),
            ("0\r\n folded\r\n", false),
            ("0\r\nA : b\r\n", false),
            ("0\r\nA: b\n", false),
            ("0\r\nA: b\0", false),
            ("0\r\nA: b\rc", false),
            ("0\r\n\n", false),
            (&long, true),
            (&long.replace("x\r", "xx\r"), false),
            ("0000000000000001\r\na\r\n", false),
            ("\r\n", false),
            (";x\r\n", false),
            ("5 \r\n", false),
            ("5;x\n", false),
            ("1\r\nab\r\n", false),
            ("1\r\na\n", false),
            ("g\r\n", false),
        ] {
            let body = body.as_bytes();
            for cut in 0..body.len() {
                let mut chunks = ChunkedValidator::new();
                let looked = chunks.validate(&body[..cut]).and_then(|()| chunks.validate(&body[cut..]));
                assert_eq!(looked.is_ok(), is_one, "{:?} cut at {cut}", String::from_utf8_lossy(body));
            }
        }
    }
}
