//! What can be wrong although the configuration reads well: the store, names, ports, apps. Each check says what it found in a
//! sentence, and what to do about it; `config check` and `doctor` tell them.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use super::{context::runtime, healthcheck};
use crate::{
    clock::Clock,
    config::{Config, RecordsLocation, RedisUrl, StoreLocation, UpstreamAddress},
    proxy::explain_listen_error,
    server::{Installation, Stores},
    store::embedded::FileStatus,
    store_error::with_causes,
};

/// Result of a check, with a sentence for the operator.
#[derive(Debug)]
pub(super) enum Finding {
    /// Check passed.
    Pass(String),
    /// Portcullis runs, but perhaps not as intended.
    Warn(String),
    /// Portcullis does not run, or visitors get an error.
    Fail(String),
}

use Finding::{Fail, Pass, Warn};

/// Whether the store could be opened. Nothing is made or changed.
pub(super) fn stores(config: &Config) -> Vec<Finding> {
    let store = match &config.store {
        StoreLocation::Memory => Warn(
            "store: memory: accounts and sessions are forgotten when Portcullis stops; write file:PATH to keep them"
                .to_owned(),
        ),
        StoreLocation::File(path) => check_file_store("store", path),
        StoreLocation::Redis(url) => check_redis_store("store", url),
    };
    let records = match &config.records {
        None => None,
        Some(RecordsLocation::File(path)) => Some(check_file_store("records", path)),
        Some(RecordsLocation::Redis(url)) => Some(check_redis_store("records", url)),
    };
    [Some(store), records].into_iter().flatten().collect()
}

fn check_file_store(key: &str, path: &Path) -> Finding {
    let shown = path.display();
    match Stores::probe_file(path) {
        Ok(FileStatus::Usable) => Pass(format!("{key}: {shown} can be opened")),
        Ok(FileStatus::NoReserve(why)) => Warn(format!("{key}: {why}")),
        Ok(FileStatus::Absent) => Pass(format!("{key}: {shown} is not there yet and will be created")),
        Err(why) => Fail(format!("{key}: {}", with_causes(&why))),
    }
}

fn check_redis_store(key: &str, url: &RedisUrl) -> Finding {
    let asked = match runtime() {
        Ok(runtime) => runtime.block_on(Stores::probe_redis(url)),
        Err(_) => return Warn(format!("{key}: {url} cannot be asked here")),
    };
    match asked {
        Ok(about) if about.replicas < url.wait_replicas().unwrap_or(0).into() => Fail(format!(
            "{key}: {url} has {} replicas, and wait_replicas asks for more: nobody could sign in; add replicas, or write a \
             lower number",
            about.replicas
        )),
        Ok(about) if about.aof_enabled => Pass(format!("{key}: {url} is {}, and fit", about.name)),
        Ok(about) => Warn(format!(
            "{key}: {url} is {}, without an append-only file: a crash forgets what it was told last; set appendonly yes",
            about.name
        )),
        Err(why) => Fail(format!("{key}: {}", with_causes(&why))),
    }
}

/// Checks that client addresses are known.
pub(super) fn client_addresses(config: &Config) -> Option<Finding> {
    config.client_address_warning().map(|warning| Warn(warning.to_owned()))
}

/// Passwords of stores that anybody on the way can read.
pub(super) fn plaintext_passwords(config: &Config) -> Vec<Finding> {
    let bare = |(key, url): (&str, &RedisUrl)| {
        url.exposes_password().then(|| {
            Warn(format!(
                "{key}: the password for {} travels in clear: whoever can listen on the way can sign in as anybody; write \
                 rediss://, or keep the way to yourself",
                url.host()
            ))
        })
    };
    let store = if let StoreLocation::Redis(url) = &config.store { Some(("store", url)) } else { None };
    let records = if let Some(RecordsLocation::Redis(url)) = &config.records { Some(("records", url)) } else { None };
    [store, records].into_iter().flatten().filter_map(bare).collect()
}

/// Upstream host names that cannot be resolved.
pub(super) fn unresolved_hosts(config: &Config) -> Vec<Finding> {
    let unknown = |(name, server): (&String, &UpstreamAddress)| {
        let why = resolve(server).err()?;
        Some(Warn(format!(
            "upstreams.{name}: {} cannot be looked up ({why}); it is tried again while Portcullis runs, and until then \
             visitors get 502",
            server.host
        )))
    };
    upstream_addresses(config).filter_map(unknown).collect()
}

/// Checks that each upstream endpoint accepts connections.
pub(super) fn upstreams(config: &Config) -> Vec<Finding> {
    let mut found = unresolved_hosts(config);
    for (name, server) in upstream_addresses(config) {
        let Ok(addresses) = resolve(server) else { continue };
        let patience = config.upstreams[name].timeouts.connect;
        // A name may lead to several, IPv6 first: one that answers is enough.
        let none = Err(io::ErrorKind::AddrNotAvailable.into());
        let connect = |before: io::Result<TcpStream>, to| before.or_else(|_| TcpStream::connect_timeout(to, patience));
        found.push(match addresses.iter().fold(none, connect) {
            Ok(_) => Pass(format!("upstreams.{name}: {server} takes connections")),
            Err(why) => Fail(format!(
                "upstreams.{name}: {server} takes no connection ({why}), visitors get 502; start the app, or mend its address"
            )),
        });
    }
    found
}

/// Addresses that can never be listened on here. What somebody has now may be ours, and what this user may not, another may.
pub(super) fn unbindable_address(config: &Config) -> Option<String> {
    let impossible = |(key, address): (&str, SocketAddr)| {
        let why = TcpListener::bind(address).err()?;
        let passing = [io::ErrorKind::AddrInUse, io::ErrorKind::PermissionDenied].contains(&why.kind());
        (!passing).then(|| format!("{key}: {}", explain_listen_error(&address.to_string(), &why)))
    };
    listeners(config).find_map(impossible)
}

/// Each key that names an address to listen on, and the address.
fn listeners(config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let visitors = config.listen.iter().map(|address| ("listen", *address));
    let redirects = config.tls.iter().flat_map(|tls| &tls.redirect_from).map(|address| ("tls.redirect_from", *address));
    visitors.chain(redirects).chain([("admin.listen", config.admin.listen)])
}

/// Instance that answers at the address of the admin listener.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RunningInstance {
    /// No answer, or not from a Portcullis.
    Absent,
    /// The server of this configuration, and where it listens.
    Own(Vec<SocketAddr>),
    /// Server of another configuration.
    Foreign,
    /// A Portcullis that cannot be told apart: an older version, or one without a secret.
    Unidentified,
}

impl RunningInstance {
    /// Asks at the address that the configuration names.
    pub(super) fn probe(config: &Config) -> Self {
        let ours = Installation::from_config(config).fingerprint;
        match healthcheck::fetch_installation(config.admin.listen) {
            Some(Installation { fingerprint: Some(theirs), listen }) if ours.is_some() => {
                if ours == Some(theirs) {
                    Self::Own(listen)
                } else {
                    Self::Foreign
                }
            }
            Some(_) => Self::Unidentified,
            None if healthcheck::fetch_readiness(config.admin.listen).is_ok_and(|answer| answer.contains("ready")) => {
                Self::Unidentified
            }
            None => Self::Absent,
        }
    }
}

/// Whether each address can be listened on, or is listened on by Portcullis already.
pub(super) fn listen_addresses(config: &Config) -> Vec<Finding> {
    let running = RunningInstance::probe(config);
    let each = |(key, address): (&str, SocketAddr)| match TcpListener::bind(address).map_err(|why| (why.kind(), why)) {
        Ok(_) if matches!(running, RunningInstance::Own(_) | RunningInstance::Unidentified) => Warn(format!(
            "{key}: nobody listens on {address}, although Portcullis is running; it was started with another {key}: \
             restart it"
        )),
        Ok(_) => Pass(format!("{key}: {address} is free")),
        Err((io::ErrorKind::AddrInUse, _)) => address_in_use(key, address, &running),
        Err((_, why)) => Fail(format!("{key}: {}", explain_listen_error(&address.to_string(), &why))),
    };
    listeners(config).map(each).collect()
}

/// Somebody listens there: whether that is as it should be.
fn address_in_use(key: &str, address: SocketAddr, running: &RunningInstance) -> Finding {
    match running {
        RunningInstance::Own(at) if at.contains(&address) => Pass(format!("{key}: {address} is served by Portcullis")),
        RunningInstance::Own(_) => Fail(format!(
            "{key}: another program listens on {address} (ss -ltnp shows which), and not the Portcullis that runs; choose \
             another port"
        )),
        RunningInstance::Foreign => Fail(format!(
            "{key}: something listens on {address}, and another installation of Portcullis answers at admin.listen; choose \
             ports of its own for this one (ss -ltnp shows which are taken)"
        )),
        RunningInstance::Unidentified => Warn(format!(
            "{key}: {address} is served by Portcullis, or by something beside it: the one that runs does not say which \
             installation it is"
        )),
        RunningInstance::Absent => Warn(format!(
            "{key}: something listens on {address} (ss -ltnp shows what); if it is the running Portcullis, all is well (its \
             admin listener may still be on an old address until a restart), else choose another port"
        )),
    }
}

/// What browsers would not like about the certificate, and how long it is good.
pub(super) fn certificate(config: &Config) -> Vec<Finding> {
    let Some(tls) = &config.tls else { return Vec::new() };
    let (file, now) = (tls.certificate_file.display(), Clock::system().now());
    let mut found: Vec<Finding> = tls
        .certificate
        .browser_warnings(config.public_url.host(), now)
        .into_iter()
        .map(|doubt| Fail(format!("tls: the certificate in {file} {doubt}")))
        .collect();
    if let Some(soon) = tls.certificate.expiry_warning(now) {
        found.push(Warn(format!("tls: the certificate in {file} {soon}")));
    } else if found.is_empty() {
        let until = tls.certificate.not_after().rfc3339();
        found.push(Pass(format!("tls: the certificate in {file} is good until {until}")));
    }
    found
}

/// Checks the permissions of secret files.
pub(super) fn file_permissions(file: &Path, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let mode = |path: &Path| fs::metadata(path).map(|about| about.mode() & 0o777);
    match mode(file) {
        Ok(mode) if mode & 0o022 != 0 => found
            .push(Fail(format!("{0}: others may change it (mode {mode:04o}); run: chmod go-w {0}", file.display()))),
        _ => found.push(Pass(format!("{}: only its owner may change it", file.display()))),
    }
    let Some(store) = store_file(config) else { return found };
    for name in ["", "-wal", "-shm"].map(|end| format!("{}{end}", store.display())) {
        let Ok(about) = fs::metadata(&name) else { continue };
        let folder = store.parent().and_then(|folder| fs::metadata(folder).ok());
        if about.uid() == 0 && folder.is_some_and(|folder| folder.uid() != 0) {
            found.push(Fail(format!(
                "{name}: belongs to root, but its folder to another user, who is shut out if Portcullis runs as that one; \
                 run: chown --reference={} {name}",
                store.parent().unwrap_or(store).display()
            )));
        }
    }
    found
}

/// The file that holds everything, or the records alone.
fn store_file(config: &Config) -> Option<&Path> {
    match (&config.store, &config.records) {
        (StoreLocation::File(path), _) | (_, Some(RecordsLocation::File(path))) => Some(path),
        _ => None,
    }
}

/// Whether the clock can be right: sessions end by it.
pub(super) fn system_clock() -> Finding {
    let now = Clock::system().now().rfc3339();
    // Both begin with the day, year first.
    if crate::BUILT.starts_with("20") && now.as_str() < crate::BUILT {
        return Fail(format!(
            "time: the clock says {now}, which is before this program was made ({}); set it, or sessions end at the wrong \
             time",
            crate::BUILT
        ));
    }
    Pass(format!("time: the clock says {now}"))
}

/// Whether what visitors type can lead here.
pub(super) fn public_url(config: &Config) -> Vec<Finding> {
    let (url, listen) = (&config.public_url, &config.listen);
    let origin = url.origin();
    let addresses: Vec<String> = listen.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(" and ");
    let mut found = Vec::new();
    if let Err(why) = (url.host().unbracketed(), url.port()).to_socket_addrs() {
        found.push(Warn(format!("public_url: {} cannot be looked up here ({why}); visitors need to", url.host())));
    }
    found.push(if config.tls.is_some() && listen.iter().any(|address| address.port() == url.port()) {
        Pass(format!("public_url: {origin} leads to {addresses}, where TLS is spoken"))
    } else if config.tls.is_some() {
        Warn(format!(
            "public_url: {origin} does not lead to {addresses} by itself; something has to pass connections on, or write the same \
             port"
        ))
    } else if url.is_https() {
        Pass(format!(
            "public_url: {origin} needs something that ends TLS in front, passes everything on to {addresses} and keeps \
             the Host header"
        ))
    } else if listen.iter().any(|address| address.port() == url.port()) {
        Pass(format!("public_url: {origin} leads to {addresses}"))
    } else {
        Warn(format!(
            "public_url: {origin} does not lead to {addresses} by itself; something has to pass requests on with their Host \
             header, or write the same port"
        ))
    });
    found
}

fn upstream_addresses(config: &Config) -> impl Iterator<Item = (&String, &UpstreamAddress)> {
    config.upstreams.iter().flat_map(|(name, upstream)| upstream.servers.iter().map(move |server| (name, server)))
}

fn resolve(server: &UpstreamAddress) -> io::Result<Vec<SocketAddr>> {
    Ok((server.host.unbracketed(), server.port).to_socket_addrs()?.collect())
}
