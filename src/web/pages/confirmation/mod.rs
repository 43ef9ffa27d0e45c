//! Asking before something is ended.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{confirm_all, confirm_one, confirm_others, end_all, end_one, end_others};
pub use samples::samples;
pub use view::ConfirmationPage;
