//! What should happen to this request: the function from a head to a [`Decision`].
//!
//! method → host → canonical path → ours? → route rule → credentials → one store look-up → standing → role; then, once,
//! metrics and heartbeat. It never fails: an outage is a refusal, too. It names no Pingora and no database.

mod bad_path;
mod character;
pub mod cookie;
mod credentials;
mod cross_site_form;
mod decision;
mod explain;
mod gatekeeper;
mod head;
mod judged;
mod own_paths;
mod path;
mod readings;
mod routes;
mod same_site;
mod slashes;
mod spelling;

pub use bad_path::BadPath;
pub use character::Character;
pub use credentials::{Because, Presented, Principal};
pub use cross_site_form::{CrossSiteForm, FormTarget, LARGEST_FORM, without_form_token};
pub use decision::{Decision, Label, Permit, Refusal, Visit};
pub use explain::{Explained, Verdict};
pub use gatekeeper::{Gate, GateParts, LIVE_SESSIONS};
pub use head::{Caller, Head, asks_for_a_page};
pub use judged::Judged;
pub use own_paths::OWN_PATHS;
pub use path::CanonicalPath;
pub use readings::Letters;
pub use routes::{Access, CachePolicy, PathPolicy, Route, RouteTable};
