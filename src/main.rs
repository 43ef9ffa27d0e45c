//! The command line's entrance.

use std::process::ExitCode;

// The C library's allocator. mimalloc had 37 MB more resident when idle; it saves instructions (docs/performance.md), but no
// CPU time that could be told from noise. What spoke against this one is mended: the large pieces that passwords are hashed
// in are kept (`account::Hasher`), so that no thread's arena holds on to them.
fn main() -> ExitCode {
    portcullis::cli::main()
}
