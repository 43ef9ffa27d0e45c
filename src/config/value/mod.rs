//! Single values with a syntax of their own. Each is read once, here; past this folder nobody looks at the text again.

pub(super) mod accent;
pub(super) mod address;
pub(super) mod duration;
pub(super) mod header_name;
pub(super) mod header_secret;
pub(super) mod link;
pub(super) mod network;
pub(super) mod redis_url;
pub(super) mod role;
pub(super) mod route_path;
pub(super) mod secret;
pub(super) mod size;
pub(super) mod store;
pub(super) mod text;
pub(super) mod upstream_address;
