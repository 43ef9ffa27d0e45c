//! Sign-in history.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{export_csv, show};
pub(crate) use samples::failed_entries;
pub use samples::samples;
pub use view::HistoryPage;
