//! Setting a password with a one-time link.

mod samples;
mod view;

pub use samples::{expired_samples, samples};
pub use view::{ExpiredLinkPage, SetPasswordPage};
