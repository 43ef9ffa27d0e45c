//! `portcullis config`: what the configuration says.

use clap::{Args, Subcommand};

use super::{
    ConfigFile, Done, Failed,
    checkup::{self, Finding},
    env,
    explain::explain,
    output::{complain, say, say_json},
};
use crate::config;

/// Checks and shows the configuration
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis config check --explain GET https://app.example.com/admin --user alice")]
pub(super) struct Config {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Tells every mistake at once, or what would happen to a request
    ///
    /// Beside the file it looks at what `run` needs on this machine: a store that cannot be opened is an error, a name of an
    /// app that cannot be looked up a warning. Nothing is created or changed. Exit 2: the file is wrong; 1: the store is.
    #[command(after_help = "Example: portcullis config check --explain GET /admin --user alice\n\
                            Example: portcullis config check --file-only -c deploy/portcullis.yaml")]
    Check {
        /// Only the file itself, for a machine that does not run it: the secret's file may be missing, and neither store
        /// nor names are looked at
        #[arg(long, conflicts_with = "explain")]
        file_only: bool,
        /// Tell what would happen to this request; URL may be a path alone
        #[arg(long, num_args = 2, value_names = ["METHOD", "URL"])]
        explain: Option<Vec<String>>,
        /// As if this user had just signed in: name or e-mail address
        #[arg(long, value_name = "NAME", requires = "explain")]
        user: Option<String>,
    },
    /// Prints the configuration with all defaults, secrets redacted
    #[command(after_help = "Example: portcullis config show")]
    Show,
    /// Prints the JSON Schema, for editors
    #[command(after_help = "Example: portcullis config schema > portcullis.schema.json")]
    Schema,
}

impl Config {
    pub(super) fn run(self) -> Done {
        match self.verb {
            Verb::Schema => say_json(&config::schema()),
            Verb::Show => say(config::show(&self.file.load()?.1).trim_end()),
            Verb::Check { explain: Some(request), user, .. } => explain(&self.file, &request, user.as_deref())?,
            Verb::Check { explain: None, file_only: true, .. } => check_file(&self.file)?,
            Verb::Check { explain: None, .. } => check(&self.file)?,
        }
        Ok(())
    }
}

/// The file, and what `run` would meet on this machine.
fn check(file: &ConfigFile) -> Done {
    let (path, config) = file.load()?;
    let stores = checkup::stores(&config);
    if let Some(Finding::Wrong(why)) = stores.iter().find(|store| matches!(store, Finding::Wrong(_))) {
        return Err(Failed::No(format!("{}: {why}", path.display())));
    }
    if let Some(why) = checkup::addresses_of_others(&config) {
        return Err(Failed::No(format!("{}: {why}", path.display())));
    }
    say(&format!("{}: no complaints", path.display()));
    let others = [
        checkup::bare_passwords(&config),
        checkup::certificate(&config),
        checkup::visitors(&config).into_iter().collect(),
        checkup::unknown_names(&config),
    ];
    for finding in stores.into_iter().chain(others.into_iter().flatten()) {
        match finding {
            Finding::Fine(said) => say(&said),
            Finding::Odd(said) | Finding::Wrong(said) => complain(&format!("warning: {said}")),
        }
    }
    Ok(())
}

/// The file alone. What it only points to is elsewhere.
fn check_file(file: &ConfigFile) -> Done {
    const ELSEWHERE: [&str; 5] = ["secret_file", "store_file", "records_file", "tls.certificate_file", "tls.key_file"];
    let path = file.find()?;
    let Err(complaints) = config::Config::load(&path, &env) else {
        say(&format!("{}: no complaints", path.display()));
        return Ok(());
    };
    let is_elsewhere = |key: &str| ELSEWHERE.contains(&key) || key.ends_with("].value_file");
    if !complaints.iter().all(|complaint| is_elsewhere(complaint.key())) {
        return Err(Failed::Usage(complaints.to_string()));
    }
    say(&format!("{}: no complaints about the file itself", path.display()));
    complaints.iter().for_each(|complaint| complain(&format!("warning: {complaint}")));
    Ok(())
}
