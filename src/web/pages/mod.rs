//! The pages. Each folder holds a view-model, which speaks, and its template, which prints.
//!
//! A view-model is made of domain values, words and the time; nothing here asks a store or reads a clock.

mod form;
mod route;
pub mod samples;

pub mod confirmation;
pub mod cross_site_form;
pub mod errors;
pub mod framed;
pub mod history;
pub mod hub;
pub mod password;
pub mod session;
pub mod sessions;
pub mod set_password;
pub mod sign_in;
pub mod signed_in;
pub mod signed_out;

pub(super) use route::router;
