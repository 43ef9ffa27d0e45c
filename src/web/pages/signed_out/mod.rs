//! After signing out.

mod samples;
mod view;

pub use samples::samples;
pub use view::SignedOutPage;
