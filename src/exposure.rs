//! Permissions of files that hold secrets.
//!
//! A group may read such a file: container platforms and package managers hand secrets to a service by its group. Everybody
//! may not.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

/// Mode bits that expose a secret or let it be changed: read and write for "others".
const OTHERS_READ_WRITE: u32 = 0o006;

/// Access of "others" to this file, with its mode; none where they have none, or where there is no such file.
#[must_use]
pub fn file_exposure(path: &Path) -> Option<Exposure> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & OTHERS_READ_WRITE != 0).then_some(Exposure { mode })
}

/// Access of "others" to a file. Displays as a part of a sentence: `everybody may read it (mode 0644)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    mode: u32,
}

impl std::fmt::Display for Exposure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let may = match self.mode & OTHERS_READ_WRITE {
            0o004 => "read",
            0o002 => "change",
            _ => "read and change",
        };
        write!(f, "everybody on this machine may {may} it (mode {:04o})", self.mode)
    }
}
