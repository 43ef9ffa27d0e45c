//! Background tasks. Each looks at the world, brings it nearer to what it should be, and says what it did; timer,
//! test and operator call the same function.

mod check_streams;
mod confirm_ends;
mod drain_outbox;
mod file_watcher;
mod flush_failure_counts;
mod flush_heartbeats;
mod free_memory;
mod reapply_ends;
mod refresh_upstreams;
mod release_claims;
mod revocation_watcher;
mod runner;
mod store_watcher;
mod sweep;
mod trim_audit_log;

pub use check_streams::{CheckStreams, CheckStreamsParts};
pub use confirm_ends::ConfirmEnds;
pub use drain_outbox::DrainOutbox;
pub use file_watcher::FileWatcher;
pub use flush_failure_counts::FlushFailureCounts;
pub use flush_heartbeats::FlushHeartbeats;
pub use free_memory::FreeMemory;
pub use reapply_ends::ReapplyEnds;
pub use refresh_upstreams::RefreshUpstreams;
pub use release_claims::ReleaseClaims;
pub use revocation_watcher::{RevocationWatcher, RevocationWatcherParts};
pub use runner::{Task, TaskRunner};
pub use store_watcher::StoreWatcher;
pub use sweep::{Sweep, SweepReport};
pub use trim_audit_log::TrimAuditLog;
