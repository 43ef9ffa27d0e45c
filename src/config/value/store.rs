//! Where sessions and accounts are kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::redis_url::RedisUrl;
use crate::config::complaint::Desk;
use crate::config::read::{Read, Scalar};
use crate::config::tree::Node;

/// Where sessions and accounts are kept.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^(memory|file:.+|rediss?://.+)$"))]
pub enum Store {
    /// Nowhere but in this process: all is gone when it ends.
    Memory,
    /// In one file on this machine.
    File(PathBuf),
    /// On a server that several machines may share.
    Redis(RedisUrl),
}

/// Where accounts and the journal are kept apart from sessions.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^(file:.+|rediss?://.+)$"))]
pub enum RecordsIn {
    /// In one file on this machine.
    File(PathBuf),
    /// On another server, or in another database of the same.
    Redis(RedisUrl),
}

/// How a place is written. The text is never repeated in a message: the URL of a store may hold a password.
pub(in crate::config) trait Written: Sized {
    /// Reads it, or says what is wrong and what to write instead.
    fn parse(written: &str, desk: &Desk) -> Result<Self, String>;
}

impl Written for Store {
    fn parse(written: &str, desk: &Desk) -> Result<Self, String> {
        if written == "memory" {
            return Ok(Self::Memory);
        }
        lasting(written, "write file:portcullis.db, redis://HOST:6379/0 or memory", desk, Self::File, Self::Redis)
    }
}

impl Written for RecordsIn {
    fn parse(written: &str, desk: &Desk) -> Result<Self, String> {
        const HINT: &str = "write file:records.db or redis://HOST:6379/0, or leave it out";
        if written == "memory" {
            return Err(format!("would forget every account and the journal when Portcullis stops; {HINT}"));
        }
        lasting(written, HINT, desk, Self::File, Self::Redis)
    }
}

/// A place that outlasts the process.
fn lasting<T>(
    written: &str,
    hint: &str,
    desk: &Desk,
    in_file: fn(PathBuf) -> T,
    on_server: fn(RedisUrl) -> T,
) -> Result<T, String> {
    if let Some(path) = written.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(format!("names no file; {hint}"));
        }
        return Ok(in_file(desk.path(path)));
    }
    if RedisUrl::is_meant(written) {
        return RedisUrl::parse(written, desk).map(on_server);
    }
    Err(format!("is not a store that this version knows; {hint}"))
}

fn read<T: Written>(node: &Node, key: &str, desk: &Desk) -> Option<T> {
    if node.is_broken() {
        return None;
    }
    let place = String::from_scalar(node).and_then(|written| T::parse(&written, desk));
    place.map_err(|message| desk.say(node.at, key, message)).ok()
}

impl Read for Store {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        read(node, key, desk)
    }
}

impl Read for RecordsIn {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        read(node, key, desk)
    }
}

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Memory => serializer.serialize_str("memory"),
            Self::File(path) => serializer.serialize_str(&format!("file:{}", path.display())),
            Self::Redis(url) => url.serialize(serializer),
        }
    }
}

impl Serialize for RecordsIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File(path) => serializer.serialize_str(&format!("file:{}", path.display())),
            Self::Redis(url) => url.serialize(serializer),
        }
    }
}
