//! Stores: what stands behind the store traits of the domain. None of them knows a policy.
//!
//! Each of them passes the same contract suite, `tests/scenarios/store_contract`, races included.

pub mod embedded;
pub mod redis;

mod effects_id;
mod live_effects;
mod live_store;
mod measured;
mod operations;
mod record_store;
mod session_body;

pub use effects_id::EffectsId;
pub use live_effects::{AppliedCommand, LiveEffects, SessionEffect};
pub use live_store::{Lease, LiveStore, Outbox, StoreHealth};
pub use measured::MeasuredStore;
pub use record_store::RecordStore;
