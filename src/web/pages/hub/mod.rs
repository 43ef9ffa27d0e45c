//! The first page: how things stand.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::show;
pub use samples::samples;
pub use view::{HubData, HubPage};
