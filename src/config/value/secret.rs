//! The secret from which Portcullis' keys are made. It has no Display and no Serialize, and Debug does not show it.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::config::diagnostics::Diagnostics;

/// The fewest random bytes that a secret may have.
const MIN_BYTES: usize = 32;

/// How to make a secret.
const HINT: &str = "make one with: openssl rand -base64 32";
const MISSING_FILE: &str = "names a file that does not exist; a path starts at the folder of this file";

/// At least 32 random bytes: for signing, and for sealing what must be read back.
#[derive(Clone)]
pub struct RootSecret(SecretSlice<u8>);

impl RootSecret {
    /// Reads base64. The text is never repeated in the message.
    pub(in crate::config) fn parse(written: &str) -> Result<Self, String> {
        let plain: String = written.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
        let plain = Zeroizing::new(plain);
        let padding = "=".repeat((4 - plain.len() % 4) % 4);
        let padded = Zeroizing::new(format!("{}{padding}", plain.as_str()));
        let Ok(bytes) = STANDARD.decode(padded.as_bytes()).map(Zeroizing::new) else {
            return Err(format!("is not base64; {HINT}"));
        };
        if bytes.len() < MIN_BYTES {
            return Err(format!("has {} bytes where {MIN_BYTES} random ones are needed; {HINT}", bytes.len()));
        }
        if bytes.windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(format!("repeats a single byte, which anyone could guess; {HINT}"));
        }
        Ok(Self(SecretSlice::from(bytes.to_vec())))
    }

    /// Reads the secret from a file of its own.
    pub(in crate::config) fn from_file(path: &Path, diagnostics: &Diagnostics) -> Result<Self, String> {
        if !path.exists() {
            return Err(format!("{MISSING_FILE}; {HINT}"));
        }
        Self::parse(&Zeroizing::new(read_secret_file(path, diagnostics)?))
    }

    /// The bytes, for the one place that makes keys from them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootSecret(..)")
    }
}

impl PartialEq for RootSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for RootSecret {}

/// A new secret in base64, for a file or an environment variable.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate_secret() -> Result<String, getrandom::Error> {
    let mut bytes = Zeroizing::new([0_u8; MIN_BYTES]);
    getrandom::fill(bytes.as_mut_slice())?;
    Ok(STANDARD.encode(bytes.as_slice()))
}

/// Reads a file that holds a single secret value, without the line break at its end. Everybody may not be able to.
pub(in crate::config) fn read_secret_file(path: &Path, diagnostics: &Diagnostics) -> Result<String, String> {
    const LONGEST: u64 = 8 * 1024;
    let told = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => MISSING_FILE.to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "names a file that may not be read; run chown or chmod on it".to_owned()
        }
        std::io::ErrorKind::InvalidData => {
            "names a file that is not text; write the value as a line of text".to_owned()
        }
        kind => format!("names a file that can not be read ({kind}); name a plain file"),
    };
    if path.is_dir() {
        return Err("names a folder; name a file".to_owned());
    }
    // A pipe would keep whoever reads it waiting, at each reload.
    if path.exists() && !path.is_file() {
        return Err("names a pipe, a socket or a device; name a plain file".to_owned());
    }
    let mut text = Zeroizing::new(String::new());
    let file = std::fs::File::open(path).map_err(|error| told(&error))?;
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| told(&error))?;
    if text.len() as u64 > LONGEST {
        return Err("names a file above 8 KiB; name the file that holds this value alone".to_owned());
    }
    diagnostics.check_secret_mode(path)?;
    Ok(text.trim_end().to_owned())
}
