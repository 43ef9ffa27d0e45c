//! After signing out.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{clear_cookies, confirm, show, submit};
pub use samples::samples;
pub use view::SignedOutPage;
