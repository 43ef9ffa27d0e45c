//! What happened: the login history that the visitor sees, and later the audit trail that the administrator sees.

mod fact;
mod journal;
mod seldom;
mod store;

pub use fact::{Actor, Entry, Fact, Refusal, Story, Told};
pub use journal::Journal;
pub use seldom::Seldom;
pub use store::{AuditStore, Outcome, Page, Query, TrailEnd, TrailQuery};
