//! Address and credentials of a Redis server, and whether it is fit for what must be kept there.

use std::time::Duration;

use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo, io::tcp::TcpSettings,
};

use super::error::RedisStoreError;
use crate::secret::Password;

/// The oldest Redis that has all commands that are used; every Valkey has them.
const MIN_VERSION: (u32, u32) = (6, 2);

/// How long what was sent may stay unconfirmed by the machine there, until the connection counts as broken.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(2);

/// Address of a Redis server, and the credentials for it.
#[derive(Clone, Debug)]
pub struct RedisTarget {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is encrypted, if it is.
    pub tls: Option<RedisTls>,
    /// The ACL user.
    pub user: Option<String>,
    /// Their password.
    pub password: Option<Password>,
    /// The number of the database.
    pub db: u32,
    /// How long an act waits for its answer; a check never waits longer than 0.7 s.
    pub timeout: Duration,
    /// How many replicas must have confirmed an act before it is acknowledged.
    pub wait_replicas: usize,
}

/// How a connection is encrypted.
#[derive(Clone, Debug)]
pub struct RedisTls {
    /// PEM of the authority that vouches for the server; none: those that this machine trusts.
    pub ca_certificate: Option<Vec<u8>>,
}

impl RedisTarget {
    /// A server that anybody may ask, with the patience of somebody at a keyboard.
    #[must_use]
    pub fn without_auth(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            tls: None,
            user: None,
            password: None,
            db: 0,
            timeout: Duration::from_secs(5),
            wait_replicas: 0,
        }
    }

    /// As an operator knows it: host and port.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What the library connects with.
    pub(super) fn client(&self) -> redis::RedisResult<redis::Client> {
        let (host, port) = (self.host.clone(), self.port);
        let address = match self.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let mut login = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(self.db.into())
            .set_skip_set_lib_name();
        if let Some(user) = &self.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password.expose());
        }
        let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(TCP_USER_TIMEOUT);
        let info: ConnectionInfo = address.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp);
        match &self.tls {
            None => redis::Client::open(info),
            Some(RedisTls { ca_certificate: authority }) => {
                // Whoever installed one before has installed the same one.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let roots = redis::TlsCertificates { client_tls: None, root_cert: authority.clone() };
                redis::Client::build_with_tls(info, roots)
            }
        }
    }
}

/// A server as it describes itself (`INFO`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// `Redis 7.0.15`, `Valkey 8.1.0`.
    pub name: String,
    /// Whether each write is in a file before a crash can lose it: AOF.
    pub aof_enabled: bool,
    /// How many replicas follow it.
    pub replicas: usize,
}

impl ServerInfo {
    /// What this server may lose, and what cannot be done with it yet. `replicas` is how many an act waits for.
    pub(super) fn warnings(&self, at: &str, replicas: usize) -> Vec<String> {
        let Self { name, aof_enabled: appends, replicas: have } = self;
        let mut warnings = Vec::new();
        if !appends {
            warnings.push(format!(
                "{name} at {at} keeps no append-only file: a crash forgets what it was told last, lockouts and sign-outs among \
                 them; set appendonly yes"
            ));
        }
        if *have < replicas {
            warnings.push(format!(
                "wait_replicas={replicas} asks for more replicas than {have} follow {name} at {at}: until they do, nobody can \
                 sign in or out"
            ));
        }
        warnings
    }
}

/// Reads `INFO`, and says what makes this server unfit.
pub(super) fn check_server(info: &str, at: &str) -> Result<ServerInfo, RedisStoreError> {
    let field = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    let unfit = |why: String| RedisStoreError::Unsupported { at: at.to_owned(), why };
    let version = field("redis_version").unwrap_or("0");
    let name = match field("server_name") {
        Some("valkey") => format!("Valkey {}", field("valkey_version").unwrap_or(version)),
        _ => format!("Redis {version}"),
    };
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < MIN_VERSION {
        return Err(unfit(format!("is {name}, which is too old; use 6.2 or newer")));
    }
    if field("cluster_enabled") == Some("1") {
        return Err(unfit("is a node of a cluster, which this version does not use; name a single server".to_owned()));
    }
    if field("loading") == Some("1") {
        return Err(RedisStoreError::Loading);
    }
    if field("role").is_some_and(|role| role != "master") {
        return Err(RedisStoreError::Replica { at: at.to_owned() });
    }
    match field("maxmemory_policy") {
        None | Some("noeviction") => {}
        Some(policy) => {
            return Err(unfit(format!(
                "may throw away what must be kept (maxmemory-policy {policy}); set maxmemory-policy noeviction, or give \
                 Portcullis a server of its own"
            )));
        }
    }
    let replicas = field("connected_slaves").and_then(|count| count.parse().ok()).unwrap_or(0);
    Ok(ServerInfo { name, aof_enabled: field("aof_enabled") == Some("1"), replicas })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\ncluster_enabled:0\r\nloading:0\r\naof_enabled:1\r\n\
                        role:master\r\nmaxmemory_policy:noeviction\r\n";

    #[test]
    fn a_fit_server_says_who_it_is() {
        let about = |info: &str| check_server(info, "r:1").unwrap();
        assert_eq!(about(GOOD), ServerInfo { name: "Redis 7.0.15".into(), aof_enabled: true, replicas: 0 });
        assert!(!about(&GOOD.replace("aof_enabled:1", "aof_enabled:0")).aof_enabled);
        let valkey = GOOD.replace("7.0.15", "7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0");
        assert_eq!(about(&valkey).name, "Valkey 8.1.0");
    }

    #[test]
    fn an_unfit_one_is_refused_with_what_mends_it() {
        let why = |from: &str, to: &str| check_server(&GOOD.replace(from, to), "r:1").unwrap_err().to_string();
        assert!(why("noeviction", "allkeys-lru").contains("(maxmemory-policy allkeys-lru); set maxmemory-policy noev"));
        assert!(why("noeviction", "volatile-ttl").contains("may throw away"));
        assert!(why("7.0.15", "6.0.16").contains("is Redis 6.0.16, which is too old; use 6.2"));
        assert!(why("role:master", "role:slave").contains("is a replica"));
        assert!(why("loading:0", "loading:1").contains("is loading"));
        assert!(why("cluster_enabled:0", "cluster_enabled:1").contains("cluster"));
    }
}
