//! `portcullis completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{CommandLine, CommandResult, output::print_bytes};

/// Prints completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis completions bash > /etc/bash_completion.d/portcullis")]
pub(super) struct CompletionsCommand {
    /// Which shell
    shell: Shell,
}

impl CompletionsCommand {
    #[expect(clippy::unnecessary_wraps, reason = "every verb has the same face")]
    pub(super) fn run(self) -> CommandResult {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "portcullis", &mut script);
        print_bytes(&script);
        Ok(())
    }
}
