//! `portcullis config`: what the configuration says.

use clap::{Args, Subcommand};

use super::{
    CommandError, CommandResult, ConfigFile,
    checks::{self, Finding},
    env_var,
    explain::explain,
    output::{print_error, print_json, print_line},
};
use crate::config;

/// Checks and shows the configuration
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis config check --explain GET https://app.example.com/admin --user alice")]
pub(super) struct ConfigCommand {
    #[command(flatten)]
    file: ConfigFile,
    #[command(subcommand)]
    action: ConfigAction,
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
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

impl ConfigCommand {
    pub(super) fn run(self) -> CommandResult {
        match self.action {
            ConfigAction::Schema => print_json(&config::schema()),
            ConfigAction::Show => print_line(config::show(&self.file.load()?.1).trim_end()),
            ConfigAction::Check { explain: Some(request), user, .. } => explain(&self.file, &request, user.as_deref())?,
            ConfigAction::Check { explain: None, file_only: true, .. } => check_file(&self.file)?,
            ConfigAction::Check { explain: None, .. } => check(&self.file)?,
        }
        Ok(())
    }
}

/// The file, and what `run` would meet on this machine.
fn check(file: &ConfigFile) -> CommandResult {
    let (path, config) = file.load()?;
    let stores = checks::stores(&config);
    if let Some(Finding::Fail(why)) = stores.iter().find(|store| matches!(store, Finding::Fail(_))) {
        return Err(CommandError::Failed(format!("{}: {why}", path.display())));
    }
    if let Some(why) = checks::unbindable_address(&config) {
        return Err(CommandError::Failed(format!("{}: {why}", path.display())));
    }
    print_line(&format!("{}: no complaints", path.display()));
    let others = [
        checks::plaintext_passwords(&config),
        checks::certificate(&config),
        checks::client_addresses(&config).into_iter().collect(),
        checks::unresolved_hosts(&config),
    ];
    for finding in stores.into_iter().chain(others.into_iter().flatten()) {
        match finding {
            Finding::Pass(said) => print_line(&said),
            Finding::Warn(said) | Finding::Fail(said) => print_error(&format!("warning: {said}")),
        }
    }
    Ok(())
}

/// The file alone. What it only points to is elsewhere.
fn check_file(file: &ConfigFile) -> CommandResult {
    const EXTERNAL_FILE_KEYS: [&str; 5] =
        ["secret_file", "store_file", "records_file", "tls.certificate_file", "tls.key_file"];
    let path = file.find()?;
    let Err(complaints) = config::Config::load(&path, &env_var) else {
        print_line(&format!("{}: no complaints", path.display()));
        return Ok(());
    };
    let is_elsewhere = |key: &str| EXTERNAL_FILE_KEYS.contains(&key) || key.ends_with("].value_file");
    if !complaints.iter().all(|complaint| is_elsewhere(complaint.key())) {
        return Err(CommandError::Usage(complaints.to_string()));
    }
    print_line(&format!("{}: no complaints about the file itself", path.display()));
    complaints.iter().for_each(|complaint| print_error(&format!("warning: {complaint}")));
    Ok(())
}
