//! Changing the password.

mod handler;
mod rules;
mod samples;
mod view;

pub(in crate::web) use handler::{check_new_password, form_errors, show, submit};
pub(crate) use rules::{PasswordRule, mark_broken, rules};
pub use samples::samples;
pub use view::{PasswordFormError, PasswordPage};
