//! The sign-in form, and why one is there.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit};
pub use samples::samples;
pub use view::{SignInFormError, SignInPage};
pub(crate) use view::{end_note_text, retry_text};
