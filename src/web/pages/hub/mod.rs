//! The first page: how things stand.

mod samples;
mod view;

pub use samples::samples;
pub use view::{HubPage, Standing};
