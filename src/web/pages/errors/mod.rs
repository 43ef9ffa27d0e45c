//! What went wrong, and what to do.

mod samples;
mod view;

pub use samples::samples;
pub use view::{ErrorPage, Trouble};
