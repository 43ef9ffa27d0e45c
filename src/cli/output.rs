//! What the command line prints. A listing is a table for people, or JSON for programs.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::account::is_invisible;

/// Prints a line of a result.
pub(super) fn say(line: &str) {
    // A closed pipe (`| head`) is the reader's way to say: enough.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Prints why something was not done.
pub(super) fn complain(why: &str) {
    let _ = writeln!(io::stderr().lock(), "{why}");
}

/// Prints a value as JSON.
pub(super) fn say_json(value: &impl Serialize) {
    say(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Prints a table whose columns are as wide as they need be.
pub(super) fn say_table(head: &[&str], rows: &[Vec<String>]) {
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
    say(&line(head.to_vec()));
    for row in rows {
        say(&line(row.iter().map(String::as_str).collect()));
    }
}

/// Text that somebody else chose, for a terminal: control characters are shown, not obeyed, and so is what does not show.
pub(super) fn plain(text: &str) -> String {
    let tricks = |c: char| c.is_control() || is_invisible(c);
    text.chars().flat_map(|c| if tricks(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
