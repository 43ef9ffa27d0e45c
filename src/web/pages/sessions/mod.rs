//! Where one is signed in.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{not_event_stream, render_html, show};
pub use samples::samples;
pub use view::SessionsPage;
pub(crate) use view::{ActivityDot, signs_out_time};
