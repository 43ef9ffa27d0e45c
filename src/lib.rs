#![doc = include_str!("ARCHITECTURE.md")]

pub mod auth_method;
pub mod certificate;
pub mod clock;
pub mod end_reason;
pub mod exposure;
pub mod id;
pub mod identity_headers;
pub mod invisible;
pub mod list_slice;
pub mod own_paths;
pub mod public_url;
pub mod secret;
pub mod store_error;

pub mod proxy;

pub mod portcullis;

pub mod gate;
pub mod visitor;

pub mod session;

pub mod account;

pub mod sign_in;

pub mod guard;

pub mod audit;

pub mod web;

pub mod store;

pub mod tasks;

pub mod metrics;
pub mod telemetry;

pub mod config;
pub mod server;

pub mod cli;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Commit of the build, where known.
pub const REVISION: &str = env!("PORTCULLIS_REVISION");
/// Date of that commit, where known.
pub const BUILT: &str = env!("PORTCULLIS_BUILT");
