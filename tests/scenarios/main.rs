//! What Portcullis does, in one process, named like the manual.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by panicking")]

mod config;
mod pages;
mod store_contract;
mod store_crash;
mod store_file;
