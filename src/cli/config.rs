//! `portcullis config`: what the configuration says.

use clap::{Args, Subcommand};
use http::Method;

use super::{
    ConfigFile, Done, Failed,
    beside::Beside,
    output::{say, say_json},
};
use crate::{
    config,
    gate::{CanonicalPath, Explained},
    server::Settings,
};

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
    #[command(after_help = "Example: portcullis config check --explain GET /admin --user alice")]
    Check {
        /// Tell what would happen to this request
        #[arg(long, num_args = 2, value_names = ["METHOD", "URL"])]
        explain: Option<Vec<String>>,
        /// Signed in as this user: name or e-mail address
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
            Verb::Check { explain: None, .. } => say(&format!("{}: no complaints", self.file.load()?.0.display())),
            Verb::Check { explain: Some(request), user } => explain(&self.file, &request, user.as_deref())?,
        }
        Ok(())
    }
}

fn explain(file: &ConfigFile, request: &[String], user: Option<&str>) -> Done {
    let [method, url] = request else { return Err(Failed::Usage("write --explain METHOD URL".to_owned())) };
    let method: Method =
        method.to_uppercase().parse().map_err(|_| Failed::Usage(format!("{method:?} is not a method")))?;
    let (_, config) = file.load()?;
    let target = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url.as_str(),
    };
    let path = CanonicalPath::parse(target.as_bytes()).map_err(|why| Failed::No(format!("400: {why}")))?;
    let roles = match user {
        None => None,
        Some(login) => Some(Beside::open(file)?.work(async |beside| {
            let account = beside.account(login).await?;
            Ok(account.roles.iter().map(ToString::to_string).collect::<Vec<String>>())
        })?),
    };
    let routes = Settings::of(&config).routes.load_full();
    let upstreams: Vec<String> = config.upstreams.keys().cloned().collect();
    say(&Explained::of(&routes, &path, roles.as_deref()).tell(&method, &path, &upstreams));
    Ok(())
}
