//! Sections of the file, one module each: keys, defaults, ranges, and what keys mean together.

pub(in crate::config) mod activity;
pub(in crate::config) mod admin;
pub(in crate::config) mod audit;
pub(in crate::config) mod branding;
pub(in crate::config) mod cross_site_forms;
pub(in crate::config) mod identity;
pub(in crate::config) mod limits;
pub(in crate::config) mod listen;
pub(in crate::config) mod lockout;
pub(in crate::config) mod log;
pub(in crate::config) mod passwords;
pub(in crate::config) mod public_url;
pub(in crate::config) mod routes;
pub(in crate::config) mod routing;
pub(in crate::config) mod secret;
pub(in crate::config) mod sessions;
pub(in crate::config) mod shutdown;
pub(in crate::config) mod sign_in;
pub(in crate::config) mod store;
pub(in crate::config) mod tls;
pub(in crate::config) mod trusted_proxies;
pub(in crate::config) mod upstreams;
