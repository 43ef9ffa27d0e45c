//! Addresses for a new installation: those that were asked for, or the usual ones with the next free ports.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use crate::{cli::CommandError, config::PublicUrl};

/// Ports that are tried after the usual one, which somebody has.
const PORT_ATTEMPTS: u16 = 100;
/// The usual ports: for visitors, and for metrics and health.
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_ADMIN_PORT: u16 = 9464;

/// Addresses of a new installation, and what there is to say about them.
#[derive(Debug)]
pub(super) struct InitAddresses {
    /// What visitors type.
    pub(super) public_url: String,
    /// None where the public URL says it.
    pub(super) listen: Option<SocketAddr>,
    pub(super) admin_listen: SocketAddr,
    /// Ports that somebody has, and what was written instead.
    pub(super) notes: Vec<String>,
}

impl InitAddresses {
    /// Takes what was asked for as it is, and chooses the rest among what is free at this moment.
    pub(super) fn choose(
        public_url: Option<&str>,
        listen: Option<SocketAddr>,
        admin_listen: Option<SocketAddr>,
    ) -> Result<Self, CommandError> {
        let url = public_url.map(str::parse::<PublicUrl>).transpose();
        let url = url.map_err(|why| CommandError::Usage(format!("--public-url: {why}")))?;
        let mut notes = Vec::new();
        let asked = listen.or_else(|| url.as_ref().and_then(PublicUrl::loopback_address));
        let visitors = match asked {
            Some(address) => keep_requested(address, "listen", &mut notes),
            None => first_free("listen", DEFAULT_PORT, admin_listen, &mut notes)?,
        };
        if !visitors.ip().is_loopback() {
            return Err(CommandError::Usage(format!(
                "--listen {visitors}: other machines could reach this in plain http; begin with --listen 127.0.0.1:{}, and write \
                 another address into portcullis.yaml together with tls (or with insecure_http: true behind what ends TLS)",
                visitors.port()
            )));
        }
        if admin_listen == Some(visitors) {
            return Err(CommandError::Usage(format!(
                "--admin-listen {visitors}: visitors come in there; name another port"
            )));
        }
        let admin_listen = match admin_listen {
            Some(address) => keep_requested(address, "admin.listen", &mut notes),
            None => first_free("admin.listen", DEFAULT_ADMIN_PORT, Some(visitors), &mut notes)?,
        };
        let public_url = public_url.map_or_else(|| format!("http://localhost:{}", visitors.port()), str::to_owned);
        let implied = public_url.parse::<PublicUrl>().ok().and_then(|url| url.loopback_address());
        Ok(Self { listen: Some(visitors).filter(|_| implied != Some(visitors)), public_url, admin_listen, notes })
    }
}

/// An address that was asked for stays, also where somebody has it now: that one may be on the way out.
fn keep_requested(address: SocketAddr, key: &str, notes: &mut Vec<String>) -> SocketAddr {
    if is_taken(address) {
        notes
            .push(format!("{key}: something listens on {address} now (ss -ltnp shows what); it was written as asked."));
    }
    address
}

/// The usual port on this machine alone, or the next one that nobody has.
fn first_free(
    key: &str,
    usual: u16,
    but: Option<SocketAddr>,
    notes: &mut Vec<String>,
) -> Result<SocketAddr, CommandError> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_free = |port: &u16| but.is_none_or(|but| but.port() != *port) && !is_taken(at(*port));
    let Some(port) = (usual..=usual + PORT_ATTEMPTS).find(is_free) else {
        let last = usual + PORT_ATTEMPTS;
        return Err(CommandError::Failed(format!(
            "{key}: no port from {usual} to {last} is free; name one with --{}",
            option_name(key)
        )));
    };
    if port != usual {
        notes.push(format!("{key}: port {usual} is taken (ss -ltnp shows by whom); wrote {}.", at(port)));
    }
    Ok(at(port))
}

fn option_name(key: &str) -> String {
    key.replace('.', "-")
}

/// Whether another program listens there. What may not be listened on for another reason is a matter of `config check`.
fn is_taken(address: SocketAddr) -> bool {
    address.port() != 0 && TcpListener::bind(address).is_err_and(|why| why.kind() == io::ErrorKind::AddrInUse)
}
