//! `portcullis doctor`: why it does not work, and what to do about it.

use clap::Args;

use super::{
    CommandError, CommandResult, ConfigFile,
    checks::{self, Finding},
    healthcheck::{self, Readiness},
    look_alikes,
    output::print_line,
};
use crate::config::Config;

/// Looks for what is wrong with this installation, and says what to do
#[derive(Debug, Args)]
#[command(after_help = "Changes nothing, and may run beside the server. Exit 0: nothing is wrong.\n\n\
                        Example: portcullis doctor -c /etc/portcullis/portcullis.yaml")]
pub(super) struct DoctorCommand {
    #[command(flatten)]
    file: ConfigFile,
}

impl DoctorCommand {
    pub(super) fn run(self) -> CommandResult {
        let (path, config) = self.file.load()?;
        let mut found = vec![Finding::Pass(format!("{}: no complaints", path.display()))];
        found.extend(checks::file_permissions(&path, &config));
        found.extend(checks::stores(&config));
        found.extend(look_alikes::check_accounts(&config));
        found.extend(checks::plaintext_passwords(&config));
        found.extend(checks::client_addresses(&config));
        found.extend(running_server(&config));
        found.extend(checks::listen_addresses(&config));
        found.extend(checks::public_url(&config));
        found.extend(checks::certificate(&config));
        found.extend(checks::upstreams(&config));
        found.push(checks::system_clock());
        let mut wrong = 0;
        for finding in found {
            match finding {
                Finding::Pass(said) => print_line(&format!("ok     {said}")),
                Finding::Warn(said) => print_line(&format!("look   {said}")),
                Finding::Fail(said) => {
                    print_line(&format!("WRONG  {said}"));
                    wrong += 1;
                }
            }
        }
        match wrong {
            0 => Ok(()),
            1 => Err(CommandError::Failed("1 thing is wrong".to_owned())),
            more => Err(CommandError::Failed(format!("{more} things are wrong"))),
        }
    }
}

/// What the running server says of itself: it may be worse off than a look from outside can tell. None where none answers.
fn running_server(config: &Config) -> Option<Finding> {
    let address = config.admin.listen;
    if checks::RunningInstance::probe(config) == checks::RunningInstance::Foreign {
        return Some(Finding::Fail(format!(
            "server: another installation of Portcullis answers at {address} (its secret is another one); this one does not run, \
             or listens elsewhere"
        )));
    }
    match Readiness::parse(&healthcheck::fetch_readiness(address).ok()?) {
        Readiness::Ready(_) => {
            Some(Finding::Pass(format!("server: the one that runs says at {address} that it is ready")))
        }
        Readiness::NotReady(why) => Some(Finding::Fail(format!("server: the one that runs says at {address}: {why}"))),
        Readiness::Unrecognized(_) => None,
    }
}
