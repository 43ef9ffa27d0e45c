//! Pages and API under `/security`: one axum router, called without a socket. They are one more client of the use cases.

pub mod api;
mod change_password;
mod clear_site_data;
mod cross_site_form;
mod end_note;
mod error;
mod event_stream;
mod extract;
mod headers;
pub mod i18n;
pub mod pages;

mod problem;
mod render;
mod request;
mod response;
mod return_to;
mod serve;
mod sign_in;
mod sign_out;
mod state;
mod submission;
pub mod theme;

pub use crate::own_paths as paths;
pub use cross_site_form::{ClaimedForm, FormDecision};
pub use error::{Error, ProblemType, RequestFailure, weakness_text};
pub use event_stream::{SessionEventStream, StreamEvent};
pub use headers::{SECURITY_HEADERS, set_security_headers};
pub use request::WebRequest;
pub use response::WebResponse;
pub use return_to::ReturnTo;
pub use serve::{FORWARDED_METHODS, Web};
pub use state::{OtherSessionsPolicy, SiteSettings, WebState};
