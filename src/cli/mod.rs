//! The command line: one file a verb. Exit 0 is done, 1 is failed, 2 is wrong usage or a wrong configuration.

mod audit;
mod checks;
mod completions;
mod config;
mod context;
mod demo;
mod doctor;
mod explain;
mod healthcheck;
mod init;
mod look_alikes;
mod output;
mod run;
mod sessions;
mod users;
mod version;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Lets only signed-in people through to your app, and shows each of them every place they are signed in.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version = crate::VERSION,
    arg_required_else_help = true,
    after_help = "To look around: portcullis demo. To begin: portcullis init. What is wrong: portcullis doctor.\n\
                  Exit 0: done; 1: failed; 2: wrong usage or a wrong configuration."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunCommand),
    Demo(demo::DemoCommand),
    Init(init::InitCommand),
    Config(config::ConfigCommand),
    Users(users::UsersCommand),
    Sessions(sessions::SessionsCommand),
    Audit(audit::AuditCommand),
    Doctor(doctor::DoctorCommand),
    Healthcheck(healthcheck::HealthcheckCommand),
    Version(version::VersionCommand),
    Completions(completions::CompletionsCommand),
}

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
struct ConfigFile {
    /// The configuration file; else `$PORTCULLIS_CONFIG`, `./portcullis.yaml`, `/etc/portcullis/portcullis.yaml`
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

/// Error of a command.
#[derive(Debug)]
enum CommandError {
    /// Execution failed: exit 1.
    Failed(String),
    /// Wrong usage or configuration: exit 2.
    Usage(String),
}

type CommandResult = Result<(), CommandError>;

impl CommandError {
    /// Failure with the chain of its causes.
    fn from_error(why: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(crate::store_error::with_causes(why).to_string())
    }
}

/// Runs the verb that the command line names.
#[must_use]
pub fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(line) => line,
        // The help and the version, which are a result.
        Err(asked) if !asked.use_stderr() => {
            output::print_bytes(asked.render().to_string().as_bytes());
            return exit_code(Ok(()));
        }
        Err(wrong) => wrong.exit(),
    };
    exit_code(match command_line.command {
        Command::Run(verb) => verb.run(),
        Command::Demo(verb) => verb.run(),
        Command::Init(verb) => verb.run(),
        Command::Config(verb) => verb.run(),
        Command::Users(verb) => verb.run(),
        Command::Sessions(verb) => verb.run(),
        Command::Audit(verb) => verb.run(),
        Command::Doctor(verb) => verb.run(),
        Command::Healthcheck(verb) => verb.run(),
        Command::Version(verb) => verb.run(),
        Command::Completions(verb) => verb.run(),
    })
}

/// Exit code of a result.
fn exit_code(result: CommandResult) -> ExitCode {
    let done = result.and_then(|()| match output::write_result() {
        // A closed pipe (`| head`) is the reader's way to say: enough.
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::Failed(format!("not all of the result could be written to standard output: {why}")))
        }
        _ => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Failed(why)) => {
            output::print_error(&why);
            ExitCode::from(1)
        }
        Err(CommandError::Usage(why)) => {
            output::print_error(&why);
            ExitCode::from(2)
        }
    }
}

impl ConfigFile {
    /// Finds the configuration.
    fn find(&self) -> Result<PathBuf, CommandError> {
        crate::config::find(self.config.as_deref(), &env_var).map_err(|why| CommandError::Usage(why.to_string()))
    }

    /// Finds and reads the configuration.
    fn load(&self) -> Result<(PathBuf, crate::config::Config), CommandError> {
        let path = self.find()?;
        let config =
            crate::config::Config::load(&path, &env_var).map_err(|why| CommandError::Usage(why.to_string()))?;
        Ok((path, config))
    }
}

/// A variable of the environment.
fn env_var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl From<crate::account::AccountError> for CommandError {
    fn from(problem: crate::account::AccountError) -> Self {
        use crate::account::AccountError;
        match problem {
            AccountError::WeakPassword(broken) => {
                let rules: Vec<String> = broken.into_iter().map(crate::web::weakness_text).collect();
                Self::Failed(format!("the password breaks the rules: {}", rules.join("; ")))
            }
            AccountError::Store(away) => away.into(),
            other => Self::from_error(&other),
        }
    }
}

impl From<crate::store_error::StoreError> for CommandError {
    fn from(away: crate::store_error::StoreError) -> Self {
        Self::from_error(&away)
    }
}
