//! What Portcullis does, in one process, named like the manual.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by panicking")]

mod config;
mod pages;
mod records_file;
mod records_redis;
mod store_contract;
mod store_crash;
mod store_creation;
mod store_file;
mod store_file_opening;
mod store_redis;
mod store_redis_fitness;
mod store_reserve;
mod store_spoiled;
mod store_writes;

#[path = "../wire/harness/small_disk.rs"]
mod small_disk;
mod test_app;

mod signing_in;
mod signing_out;
mod way_back;
mod why_signed_out;

mod clock_steps;
mod ending_sessions;
mod failed_sign_ins;
mod frames;
mod heartbeat;
mod history;
mod hostile_texts;
mod lifetimes;
mod open_streams;
mod session_state;
mod sessions_list;

mod dead_sessions;
mod disabling;
mod one_time_links;
mod passwords;
mod pressed_at_once;
mod pressed_twice;
mod sweeping;
mod throttling;
mod transfer;

mod cookies;
mod cross_site_forms;
mod explaining;
mod gate_rules;
mod letters;
mod letters_read;
mod same_site;
mod slashes;
mod spellings;
mod unauthenticated;
mod unconfirmed_ends;
mod unicode;

mod api_contract;
mod errors_never_leak;
mod metrics;
mod outage;
mod own_pages;
mod redis_server;

mod known_devices;
mod layers;
