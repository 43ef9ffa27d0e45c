//! Where one is signed in.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::show;
pub use samples::samples;
pub(crate) use view::Dot;
pub use view::SessionsPage;
