//! Where sessions and accounts are kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::redis_url::RedisUrl;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, FromScalar};
use crate::config::tree::Node;

/// Where sessions and accounts are kept.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^(memory|file:.+|rediss?://.+)$"))]
pub enum StoreLocation {
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
pub enum RecordsLocation {
    /// In one file on this machine.
    File(PathBuf),
    /// On another server, or in another database of the same.
    Redis(RedisUrl),
}

/// How a place is written. The text is never repeated in a message: the URL of a store may hold a password.
pub(in crate::config) trait ParseLocation: Sized {
    /// Reads it, or says what is wrong and what to write instead.
    fn parse(written: &str, diagnostics: &Diagnostics) -> Result<Self, String>;
}

impl ParseLocation for StoreLocation {
    fn parse(written: &str, diagnostics: &Diagnostics) -> Result<Self, String> {
        if written == "memory" {
            return Ok(Self::Memory);
        }
        parse_persistent(
            written,
            "write file:portcullis.db, redis://HOST:6379/0 or memory",
            diagnostics,
            Self::File,
            Self::Redis,
        )
    }
}

impl ParseLocation for RecordsLocation {
    fn parse(written: &str, diagnostics: &Diagnostics) -> Result<Self, String> {
        const HINT: &str = "write file:records.db or redis://HOST:6379/0, or leave it out";
        if written == "memory" {
            return Err(format!("would forget every account and the journal when Portcullis stops; {HINT}"));
        }
        parse_persistent(written, HINT, diagnostics, Self::File, Self::Redis)
    }
}

/// A place that outlasts the process.
fn parse_persistent<T>(
    written: &str,
    hint: &str,
    diagnostics: &Diagnostics,
    in_file: fn(PathBuf) -> T,
    on_server: fn(RedisUrl) -> T,
) -> Result<T, String> {
    if let Some(path) = written.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(format!("names no file; {hint}"));
        }
        return Ok(in_file(diagnostics.resolve_path(path)));
    }
    if RedisUrl::looks_like_redis(written) {
        return RedisUrl::parse(written, diagnostics).map(on_server);
    }
    Err(format!("is not a store that this version knows; {hint}"))
}

fn read_location<T: ParseLocation>(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<T> {
    if node.is_invalid() {
        return None;
    }
    let place = String::from_scalar(node).and_then(|written| T::parse(&written, diagnostics));
    place.map_err(|message| diagnostics.report(node.at, key, message)).ok()
}

impl FromNode for StoreLocation {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        read_location(node, key, diagnostics)
    }
}

impl FromNode for RecordsLocation {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        read_location(node, key, diagnostics)
    }
}

impl Serialize for StoreLocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Memory => serializer.serialize_str("memory"),
            Self::File(path) => serializer.serialize_str(&format!("file:{}", path.display())),
            Self::Redis(url) => url.serialize(serializer),
        }
    }
}

impl Serialize for RecordsLocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File(path) => serializer.serialize_str(&format!("file:{}", path.display())),
            Self::Redis(url) => url.serialize(serializer),
        }
    }
}
