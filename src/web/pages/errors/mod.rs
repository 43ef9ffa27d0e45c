//! What went wrong, and what to do.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::answer;
pub use samples::samples;
pub use view::{ErrorPage, Trouble};
