//! What runs by itself. Each task looks at the world, brings it nearer to what it should be, and says what it did; timer,
//! test and operator call the same function.

mod catch_up;
mod check_streams;
mod confirm_ends;
mod driver;
mod end_again;
mod free_memory;
mod heartbeat;
mod release_claims;
mod sweep;
mod trim_journal;
mod watch_ends;
mod watch_file;
mod watch_store;
mod write_counts;

pub use catch_up::CatchUp;
pub use check_streams::{CheckStreams, CheckStreamsParts};
pub use confirm_ends::ConfirmEnds;
pub use driver::Driver;
pub use end_again::EndAgain;
pub use free_memory::FreeMemory;
pub use heartbeat::FlushHeartbeats;
pub use release_claims::ReleaseClaims;
pub use sweep::{Sweep, Swept};
pub use trim_journal::TrimJournal;
pub use watch_ends::{WatchEnds, WatchEndsParts};
pub use watch_file::WatchFile;
pub use watch_store::WatchStore;
pub use write_counts::WriteCounts;
