//! Asking before something is ended.

mod samples;
mod view;

pub use samples::samples;
pub use view::Confirmation;
