//! What went wrong, and what to do.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::error_page;
pub use samples::samples;
pub use view::{ErrorContext, ErrorPage, ErrorPageKind};
