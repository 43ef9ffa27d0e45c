//! What the command line prints. A listing is a table for people, or JSON for programs.

use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::account::is_invisible;

/// The first error in writing to standard output.
static WRITE_ERROR: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line of a result. After the first failure nothing is printed any more: [`write_result`] returns its cause.
pub(super) fn print_line(line: &str) {
    print_bytes(format!("{line}\n").as_bytes());
}

/// Prints a result as it is.
pub(super) fn print_bytes(text: &[u8]) {
    let mut failure = WRITE_ERROR.lock().unwrap_or_else(PoisonError::into_inner);
    if failure.is_some() {
        return;
    }
    let mut out = io::stdout().lock();
    *failure = out.write_all(text).and_then(|()| out.flush()).err();
}

/// Whether all that was said can be read. What an act has done stays done; only who waits for its result hears of this.
///
/// # Errors
/// Why standard output takes no more: the first write that it refused.
pub(super) fn write_result() -> io::Result<()> {
    match &*WRITE_ERROR.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(why) => Err(why.raw_os_error().map_or_else(|| why.kind().into(), io::Error::from_raw_os_error)),
        None => Ok(()),
    }
}

/// Prints why something was not done.
pub(super) fn print_error(why: &str) {
    let _ = writeln!(io::stderr().lock(), "{why}");
}

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl Serialize) {
    print_line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Prints a table whose columns are as wide as they need be.
pub(super) fn print_table(head: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = head.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    print_line(&line(head.to_vec()));
    for row in rows {
        print_line(&line(row.iter().map(String::as_str).collect()));
    }
}

/// Text that somebody else chose, for a terminal: control characters are shown, not obeyed, and so is what does not show.
pub(super) fn printable(text: &str) -> String {
    let tricks = |c: char| c.is_control() || is_invisible(c);
    text.chars().flat_map(|c| if tricks(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
