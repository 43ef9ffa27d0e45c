//! Entry point of the command line.

use std::process::ExitCode;

// The C library's allocator, for its memory: mimalloc had 37 MB more resident when idle. It saves instructions
// (docs/performance.md); what it saves in CPU time was not to be told from noise where it was measured, on a busy machine.
// What spoke against this one is mended: the large pieces that passwords are hashed in are kept for the next one, and are of a
// size that it gives back to the system when they are freed (`account::hasher::memory`), so that no thread's arena holds on to
// them.
fn main() -> ExitCode {
    portcullis::cli::main()
}
