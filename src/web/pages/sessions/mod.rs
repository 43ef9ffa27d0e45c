//! Where one is signed in.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{html, not_live, show};
pub use samples::samples;
pub use view::SessionsPage;
pub(crate) use view::{Dot, signs_out};
