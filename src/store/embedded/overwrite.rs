//! Whether somebody other than `SQLite` has written into the file.
//!
//! In WAL mode `SQLite` writes into the file itself only while it moves the log there, and keeps count of that in the file
//! `-shm`, whoever does it. A file that has changed without that was changed by somebody who knows nothing of `SQLite`: an
//! old copy was put over it, most likely. To look into the file would tell less: as long as the log holds newer pages, those
//! hide what stands in the file.

use std::{
    fs::{File, Metadata},
    io,
    mem::ManuallyDrop,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

/// Where `-shm` says which log it is about (a number that no two have), and how much of it has been moved or is about to be.
/// From "WAL-mode File Format", section 2.
const LOG: usize = 32;
const MOVED: usize = 96;
const BEGUN: usize = 128;
const END: usize = BEGUN + 4;

/// What the last look saw.
#[derive(Debug, Default)]
pub(super) struct Overwrite {
    /// The file `-shm`. Never closed: that would drop the locks that `SQLite` has on it in this process.
    index: Option<ManuallyDrop<File>>,
    last: Option<(Count, Written)>,
}

/// How far the log has been moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    log: [u8; 8],
    moved: [u8; 4],
    begun: [u8; 4],
}

/// When the file was last written, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    at: (i64, i64),
    length: u64,
}

impl Overwrite {
    /// Whether the file has changed since the last look, and not by `SQLite`. Where both came in between, it is not told.
    pub(super) fn look(&mut self, file: &Path, index: &Path) -> io::Result<bool> {
        let index = match &self.index {
            Some(open) => open,
            None => self.index.insert(ManuallyDrop::new(File::open(index)?)),
        };
        let before = Count::read(index)?;
        let written = Written::of(&file.metadata()?);
        if before != Count::read(index)? || before.begun != before.moved {
            return Ok(false); // the log is being moved: the next look will see
        }
        let last = self.last.replace((before, written));
        Ok(last.is_some_and(|(count, earlier)| count == before && earlier != written))
    }
}

impl Count {
    fn read(index: &File) -> io::Result<Self> {
        let mut head = [0; END];
        index.read_exact_at(&mut head, 0)?;
        let (mut log, mut moved, mut begun) = ([0; 8], [0; 4], [0; 4]);
        log.copy_from_slice(&head[LOG..LOG + 8]);
        moved.copy_from_slice(&head[MOVED..MOVED + 4]);
        begun.copy_from_slice(&head[BEGUN..END]);
        Ok(Self { log, moved, begun })
    }
}

impl Written {
    fn of(file: &Metadata) -> Self {
        Self { at: (file.mtime(), file.mtime_nsec()), length: file.len() }
    }
}
