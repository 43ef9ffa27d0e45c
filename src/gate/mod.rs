//! What should happen to this request: the function from a head to a [`Decision`].
//!
//! method → host → canonical path → ours? → route rule → credentials → one store look-up → standing → role; then, once,
//! metrics and heartbeat. It never fails: an outage is a refusal, too. It names no Pingora and no database.

pub mod cookie;
mod credentials;
mod decision;
mod explain;
mod gatekeeper;
mod head;
mod judged;
mod path;
mod routes;
mod same_site;
mod slashes;

pub use credentials::{Because, Presented, Principal};
pub use decision::{Decision, Label, Permit, Refusal, Visit};
pub use explain::{Explained, Verdict};
pub use gatekeeper::{Gate, GateParts, LIVE_SESSIONS};
pub use head::{Caller, Head};
pub use judged::Judged;
pub use path::{BadPath, CanonicalPath};
pub use routes::{Access, CachePolicy, Route, RouteTable};
