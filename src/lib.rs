//! Portcullis.
pub mod account;
pub mod audit;
pub mod clock;
pub mod gate;
pub mod guard;
pub mod id;
pub mod outage;
pub mod secret;
pub mod session;
pub mod visitor;
pub mod web;
