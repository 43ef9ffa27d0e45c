//! Pages and API under `/security`: one axum router, called without a socket. They are one more client of the use cases.

mod answer;
pub mod api;
mod call;
mod change_password;
mod cross_site_form;
mod desk;
mod error;
mod forget;
mod headers;
mod live;
pub mod look;
pub mod pages;
pub mod paths;
mod problem;
mod render;
mod sent;
mod serve;
mod sign_out;
mod submission;
mod way_back;
mod why_ended;
pub mod words;

pub use answer::Answer;
pub use call::Call;
pub use cross_site_form::{ClaimedForm, FormStep};
pub use desk::{AfterChange, Desk, House};
pub use error::{Error, Failed, Shape, in_english};
pub use headers::{OWN_HEADERS, harden};
pub use live::{LiveEvent, LiveSessions};
pub use serve::{FORWARDED_METHODS, Web};
pub use way_back::WayBack;
