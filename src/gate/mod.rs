//! Policy enforcement: the function from a request head to a [`Decision`].
//!
//! method → host → canonical path → ours? → route rule → credentials → one store look-up → standing → role; then, once,
//! metrics and heartbeat. It never fails: an outage is a refusal, too. It names no Pingora and no database.

mod ambiguous_char;
mod canonical;
pub mod cookie;
mod credentials;
mod cross_site_form;
mod decision;
mod evaluation;
mod evaluator;
mod explain;
mod head;
mod invalid_path;
mod path;
mod readings;
mod routes;
mod same_site;
mod slashes;

pub use ambiguous_char::AmbiguousChar;
pub use credentials::{Authentication, Credential, Principal, RejectReason, Scopes, SessionCredential};
pub use cross_site_form::{CrossSiteForm, FormTarget, MAX_FORM_BYTES, strip_form_token};
pub use decision::{DecisionLabel, OwnRequest, Permit, Refusal};
pub use evaluation::{Decision, Evaluated, FormRequest, Outcome, OutcomeFields, Pending, fields_of};
pub use evaluator::{Gate, GateParts};
pub use explain::{ExplainedDecision, Explanation};
pub use head::{OwnedHead, RequestHead, RequestMode, accepts_html};
pub use invalid_path::InvalidPath;
pub use path::CanonicalPath;
pub use readings::LiteralChars;
pub use routes::{Access, CachePolicy, PathPolicy, Route, RouteTable};
