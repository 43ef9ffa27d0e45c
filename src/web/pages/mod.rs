//! The pages. Each folder holds a view-model, which speaks, and its template, which prints.
//!
//! A view-model is made of domain values, words and the time; nothing here asks a store or reads a clock.

mod form;
mod page;
mod route;
// Test data in the shipped library: the scenarios render it, and a feature would be a flag for every run of them.
#[doc(hidden)]
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

pub use page::{Audience, Page};
pub(super) use route::router;

/// All pages. The router, the tabs, in this order, and the samples are made from it.
pub const PAGES: &[Page] = &[
    sign_in::PAGE,
    signed_in::PAGE,
    signed_out::PAGE,
    framed::PAGE,
    cross_site_form::PAGE,
    confirmation::PAGE,
    hub::PAGE,
    sessions::PAGE,
    session::PAGE,
    history::PAGE,
    password::PAGE,
    set_password::PAGE,
    errors::PAGE,
];
