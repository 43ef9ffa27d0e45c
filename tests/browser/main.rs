//! The pages in a real browser: Chromium, driven as a person would use it, before the program itself.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

#[path = "../wire/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "what only the tests over the wire need")]
mod harness;

mod browser;

mod accessibility;
mod cross_site_form;
mod double_click;
mod fragment;
mod frames;
mod hostile;
mod installed_app;
mod keyboard;
mod live;
mod next_visitor;
mod open_streams;
mod sessions;
mod width;
