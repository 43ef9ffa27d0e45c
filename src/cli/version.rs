//! `portcullis version`

use clap::Args;

use super::{CommandResult, output::print_line};

/// Prints the version and the commit it was built from
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis version")]
pub(super) struct VersionCommand {}

impl VersionCommand {
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "every verb has the same face")]
    pub(super) fn run(self) -> CommandResult {
        print_line(&format!("portcullis {} (commit {} of {})", crate::VERSION, crate::REVISION, crate::BUILT));
        Ok(())
    }
}
