//! Asking before something is ended.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{ask_all, ask_one, ask_others, end_all, end_one, end_others};
pub use samples::samples;
pub use view::Confirmation;
