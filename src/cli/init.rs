//! `portcullis init`: a first configuration.

mod ports;

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use ports::Ports;

use super::{Done, Failed, output::say};
use crate::config::{self, Starter};

/// Writes a short commented portcullis.yaml and a secret file
#[derive(Debug, Args)]
#[command(
    after_help = "Example: portcullis init /etc/portcullis --app http://127.0.0.1:3000 --public-url https://app.example.com --name Example"
)]
pub(super) struct Init {
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

impl Init {
    pub(super) fn run(self) -> Done {
        let ports = Ports::choose(self.public_url.as_deref(), self.listen, self.admin_listen)?;
        let text = Starter {
            public_url: &ports.public_url,
            app_url: &self.app,
            listen: ports.listen,
            admin_listen: ports.admin_listen,
            store: &self.store()?,
            name: self.name.as_deref(),
        }
        .text();
        let yaml = self.dir.join("portcullis.yaml");
        let secret = self.dir.join("portcullis.secret");
        for path in [&yaml, &secret] {
            if path.exists() {
                return Err(Failed::No(format!("{} is there already; it was not touched", path.display())));
            }
        }
        self.check(&text)?;
        fs::create_dir_all(&self.dir).map_err(|why| Failed::No(format!("{}: {why}", self.dir.display())))?;
        write(&secret, &format!("{}\n", fresh_secret()?), 0o600)?;
        write(&yaml, &text, 0o644)?;
        say(&format!("Wrote {} and {}.", yaml.display(), secret.display()));
        for note in &ports.notes {
            say(note);
        }
        say(&format!("Visitors come to {}; metrics and health are at {}.", ports.public_url, ports.admin_listen));
        say("Next:");
        let file = yaml.display();
        say(&format!("  portcullis users -c {file} add NAME --role admin"));
        say(&format!("  portcullis run -c {file}"));
        Ok(())
    }

    /// Where the store's file is, as the configuration says it.
    fn store(&self) -> Result<String, Failed> {
        let Some(data) = &self.data else { return Ok("portcullis.db".to_owned()) };
        let told = |why: &str| Failed::Usage(format!("--data {}: {why}", data.display()));
        let folder = std::path::absolute(data).map_err(|why| told(&why.to_string()))?;
        let folder = folder.to_str().ok_or_else(|| told("is not text"))?;
        if folder.contains(['"', '\\', '$']) || folder.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(told("has a letter that the configuration does not take"));
        }
        Ok(format!("{}/portcullis.db", folder.trim_end_matches('/')))
    }

    /// What was asked for may not make a good configuration: then nothing is written.
    fn check(&self, text: &str) -> Done {
        let without_secret = text.replace("secret_file: portcullis.secret", &format!("secret: {}", fresh_secret()?));
        let checked = config::Config::from_text(&without_secret, Path::new("portcullis.yaml"), &self.dir, &|_| None);
        let config = checked.map_err(|why| Failed::Usage(why.to_string()))?;
        match &self.name {
            Some(name) if *name != config.branding.app_name => {
                Err(Failed::Usage(format!("--name {name:?} cannot be written to the configuration; choose another")))
            }
            _ => Ok(()),
        }
    }
}

fn fresh_secret() -> Result<String, Failed> {
    config::fresh_secret().map_err(|why| Failed::because(&why))
}

fn write(path: &Path, text: &str, mode: u32) -> Done {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|why| Failed::No(format!("{}: {why}", path.display())))
}
