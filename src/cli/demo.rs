//! `portcullis demo`

use clap::Args;

use super::Done;

/// Shows a guarded sample app; nothing is needed and nothing is kept
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis demo --listen 127.0.0.1:8080")]
pub(super) struct Demo {}

impl Demo {
    pub(super) fn run(self) -> Done {
        Ok(())
    }
}
