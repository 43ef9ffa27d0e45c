//! `portcullis run`

use clap::Args;

use super::{CommandError, CommandResult, ConfigFile};
use crate::{
    server::{self, App, StartError},
    telemetry,
};

/// Guards the app: serves until it is asked to stop
#[derive(Debug, Args)]
#[command(
    after_help = "SIGTERM lets requests finish and stops, SIGINT stops without waiting for a load balancer. SIGHUP reads the \
                        configuration again, and so does a change of its file.\n\n\
                        Example: portcullis run -c /etc/portcullis/portcullis.yaml"
)]
pub(super) struct RunCommand {
    #[command(flatten)]
    file: ConfigFile,
}

impl RunCommand {
    pub(super) fn run(self) -> CommandResult {
        let (path, config) = self.file.load()?;
        let _log = telemetry::start(server::log_options(&config));
        let server = App::new(config, Some(path))?;
        Ok(server.run(|| {})?)
    }
}

impl From<StartError> for CommandError {
    fn from(why: StartError) -> Self {
        Self::from_error(&why)
    }
}
