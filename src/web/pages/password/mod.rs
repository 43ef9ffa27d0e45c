//! Changing the password.

mod handler;
mod rules;
mod samples;
mod view;

pub(in crate::web) use handler::{form_faults, show, submit};
pub(crate) use rules::{PasswordRule, mark_broken, rules};
pub use samples::samples;
pub use view::PasswordPage;
pub(crate) use view::add_fault;
