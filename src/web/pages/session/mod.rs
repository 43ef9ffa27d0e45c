//! One session in detail.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::show;
pub use samples::samples;
pub use view::SessionPage;
