//! What is wrong with a configuration, where, and what to write instead.
//!
//! A complaint quotes what the operator wrote only through [`quote`], which is bounded and escapes control
//! characters; what came from the environment or may be a secret is never quoted at all.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::tree::{Node, Position};
use crate::exposure::file_exposure;

/// One thing wrong, on one line: `file:line:column: key: what is wrong; what to write instead`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    position: Option<Position>,
    key: String,
    file: String,
    message: String,
}

impl ConfigError {
    /// The dotted path of the key, such as `routes[1].access`; empty when it is about the file as a whole.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Line and column, counted from 1; none when the file could not be read at all.
    #[must_use]
    pub fn position(&self) -> Option<(u64, u64)> {
        self.position.map(|place| (place.line, place.column))
    }

    /// What is wrong and what to write instead.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(place) = self.position {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

/// All that is wrong with a configuration, in the order of the file. Displays as one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// A single complaint about a file as a whole.
    pub(super) fn for_file(file: &Path, message: impl Into<String>) -> Self {
        Self(vec![ConfigError { position: None, key: String::new(), file: file_name(file), message: message.into() }])
    }

    /// Each complaint, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// How many there are; never none.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "complaints without a complaint do not exist")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, complaint) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{complaint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The diagnostics at which complaints are filed while a configuration is read, so that all are told at once.
pub(super) struct Diagnostics {
    file: String,
    base_dir: PathBuf,
    /// Folders of secrets whose modes a platform sets.
    platform_secret_dirs: Vec<PathBuf>,
    errors: RefCell<Vec<ConfigError>>,
    /// Keys that were written with a mistake in their name: they are not missing as well.
    misspelled: RefCell<Vec<String>>,
    /// Where the value of each key stands that could be read.
    positions: RefCell<HashMap<String, Position>>,
}

impl Diagnostics {
    /// A diagnostics for the file of this name, whose relative paths start at `base`.
    pub(super) fn new(file: &Path, base: &Path) -> Self {
        Self {
            file: file_name(file),
            base_dir: base.to_path_buf(),
            platform_secret_dirs: vec![PathBuf::from("/run/secrets")],
            errors: RefCell::default(),
            misspelled: RefCell::default(),
            positions: RefCell::default(),
        }
    }

    /// Leaves the modes of files in `$CREDENTIALS_DIRECTORY` to whoever made it (systemd).
    pub(super) fn with_credentials_dir(mut self, env: super::EnvLookup<'_>) -> Self {
        self.platform_secret_dirs
            .extend(env("CREDENTIALS_DIRECTORY").filter(|folder| folder.starts_with('/')).map(PathBuf::from));
        self
    }

    /// Refuses a file that holds a secret and that everybody on this machine may open, with the line that mends it.
    pub(super) fn check_secret_mode(&self, path: &Path) -> Result<(), String> {
        let Some(exposure) = file_exposure(path) else { return Ok(()) };
        let lies_in = |folder: &PathBuf| {
            path.canonicalize().is_ok_and(|path| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder)))
        };
        if self.platform_secret_dirs.iter().any(lies_in) {
            return Ok(());
        }
        Err(format!("{exposure}; run: chmod o-rwx {}", escape(&path.display().to_string(), 200)))
    }

    /// Files a complaint.
    pub(super) fn report(&self, place: Position, key: &str, message: impl Into<String>) {
        self.errors.borrow_mut().push(ConfigError {
            position: Some(place),
            key: key.to_owned(),
            file: self.file.clone(),
            message: message.into(),
        });
    }

    /// Notes where the value of a key stands that could be read.
    pub(super) fn note_position(&self, key: &str, at: Position) {
        self.positions.borrow_mut().insert(key.to_owned(), at);
    }

    /// Whether a key is written, and its value could be read.
    pub(super) fn is_written(&self, key: &str) -> bool {
        self.positions.borrow().contains_key(key)
    }

    /// Reports an error in the value of a key that could be read.
    pub(super) fn report_at(&self, key: &str, message: impl Into<String>) {
        let position = self.positions.borrow().get(key).copied();
        if let Some(at) = position {
            self.report(at, key, message);
        }
    }

    /// Whether this key or one below it has been complained about.
    pub(super) fn has_error_at(&self, key: &str) -> bool {
        self.errors.borrow().iter().any(|filed| {
            filed.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Notes which key was meant by one with a mistake in its name.
    pub(super) fn note_misspelled(&self, key: String) {
        self.misspelled.borrow_mut().push(key);
    }

    /// Complains that a key is missing, unless it was there and wrong.
    pub(super) fn report_missing(&self, place: Position, key: &str, message: impl Into<String>) {
        if !self.has_error_at(key) && !self.misspelled.borrow().iter().any(|meant| meant == key) {
            self.report(place, key, message);
        }
    }

    /// A path as written, seen from the folder of the configuration file.
    pub(super) fn resolve_path(&self, written: &str) -> PathBuf {
        self.base_dir.join(written)
    }

    /// The result, if nobody complained.
    pub(super) fn finish<T>(self, result: Option<T>) -> Result<T, ConfigErrors> {
        let mut filed = self.errors.into_inner();
        filed.sort();
        filed.dedup();
        match result {
            Some(result) if filed.is_empty() => Ok(result),
            _ => Err(ConfigErrors(filed)),
        }
    }
}

/// A file's name for a message.
fn file_name(path: &Path) -> String {
    escape(&path.display().to_string(), 300)
}

/// What the operator wrote, in quotes, bounded and without control characters.
pub(super) fn quote(written: &str) -> String {
    format!("\"{}\"", escape(written, 60))
}

/// A scalar for a message; what came from the environment may be a secret and is not repeated.
pub(super) fn quote_node(node: &Node) -> String {
    match node.text() {
        Some(text) if !node.from_environment => quote(text),
        Some(_) => "(the value from the environment)".to_owned(),
        None => node.kind().to_owned(),
    }
}

/// Control characters escaped, and cut after `longest` characters.
pub(super) fn escape(text: &str, longest: usize) -> String {
    let mut escaped = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == longest {
            escaped.push('…');
            break;
        }
        if letter.is_control() || disguises_line(letter) {
            escaped.extend(letter.escape_unicode());
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Whether a letter turns the direction of a line, breaks it or does not show, and so could disguise a message. Fewer than
/// [`is_invisible`](crate::account::is_invisible), whose soft hyphens and tags (in flags) are fine in the label of a page.
fn disguises_line(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
