//! The pages under `/security`: what a person sees of Portcullis, and where it is found.
//!
//! `words` says it in the visitor's language, `look` is how it looks, `pages` has a folder for each page.

pub mod look;
pub mod pages;
pub mod paths;
pub mod words;
