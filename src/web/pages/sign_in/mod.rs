//! The sign-in form, and why one is there.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit};
pub use samples::samples;
pub use view::SignInPage;
pub(crate) use view::{alert_text, end_note_text, retry_text};
