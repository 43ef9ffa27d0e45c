//! Changing the password.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit, wrong_of};
pub use samples::samples;
pub(crate) use view::rules;
pub use view::{PasswordPage, Wrong};
