//! What Portcullis does, in one process, named like the manual.

mod config;
