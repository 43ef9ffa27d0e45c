//! A fixed secret by which an app knows that a request came through Portcullis. It has no Display and no Serialize, and Debug
//! does not show it.

use std::fmt;
use std::path::{Path, PathBuf};

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::secret::read_secret_file;
use crate::config::diagnostics::Diagnostics;

/// Longest value, in bytes: apps refuse a head above 8 KiB.
const MAX_BYTES: usize = 4 * 1024;

/// The mend of most complaints.
const HINT: &str = "write the value as one line of letters, digits and signs of ASCII";

/// The value of a header, from a file of its own: visible ASCII, with spaces inside at most.
#[derive(Clone)]
pub struct HeaderSecret {
    file: PathBuf,
    value: SecretString,
}

impl HeaderSecret {
    /// Reads the file. Its text is never repeated in the message.
    pub(in crate::config) fn from_file(path: &Path, diagnostics: &Diagnostics) -> Result<Self, String> {
        let text = Zeroizing::new(read_secret_file(path, diagnostics)?);
        let refused = |what: &str| Err(format!("names a file {what}; {HINT}"));
        if text.is_empty() {
            return refused("that is empty");
        }
        if text.len() > MAX_BYTES {
            return Err(format!("names a file whose value is longer than {MAX_BYTES} bytes; write a shorter one"));
        }
        if text.contains(['\n', '\r']) {
            return refused("of several lines");
        }
        if text.starts_with(' ') || text.bytes().any(|byte| byte != b' ' && !byte.is_ascii_graphic()) {
            return refused("whose value begins with a space, or holds what a header cannot carry to every app");
        }
        Ok(Self { file: path.to_owned(), value: SecretString::from(text.as_str()) })
    }

    /// The file that it was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The value, for the one place that sends it.
    ///
    /// # Panics
    /// Never: what was read is visible ASCII.
    #[must_use]
    pub fn expose(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.value.expose_secret()).expect("what was read is visible ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for HeaderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderSecret(..)")
    }
}

impl PartialEq for HeaderSecret {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && self.value.expose_secret() == other.value.expose_secret()
    }
}

impl Eq for HeaderSecret {}
