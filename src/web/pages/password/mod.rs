//! Changing the password.

mod handler;
mod rules;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit, wrong_of, wrong_with};
pub(crate) use rules::{Rule, mark, rules};
pub use samples::samples;
pub use view::{PasswordPage, Wrong};
