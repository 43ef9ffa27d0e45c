//! Sign-in history.

mod samples;
mod view;

pub(crate) use samples::failed_entries;
pub use samples::samples;
pub use view::HistoryPage;
