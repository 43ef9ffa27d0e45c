//! Requests in flight: the registry by session, why a request is cancelled, and the state that its timers and its private
//! connections to apps need.

pub(super) mod cancel_reason;
pub(super) mod lock;
pub(super) mod private_connections;
pub(super) mod read_timeout;
pub(super) mod registry;
pub(super) mod slot;
pub(super) mod slow_readers;
pub(super) mod write_progress;
