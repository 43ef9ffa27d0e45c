//! What happened: the login history that the visitor sees, and the audit trail that the operator reads.

mod fact;
mod failed_sign_ins;
mod journal;
mod policy;
mod seldom;
mod store;

pub use fact::{Actor, Entry, Fact, Refusal, Story, Told};
pub use failed_sign_ins::FailedSignIn;
pub use journal::Journal;
pub use policy::{Fullness, JournalPolicy};
pub use seldom::Seldom;
pub use store::{AuditStore, JournalSize, Outcome, Page, Query, TrailEnd, TrailQuery};
