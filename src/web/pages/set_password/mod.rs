//! Setting a password with a one-time link.

mod handler;
mod samples;
mod view;

pub(in crate::web) use handler::{show, submit};
pub use samples::{expired_samples, samples};
pub use view::{ExpiredLinkPage, SetPasswordPage};
