//! `portcullis healthcheck`: asks a running server whether it is ready, for a container's HEALTHCHECK.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;

use super::{
    ConfigFile, Done, Failed, env,
    output::{complain, plain, say},
};
use crate::{config::Admin, server::Installation};

/// Asks the running server whether it is ready
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis healthcheck")]
pub(super) struct Healthcheck {
    #[command(flatten)]
    file: ConfigFile,
}

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

impl Healthcheck {
    pub(super) fn run(self) -> Done {
        let (address, ours) = self.address()?;
        let answer = ask(address).map_err(|why| {
            let hint = "is it running, and was it started since admin.listen was changed?";
            Failed::No(format!("no answer from {address} ({why}); {hint}"))
        })?;
        match Told::by(&answer) {
            Told::Ready(body) => {
                let theirs = installation(address).and_then(|theirs| theirs.fingerprint);
                if let (Some(ours), Some(theirs)) = (ours, theirs)
                    && ours != theirs
                {
                    return Err(Failed::No(format!(
                        "another installation of Portcullis answers at {address} (its secret is another one); give each an \
                         admin.listen of its own; where the secret of this one was changed, restart it"
                    )));
                }
                say(body);
                Ok(())
            }
            Told::NotReady(why) => Err(Failed::No(why)),
            Told::Else(status) => {
                Err(Failed::No(format!("{address} does not answer as Portcullis does: {}", plain(status))))
            }
        }
    }

    /// Where to ask, and the fingerprint of the installation that should answer, as far as it is known. A mistake in the file
    /// changes nothing about the server that runs, so it must not fail the check.
    fn address(&self) -> Result<(SocketAddr, Option<String>), Failed> {
        let path = self.file.find()?;
        if let Ok((_, config)) = self.file.load() {
            return Ok((config.admin.listen, Installation::of(&config).fingerprint));
        }
        complain("note: the configuration has a mistake; portcullis config check says which");
        Ok((Admin::told_by(&path, &env).listen, None))
    }
}

/// What an answer of an admin listener says.
#[derive(Debug)]
pub(super) enum Told<'a> {
    /// All is well.
    Ready(&'a str),
    /// Something is not, and what.
    NotReady(String),
    /// It is no answer of ours; its first line.
    Else(&'a str),
}

impl<'a> Told<'a> {
    /// Reads what [`ask`] got.
    pub(super) fn by(answer: &'a str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let (status, body) = (head.lines().next().unwrap_or_default(), body.trim());
        if status.starts_with("HTTP/1.1 200 ") {
            Self::Ready(body)
        } else if body.starts_with("not ready: ") {
            Self::NotReady(plain(body))
        } else {
            Self::Else(status)
        }
    }
}

/// What the admin listener of a running server answers.
pub(super) fn ask(address: SocketAddr) -> io::Result<String> {
    ask_for("/readyz", address)
}

/// The installation that the admin listener at this address belongs to; none where none answers, or an older version does.
pub(super) fn installation(address: SocketAddr) -> Option<Installation> {
    let answer = ask_for("/installation", address).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| serde_json::from_str(body.trim()).ok())?
}

fn ask_for(path: &str, mut address: SocketAddr) -> io::Result<String> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
