//! The command line: one file a verb. Exit 0 is done, 1 is failed, 2 is wrong usage or a wrong configuration.

mod audit;
mod beside;
mod checkup;
mod completions;
mod config;
mod demo;
mod doctor;
mod explain;
mod healthcheck;
mod init;
mod look_alikes;
mod output;
mod reason;
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
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Run),
    Demo(demo::Demo),
    Init(init::Init),
    Config(config::Config),
    Users(users::Users),
    Sessions(sessions::Sessions),
    Audit(audit::Audit),
    Doctor(doctor::Doctor),
    Healthcheck(healthcheck::Healthcheck),
    Version(version::Version),
    Completions(completions::Completions),
}

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
struct ConfigFile {
    /// The configuration file; else `$PORTCULLIS_CONFIG`, `./portcullis.yaml`, `/etc/portcullis/portcullis.yaml`
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

/// Why a verb did not do what it was asked to.
#[derive(Debug)]
enum Failed {
    /// It could not.
    No(String),
    /// It was asked for something that cannot be.
    Usage(String),
}

type Done = Result<(), Failed>;

impl Failed {
    /// It could not, for this reason and what caused it.
    fn because(why: &(dyn std::error::Error + 'static)) -> Self {
        Self::No(crate::outage::with_causes(why).to_string())
    }
}

/// Runs the verb that the command line names.
#[must_use]
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        // The help and the version, which are a result.
        Err(asked) if !asked.use_stderr() => {
            output::say_bytes(asked.render().to_string().as_bytes());
            return exit(Ok(()));
        }
        Err(wrong) => wrong.exit(),
    };
    exit(match line.verb {
        Verb::Run(verb) => verb.run(),
        Verb::Demo(verb) => verb.run(),
        Verb::Init(verb) => verb.run(),
        Verb::Config(verb) => verb.run(),
        Verb::Users(verb) => verb.run(),
        Verb::Sessions(verb) => verb.run(),
        Verb::Audit(verb) => verb.run(),
        Verb::Doctor(verb) => verb.run(),
        Verb::Healthcheck(verb) => verb.run(),
        Verb::Version(verb) => verb.run(),
        Verb::Completions(verb) => verb.run(),
    })
}

/// What the shell is told.
fn exit(done: Done) -> ExitCode {
    let done = done.and_then(|()| match output::written() {
        // A closed pipe (`| head`) is the reader's way to say: enough.
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failed::No(format!("not all of the result could be written to standard output: {why}")))
        }
        _ => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::No(why)) => {
            output::complain(&why);
            ExitCode::from(1)
        }
        Err(Failed::Usage(why)) => {
            output::complain(&why);
            ExitCode::from(2)
        }
    }
}

impl ConfigFile {
    /// Finds the configuration.
    fn find(&self) -> Result<PathBuf, Failed> {
        crate::config::find(self.config.as_deref(), &env).map_err(|why| Failed::Usage(why.to_string()))
    }

    /// Finds and reads the configuration.
    fn load(&self) -> Result<(PathBuf, crate::config::Config), Failed> {
        let path = self.find()?;
        let config = crate::config::Config::load(&path, &env).map_err(|why| Failed::Usage(why.to_string()))?;
        Ok((path, config))
    }
}

/// A variable of the environment.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl From<crate::account::Problem> for Failed {
    fn from(problem: crate::account::Problem) -> Self {
        use crate::account::Problem;
        match problem {
            Problem::Weak(broken) => {
                let rules: Vec<String> = broken.into_iter().map(crate::web::in_english).collect();
                Self::No(format!("the password breaks the rules: {}", rules.join("; ")))
            }
            Problem::Store(away) => away.into(),
            other => Self::because(&other),
        }
    }
}

impl From<crate::outage::StoreError> for Failed {
    fn from(away: crate::outage::StoreError) -> Self {
        Self::because(&away)
    }
}
