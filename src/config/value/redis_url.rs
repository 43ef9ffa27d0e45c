//! The URL of a Redis or Valkey server. It may hold a password, so no message repeats what was written and nothing shows it.

use std::fmt;
use std::path::{Path, PathBuf};

use http::uri::Authority;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;

use crate::config::diagnostics::Diagnostics;
use crate::public_url::{Host, port_of};
use crate::secret::Password;

/// The port of Redis where none is written.
const DEFAULT_PORT: u16 = 6379;

/// The most replicas that an act may wait for: more are a mistake, and each makes every sign-out slower.
const MAX_REPLICAS: u8 = 10;

const HINT: &str = "write redis://HOST:6379/0 or redis://USER:PASSWORD@HOST:6379/0";

/// What a password looks like in a URL; a bare sign of these ends it early, and what is left looks like a wrong host.
const ENCODING_HINT: &str =
    "in a user or a password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25 and a space as %20";

/// What stands bare in a user; all else is percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands bare in a path.
const UNRESERVED_IN_PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// A Redis or Valkey server, and what is asked of it. Displays as it would be written, without the password.
#[derive(Clone)]
pub struct RedisUrl {
    tls: bool,
    user: Option<String>,
    password: Option<Password>,
    host: Host,
    port: u16,
    db: u32,
    ca_file: Option<PathBuf>,
    wait_replicas: Option<u8>,
}

impl RedisUrl {
    /// Whether this wants to be such a URL, so that what is wrong with it is said in its words.
    pub(super) fn looks_like_redis(written: &str) -> bool {
        ["redis", "valkey", "unix:"].iter().any(|start| written.starts_with(start))
    }

    /// Reads `redis://[user:password@]host[:port][/db][?ca_file=PATH&wait_replicas=N]`, `rediss://` for TLS.
    pub(super) fn parse(written: &str, diagnostics: &Diagnostics) -> Result<Self, String> {
        let (tls, rest) = scheme(written)?;
        if rest.contains('#') {
            return Err(format!("has a # in it, which no such URL has; {ENCODING_HINT}"));
        }
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').map_or((None, authority), |(who, place)| (Some(who), place));
        let (user, password) = login.map_or(Ok((None, None)), parse_credentials)?;
        let place = place.parse::<Authority>().map_err(|_| format!("has no valid host; {HINT}; {ENCODING_HINT}"))?;
        let host = Host::new(place.host()).ok_or_else(|| format!("has no valid host; {HINT}; {ENCODING_HINT}"))?;
        let port =
            port_of(&place, DEFAULT_PORT).ok_or_else(|| format!("has no valid port; {HINT}; {ENCODING_HINT}"))?;
        let db = if path.is_empty() { Some(0) } else { parse_number(path) };
        let db = db.ok_or_else(|| {
            format!("has something else than the number of a database after the host; {HINT}; {ENCODING_HINT}")
        })?;
        let url = Self { tls, user, password, host, port, db, ca_file: None, wait_replicas: None };
        match query {
            Some(query) => url.with_query(query, diagnostics),
            None => Ok(url),
        }
    }

    /// The same with what stands after the question mark.
    fn with_query(mut self, query: &str, diagnostics: &Diagnostics) -> Result<Self, String> {
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "ca_file" | "wait_replicas" if self.has_parameter(name) => {
                    return Err(format!("says {name} twice; keep one of them"));
                }
                "ca_file" if !self.tls => {
                    return Err("has a ca_file, which only TLS needs; write rediss://, or take it out".to_owned());
                }
                "ca_file" => self.ca_file = Some(diagnostics.resolve_path(&ca_file(value)?)),
                "wait_replicas" => {
                    let asked = parse_number(value).and_then(|count| u8::try_from(count).ok());
                    let asked = asked.filter(|count| (1..=MAX_REPLICAS).contains(count)).ok_or_else(|| {
                        format!(
                            "waits for a number of replicas that cannot be; write wait_replicas=1 to {MAX_REPLICAS}"
                        )
                    })?;
                    self.wait_replicas = Some(asked);
                }
                _ => {
                    return Err("has a parameter that is none; write only ca_file=PATH (with rediss://) and \
                                wait_replicas=N after the question mark"
                        .to_owned());
                }
            }
        }
        Ok(self)
    }

    fn has_parameter(&self, name: &str) -> bool {
        if name == "ca_file" { self.ca_file.is_some() } else { self.wait_replicas.is_some() }
    }

    /// Whether it is spoken to over TLS.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The lower-case name or address to connect to; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.unbracketed()
    }

    /// The port, also when it is 6379.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The number of the database.
    #[must_use]
    pub const fn db(&self) -> u32 {
        self.db
    }

    /// Who signs in there; none is the default user. Never without a password.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password; never empty.
    #[must_use]
    pub const fn password(&self) -> Option<&Password> {
        self.password.as_ref()
    }

    /// The PEM file with the authority that signed the server's certificate; none leaves it to this machine's authorities.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// How many replicas must have the end of a session before it is acknowledged; none does not wait.
    #[must_use]
    pub const fn wait_replicas(&self) -> Option<u8> {
        self.wait_replicas
    }

    /// Whether whoever listens between here and the server reads the password.
    #[must_use]
    pub fn exposes_password(&self) -> bool {
        self.password.is_some() && !self.tls && !self.host.is_loopback()
    }
}

/// Whether TLS is spoken, and what stands after the scheme.
fn scheme(written: &str) -> Result<(bool, &str), String> {
    if let Some(rest) = written.strip_prefix("redis://") {
        return Ok((false, rest));
    }
    if let Some(rest) = written.strip_prefix("rediss://") {
        return Ok((true, rest));
    }
    let named = |part: &str| written.split(':').next().is_some_and(|scheme| scheme.contains(part));
    Err(if named("sentinel") {
        format!("names Sentinels, which come later; {HINT}")
    } else if named("cluster") {
        format!("names a cluster, which comes later; {HINT}")
    } else if named("unix") || named("socket") {
        format!("names a socket in a folder, which comes later; {HINT}")
    } else if named("valkeys") {
        "begins with valkeys://; write rediss://, which Valkey speaks too".to_owned()
    } else if named("valkey") {
        "begins with valkey://; write redis://, which Valkey speaks too".to_owned()
    } else {
        format!("begins with what is no scheme; {HINT}, or rediss:// for TLS")
    })
}

/// User and password.
///
/// A user alone is refused: some tools take it for a password, and as a user it would be shown.
fn parse_credentials(written: &str) -> Result<(Option<String>, Option<Password>), String> {
    let Some((user, password)) = written.split_once(':') else {
        return Err(
            "has a user without a password; write redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST without a user"
                .to_owned(),
        );
    };
    if password.is_empty() {
        return Err("has an empty password; write one, or leave out all that stands before the host".to_owned());
    }
    let user = percent_decode(user).ok_or_else(|| format!("has a user that is no part of a URL; {ENCODING_HINT}"))?;
    let password =
        percent_decode(password).ok_or_else(|| format!("has a password that is no part of a URL; {ENCODING_HINT}"))?;
    Ok(((!user.is_empty()).then_some(user), Some(Password::new(password))))
}

/// What is meant by a part of a URL; none when a sign in it must be percent-encoded and is not.
fn percent_decode(part: &str) -> Option<String> {
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(byte);
    let bytes = part.as_bytes();
    let encoded = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    let fits = bytes.iter().enumerate().all(|(at, byte)| bare(byte) || (*byte == b'%' && encoded(at)));
    if !fits {
        return None;
    }
    percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn ca_file(written: &str) -> Result<String, String> {
    let path = percent_decode_str(written).decode_utf8().unwrap_or_default();
    if path.is_empty() || path.ends_with('/') || path.contains('\0') {
        return Err("has a ca_file that names no file; write ca_file=PATH, with & in it as %26 and % as %25".to_owned());
    }
    Ok(path.into_owned())
}

fn parse_number(digits: &str) -> Option<u32> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "rediss://" } else { "redis://" })?;
        if self.password.is_some() {
            // No URL may hold < and >: what is shown is refused where it is pasted back with this in it.
            write!(f, "{}:<redacted>@", utf8_percent_encode(self.user().unwrap_or_default(), UNRESERVED))?;
        }
        write!(f, "{}:{}/{}", self.host, self.port, self.db)?;
        let ca_file = self.ca_file.as_ref().map(|path| path.display().to_string());
        let ca_file = ca_file.map(|path| format!("ca_file={}", utf8_percent_encode(&path, UNRESERVED_IN_PATH)));
        let wait_replicas = self.wait_replicas.map(|count| format!("wait_replicas={count}"));
        for (number, parameter) in ca_file.into_iter().chain(wait_replicas).enumerate() {
            write!(f, "{}{parameter}", if number == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

impl Serialize for RedisUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        let password = |url: &Self| url.password.as_ref().map(|password| password.expose().as_bytes().to_vec());
        let same_password = match (password(self), password(other)) {
            (Some(ours), Some(theirs)) => ours.ct_eq(&theirs).into(),
            (None, None) => true,
            _ => false,
        };
        // Everything else is in what is shown.
        same_password && self.to_string() == other.to_string()
    }
}

impl Eq for RedisUrl {}
