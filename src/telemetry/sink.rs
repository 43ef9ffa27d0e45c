//! Batching writer of the log.

use std::{
    io::{self, BufWriter, Write},
    thread,
    time::Duration,
};

/// Interval over which lines are batched.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);

/// Writer that batches lines between flushes.
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
