//! `portcullis init`: a first configuration.

mod addresses;

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use addresses::InitAddresses;
use clap::Args;

use super::{CommandError, CommandResult, output::print_line};
use crate::config::{self, StarterConfig};

/// Writes a short commented portcullis.yaml and a secret file
#[derive(Debug, Args)]
#[command(
    after_help = "Example: portcullis init /etc/portcullis --app http://127.0.0.1:3000 --public-url https://app.example.com --name Example"
)]
pub(super) struct InitCommand {
    /// The folder to write them to
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where the app listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    app: String,
    /// What visitors type: scheme, host and port; else localhost at the port of --listen, 8080 or the next free one
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where Portcullis listens for visitors; else the address of a loopback URL, or 127.0.0.1:8080 or the next free port
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Where metrics and health checks are served; else 127.0.0.1:9464 or the next free port
    #[arg(long, value_name = "ADDR:PORT")]
    admin_listen: Option<SocketAddr>,
    /// What the pages call the app; else the host of the public URL
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The folder of the store's file; else the folder of the configuration
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl InitCommand {
    pub(super) fn run(self) -> CommandResult {
        let ports = InitAddresses::choose(self.public_url.as_deref(), self.listen, self.admin_listen)?;
        let text = StarterConfig {
            public_url: &ports.public_url,
            app_url: &self.app,
            listen: ports.listen,
            admin_listen: ports.admin_listen,
            store: &self.store()?,
            name: self.name.as_deref(),
        }
        .to_yaml();
        let yaml = self.dir.join("portcullis.yaml");
        let secret = self.dir.join("portcullis.secret");
        for path in [&yaml, &secret] {
            if path.exists() {
                return Err(CommandError::Failed(format!("{} is there already; it was not touched", path.display())));
            }
        }
        self.validate(&text)?;
        fs::create_dir_all(&self.dir).map_err(|why| CommandError::Failed(format!("{}: {why}", self.dir.display())))?;
        write(&secret, &format!("{}\n", generate_secret()?), 0o600)?;
        write(&yaml, &text, 0o644)?;
        print_line(&format!("Wrote {} and {}.", yaml.display(), secret.display()));
        for note in &ports.notes {
            print_line(note);
        }
        print_line(&format!(
            "Visitors come to {}; metrics and health are at {}.",
            ports.public_url, ports.admin_listen
        ));
        print_line("Next:");
        let file = yaml.display();
        print_line(&format!("  portcullis users -c {file} add NAME --role admin"));
        print_line(&format!("  portcullis run -c {file}"));
        Ok(())
    }

    /// Where the store's file is, as the configuration says it.
    fn store(&self) -> Result<String, CommandError> {
        let Some(data) = &self.data else { return Ok("portcullis.db".to_owned()) };
        let told = |why: &str| CommandError::Usage(format!("--data {}: {why}", data.display()));
        let folder = std::path::absolute(data).map_err(|why| told(&why.to_string()))?;
        let folder = folder.to_str().ok_or_else(|| told("is not text"))?;
        if folder.contains(['"', '\\', '$']) || folder.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(told("has a letter that the configuration does not take"));
        }
        Ok(format!("{}/portcullis.db", folder.trim_end_matches('/')))
    }

    /// What was asked for may not make a good configuration: then nothing is written.
    fn validate(&self, text: &str) -> CommandResult {
        let without_secret = text.replace("secret_file: portcullis.secret", &format!("secret: {}", generate_secret()?));
        let checked = config::Config::from_text(&without_secret, Path::new("portcullis.yaml"), &self.dir, &|_| None);
        let config = checked.map_err(|why| CommandError::Usage(why.to_string()))?;
        match &self.name {
            Some(name) if *name != config.branding.pages.app_name => Err(CommandError::Usage(format!(
                "--name {name:?} cannot be written to the configuration; choose another"
            ))),
            _ => Ok(()),
        }
    }
}

fn generate_secret() -> Result<String, CommandError> {
    config::generate_secret().map_err(|why| CommandError::from_error(&why))
}

fn write(path: &Path, text: &str, mode: u32) -> CommandResult {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|why| CommandError::Failed(format!("{}: {why}", path.display())))
}
