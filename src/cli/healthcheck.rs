//! `portcullis healthcheck`: asks a running server whether it is ready, for a container's HEALTHCHECK.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use clap::Args;

use super::{ConfigFile, Done, Failed, output::say};

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
        let mut address = config.admin.listen;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let answer = ask(address).map_err(|why| Failed::No(format!("no answer from {address}: {why}")))?;
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
        if answer.starts_with("HTTP/1.1 200 ") {
            say(body);
            Ok(())
        } else {
            Err(Failed::No(format!("not ready: {body}")))
        }
    }
}

fn ask(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
