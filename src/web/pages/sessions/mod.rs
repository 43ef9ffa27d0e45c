//! Where one is signed in.

mod samples;
mod view;

pub use samples::samples;
pub use view::SessionsPage;
pub(crate) use view::{Dot, ends};
