//! Scenarios: what Portcullis promises, told in-process.

mod store_contract;
mod store_crash;
mod store_file;
