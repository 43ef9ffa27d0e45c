//! After a sign-in that another tab is waiting for.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::show;
pub use samples::samples;
pub use view::SignedInPage;
