//! `portcullis healthcheck`: asks a running server whether it is ready, for a container's HEALTHCHECK.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;

use super::{
    CommandError, CommandResult, ConfigFile, env_var,
    output::{print_error, print_line, printable},
};
use crate::{config::AdminSettings, server::Installation};

/// Asks the running server whether it is ready
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis healthcheck")]
pub(super) struct HealthcheckCommand {
    #[command(flatten)]
    file: ConfigFile,
}

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

impl HealthcheckCommand {
    pub(super) fn run(self) -> CommandResult {
        let (address, ours) = self.target()?;
        let answer = fetch_readiness(address).map_err(|why| {
            let hint = "is it running, and was it started since admin.listen was changed?";
            CommandError::Failed(format!("no answer from {address} ({why}); {hint}"))
        })?;
        match Readiness::parse(&answer) {
            Readiness::Ready(body) => {
                let theirs = fetch_installation(address).and_then(|theirs| theirs.fingerprint);
                if let (Some(ours), Some(theirs)) = (ours, theirs)
                    && ours != theirs
                {
                    return Err(CommandError::Failed(format!(
                        "another installation of Portcullis answers at {address} (its secret is another one); give each an \
                         admin.listen of its own; where the secret of this one was changed, restart it"
                    )));
                }
                print_line(body);
                Ok(())
            }
            Readiness::NotReady(why) => Err(CommandError::Failed(why)),
            Readiness::Unrecognized(status) => Err(CommandError::Failed(format!(
                "{address} does not answer as Portcullis does: {}",
                printable(status)
            ))),
        }
    }

    /// Where to ask, and the fingerprint of the installation that should answer, as far as it is known. A mistake in the file
    /// changes nothing about the server that runs, so it must not fail the check.
    fn target(&self) -> Result<(SocketAddr, Option<String>), CommandError> {
        let path = self.file.find()?;
        if let Ok((_, config)) = self.file.load() {
            return Ok((config.admin.listen, Installation::from_config(&config).fingerprint));
        }
        print_error("note: the configuration has a mistake; portcullis config check says which");
        Ok((AdminSettings::read_leniently(&path, &env_var).listen, None))
    }
}

/// What an answer of an admin listener says.
#[derive(Debug)]
pub(super) enum Readiness<'a> {
    /// All is well.
    Ready(&'a str),
    /// Something is not, and what.
    NotReady(String),
    /// It is no answer of ours; its first line.
    Unrecognized(&'a str),
}

impl<'a> Readiness<'a> {
    /// Reads what [`ask`] got.
    pub(super) fn parse(answer: &'a str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let (status, body) = (head.lines().next().unwrap_or_default(), body.trim());
        if status.starts_with("HTTP/1.1 200 ") {
            Self::Ready(body)
        } else if body.starts_with("not ready: ") {
            Self::NotReady(printable(body))
        } else {
            Self::Unrecognized(status)
        }
    }
}

/// What the admin listener of a running server answers.
pub(super) fn fetch_readiness(address: SocketAddr) -> io::Result<String> {
    http_get("/readyz", address)
}

/// The installation that the admin listener at this address belongs to; none where none answers, or an older version does.
pub(super) fn fetch_installation(address: SocketAddr) -> Option<Installation> {
    let answer = http_get("/installation", address).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| serde_json::from_str(body.trim()).ok())?
}

fn http_get(path: &str, mut address: SocketAddr) -> io::Result<String> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
