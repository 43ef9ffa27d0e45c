//! `portcullis healthcheck`: asks a running server whether it is ready, for a container's HEALTHCHECK.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;

use super::{
    ConfigFile, Done, Failed,
    output::{plain, say},
};

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
        let (_, config) = self.file.load()?;
        let address = config.admin.listen;
        let answer = ask(address).map_err(|why| {
            let hint = "is it running, and was it started since admin.listen was changed?";
            Failed::No(format!("no answer from {address} ({why}); {hint}"))
        })?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let (status, body) = (head.lines().next().unwrap_or_default(), body.trim());
        if status.starts_with("HTTP/1.1 200 ") {
            say(body);
            Ok(())
        } else if body.starts_with("not ready: ") {
            Err(Failed::No(body.to_owned()))
        } else {
            Err(Failed::No(format!("{address} does not answer as Portcullis does: {}", plain(status))))
        }
    }
}

/// What the admin listener of a running server answers.
pub(super) fn ask(mut address: SocketAddr) -> io::Result<String> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
