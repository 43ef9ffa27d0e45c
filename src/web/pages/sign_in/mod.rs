//! The sign-in form, and why one is there.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit};
pub use samples::samples;
pub use view::{NotIn, SignInPage};
pub(crate) use view::{ended_sentence, try_again};
