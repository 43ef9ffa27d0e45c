//! One session in detail.

mod samples;
mod view;

pub use samples::samples;
pub use view::SessionPage;
