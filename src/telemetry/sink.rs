//! Where the lines of the log go: many at once.

use std::{
    io::{self, BufWriter, Write},
    thread,
    time::Duration,
};

/// How long lines are gathered.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);

/// Writes what has come, then lets more come.
///
/// Under load this saves a system call for each line, and while it rests nobody who logs has to wake its thread: both cost
/// more than to write the line itself. It is flushed when nothing is left to write.
pub(super) struct BatchingWriter<W: Write>(BufWriter<W>);

impl<W: Write> BatchingWriter<W> {
    pub(super) fn new(to: W) -> Self {
        Self(BufWriter::with_capacity(64 * 1024, to))
    }
}

impl<W: Write> Write for BatchingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(FLUSH_INTERVAL);
        Ok(())
    }
}
