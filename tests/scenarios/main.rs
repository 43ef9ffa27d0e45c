//! What Portcullis does, in one process, named like the manual.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by panicking")]

mod config;
mod pages;
mod store_contract;
mod store_crash;
mod store_file;

mod town;

mod cookies;
mod signing_in;
mod signing_out;
mod unauthenticated;
mod way_back;
mod ending_sessions;
mod gate_rules;
mod heartbeat;
mod lifetimes;
mod sessions_list;
mod disabling;
mod history;
mod one_time_links;
mod passwords;
mod same_site;
mod throttling;
mod why_signed_out;
