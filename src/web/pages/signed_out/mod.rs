//! After signing out.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{ask, clear_cookies, show, submit};
pub use samples::samples;
pub use view::SignedOutPage;
