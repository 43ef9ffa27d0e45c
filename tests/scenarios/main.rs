//! Scenarios: what Portcullis promises, told in-process.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by panicking")]

mod store_contract;
mod store_crash;
mod store_file;
