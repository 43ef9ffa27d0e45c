//! `portcullis run`

use clap::Args;

use super::{ConfigFile, Done};

/// Serves
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis run -c /etc/portcullis/portcullis.yaml")]
pub(super) struct Run {
    #[command(flatten)]
    file: ConfigFile,
}

impl Run {
    pub(super) fn run(self) -> Done {
        let _ = self.file.load()?;
        Ok(())
    }
}
