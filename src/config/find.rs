//! Where the configuration file is.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::EnvLookup;
use super::diagnostics::{ConfigErrors, escape};
use super::tree::MAX_FILE_BYTES;

/// The places to look at when none is named, in order.
const DEFAULT_PATHS: [&str; 2] = ["./portcullis.yaml", "/etc/portcullis/portcullis.yaml"];

/// The file to read: the named one, `$PORTCULLIS_CONFIG`, `./portcullis.yaml` or `/etc/portcullis/portcullis.yaml`.
///
/// # Errors
/// When there is none; the message says where it was looked for.
pub fn find(explicit: Option<&Path>, env: EnvLookup<'_>) -> Result<PathBuf, ConfigErrors> {
    if let Some(path) = explicit {
        return Ok(path.to_path_buf());
    }
    if let Some(path) = env("PORTCULLIS_CONFIG").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let found = DEFAULT_PATHS.iter().map(Path::new).find(|place| place.exists());
    found.map(|place| place.strip_prefix(".").unwrap_or(place).to_path_buf()).ok_or_else(|| {
        let places = DEFAULT_PATHS.join(" and ");
        let message = format!(
            "there is no configuration here (looked for {places}); name one with -c, or begin with: portcullis init"
        );
        ConfigErrors::for_file(Path::new("portcullis.yaml"), message)
    })
}

/// Reads a configuration file as text.
pub(super) fn read_text(path: &Path) -> Result<String, ConfigErrors> {
    let file_error = |message: String| ConfigErrors::for_file(path, message);
    if path.is_dir() {
        return Err(file_error("is a folder; name the file in it".to_owned()));
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(file_error(match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file; write one with: portcullis init".to_owned(),
            std::io::ErrorKind::PermissionDenied => "may not be read; run chown or chmod on it".to_owned(),
            _ => format!("can not be read: {}; look at the file", escape(&error.to_string(), 100)),
        }));
    }
    if bytes.len() > MAX_FILE_BYTES {
        return Err(file_error("is larger than 1 MiB; is this the right file?".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        file_error(format!("is not UTF-8 text (line {line}); save it as UTF-8"))
    })
}
