//! Composition root: from a configuration to a running program. The only place that sees every part.

mod parts;
mod settings;

pub use parts::{Parts, Stores};
pub use settings::Settings;
