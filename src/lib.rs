//! Portcullis.
pub mod account;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod gate;
pub mod guard;
pub mod id;
pub mod metrics;
pub mod outage;
pub mod portcullis;
pub mod proxy;
pub mod public_url;
pub mod secret;
pub mod server;
pub mod session;
pub mod sign_in;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod visitor;
pub mod web;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Commit that it was built from, where that is known.
pub const REVISION: &str = match option_env!("PORTCULLIS_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
/// When it was built, where that is known.
pub const BUILT: &str = match option_env!("PORTCULLIS_BUILT") {
    Some(date) => date,
    None => "unknown",
};
