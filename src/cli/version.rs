//! `portcullis version`

use clap::Args;

use super::{Done, output::say};

/// Prints the version and the commit it was built from
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis version")]
pub(super) struct Version {}

impl Version {
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "every verb has the same face")]
    pub(super) fn run(self) -> Done {
        say(&format!("portcullis {} (commit {} of {})", crate::VERSION, crate::REVISION, crate::BUILT));
        Ok(())
    }
}
