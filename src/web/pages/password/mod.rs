//! Changing the password.

mod samples;
mod view;

pub use samples::samples;
pub use view::{AfterChange, PasswordPage, Rules, Wrong};
