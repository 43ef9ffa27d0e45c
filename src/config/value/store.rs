//! Where sessions and accounts are kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::config::complaint::Desk;
use crate::config::read::{Read, Scalar};
use crate::config::tree::Node;

/// Where sessions and accounts are kept.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^(memory|file:.+)$"))]
pub enum Store {
    /// Nowhere but in this process: all is gone when it ends.
    Memory,
    /// In one file on this machine.
    File(PathBuf),
}

impl Store {
    /// Reads `memory` or `file:PATH`. The text is never repeated: the URL of a store may hold a password.
    pub(in crate::config) fn parse(written: &str, desk: &Desk) -> Result<Self, String> {
        const HINT: &str = "write file:portcullis.db or memory";
        if written == "memory" {
            return Ok(Self::Memory);
        }
        if let Some(path) = written.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.ends_with('/') || path.contains('\0') {
                return Err(format!("names no file; {HINT}"));
            }
            return Ok(Self::File(desk.path(path)));
        }
        if written.starts_with("redis") {
            return Err(format!("Redis is not in this version, which keeps sessions in file:PATH or memory; {HINT}"));
        }
        Err(format!("is not a store that this version knows; {HINT}"))
    }
}

impl Read for Store {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        if node.is_broken() {
            return None;
        }
        let store = String::from_scalar(node).and_then(|written| Self::parse(&written, desk));
        store.map_err(|message| desk.say(node.at, key, message)).ok()
    }
}

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Memory => serializer.serialize_str("memory"),
            Self::File(path) => serializer.serialize_str(&format!("file:{}", path.display())),
        }
    }
}
