//! The audit log of what happened: the login history that the visitor sees, and the audit trail that the operator reads.

mod audit_log;
mod dedup;
mod event;
mod failed_sign_ins;
mod policy;
mod reason;
mod recorded;
mod store;

pub use audit_log::AuditLog;
pub use dedup::Dedup;
pub use event::{Actor, AuditContext, AuditEntry, AuditEvent, SignInFailure};
pub use failed_sign_ins::FailedSignIn;
pub use policy::{AuditLogFullness, AuditPolicy};
pub use reason::{Reason, ReasonError};
pub use recorded::Recorded;
pub use store::{AuditLogSize, AuditPage, AuditStore, AuditTrailQuery, LoginHistoryQuery, LoginOutcome, TrailOrder};
