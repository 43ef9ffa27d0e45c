//! Changing the password.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{rules, show, submit, wrong_of};
pub use samples::samples;
pub use view::{AfterChange, PasswordPage, Rules, Wrong};
