//! What happened: the login history that the visitor sees, and the audit trail that the operator reads.

mod fact;
mod journal;
mod seldom;
mod store;

pub use fact::{Actor, Entry, Fact, Refusal, Story, Told};
pub use journal::Journal;
pub use seldom::Seldom;
pub use store::{AuditStore, Outcome, Page, Query, TrailEnd, TrailQuery};
