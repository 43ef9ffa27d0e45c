//! The sign-in form, and why one is there.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit};
pub use samples::samples;
pub(crate) use view::try_again;
pub use view::{NotIn, SignInPage};
