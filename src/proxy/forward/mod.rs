//! Forwarding: Pingora's hooks around one request, from the decision of the gate to the app's response or one of our own.

mod app_cookies;
mod cache_control;
mod client;
mod connection_auth;
mod content;
mod cross_site_form;
mod endpoint;
mod event_stream;
mod failure;
pub(super) mod hooks;
pub(super) mod identity;
mod media_type;
mod own_pages;
mod own_response;
mod peer;
mod request_context;
mod request_id;
mod response;
mod response_framing;
mod response_headers;
mod retry;
mod upgrade;
mod upstream_request;
pub(super) mod upstreams;
mod watch_script;
