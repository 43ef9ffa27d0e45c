//! Forwarding: Pingora's hooks around one request, from the decision of the gate to the app's response or one of our own.

pub(super) mod app_cookies;
pub(super) mod cache_control;
pub(super) mod client;
pub(super) mod connection_auth;
pub(super) mod content;
pub(super) mod cross_site_form;
pub(super) mod endpoint;
pub(super) mod event_stream;
pub(super) mod failure;
pub(super) mod hooks;
pub(super) mod identity;
pub(super) mod media_type;
pub(super) mod own_pages;
pub(super) mod own_response;
pub(super) mod peer;
pub(super) mod request_context;
pub(super) mod request_id;
pub(super) mod response;
pub(super) mod response_framing;
pub(super) mod response_headers;
pub(super) mod retry;
pub(super) mod upgrade;
pub(super) mod upstream_request;
pub(super) mod upstreams;
pub(super) mod watch_script;
