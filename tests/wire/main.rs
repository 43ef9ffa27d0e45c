//! What goes over the wire, byte for byte: a proxy on a loopback port or the program itself, apps that record what they
//! receive, and raw clients.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod checker;
mod harness;
mod hashing_memory;

mod addresses;
mod app_answers;
mod body_limits;
mod chunked;
mod connection_sign_in;
mod cookies;
mod cross_site;
mod cross_site_forms;
mod early_answers;
mod expectations;
mod failures;
mod fault_tools;
mod forwarded;
mod framing;
mod guarded_caching;
mod heads;
mod http2;
mod http2_content;
mod http2_frames;
mod identity;
mod identity_presets;
mod identity_secret;
mod letters;
mod listening;
mod live_sessions;
mod log;
mod proxy_protocol;
mod retries;
mod servers;
mod slow_clients;
mod slow_readers;
mod streams;
mod tls;
mod unwanted_bodies;
mod upgrades;
mod versions;

mod apps;
mod audit_trail;
mod balancers;
mod checking;
mod command_line;
mod crashes;
mod demo;
mod ending;
mod init;
mod large_bodies;
mod next_visitor;
mod open_files;
mod open_streams;
mod open_streams_close;
mod open_streams_live;
mod path_readings;
mod pressed_twice;
mod quickstart;
mod read_timeout;
mod real_apps;
mod redis;
mod redis_faults;
mod reloading;
mod replicas;
mod sign_in_flood;
mod stopping;
mod store_away;
mod two_installations;
mod unwritable;
mod users_transfer;
mod watch_script;
mod watching;
