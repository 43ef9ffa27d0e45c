//! The sign-in form, and why one is there.

mod samples;
mod view;

pub use samples::samples;
pub(crate) use view::try_again;
pub use view::{NotIn, SignInPage};
