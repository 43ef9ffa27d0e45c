//! What Portcullis does, in one process, named like the manual.

mod config;
mod store_contract;
mod store_crash;
mod store_file;
