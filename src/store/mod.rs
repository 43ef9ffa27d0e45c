//! Where things are kept: what stands behind the store traits of the domain.
//!
//! Each of them passes the same contract suite, `tests/scenarios/store_contract`, races included.

pub mod embedded;
pub mod redis;

mod body;
mod measured;
mod records;

pub use measured::Measured;
pub use records::Records;
