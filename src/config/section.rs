//! A mapping of the file whose keys are taken out one by one; what is left at the end is unknown.

use std::ops::RangeInclusive;

use super::describe::Bounded;
use super::diagnostics::Diagnostics;
use super::from_node::{FromNode, Located, RawField, closest_match, join_path, key_path};
use super::tree::{Node, NodeValue, Position};

/// Keys that people look for, and where they are.
const MOVED_KEYS: [(&str, &str); 1] = [("identity.encoding", "upstreams.NAME.identity_encoding, for each app its own")];

/// A section of the file while it is read.
pub(super) struct Section<'a> {
    diagnostics: &'a Diagnostics,
    key: String,
    entries: Vec<(&'a Node, &'a Node)>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Opens a mapping; an empty value is a section without keys.
    pub(super) fn open(node: &'a Node, key: &str, diagnostics: &'a Diagnostics) -> Option<Self> {
        let entries = match &node.value {
            NodeValue::Map(entries) => entries.iter().map(|(name, value)| (name, value)).collect(),
            NodeValue::Empty | NodeValue::Null => Vec::new(),
            NodeValue::Invalid => return None,
            _ => {
                let message = format!("wants keys below it, not {}; indent them by two spaces", node.kind());
                diagnostics.report(node.at, key, message);
                return None;
            }
        };
        let mut section = Self { diagnostics, key: key.to_owned(), entries, known: Vec::new() };
        section.report_repeated_keys();
        Some(section)
    }

    fn report_repeated_keys(&mut self) {
        let mut kept: Vec<(&Node, &Node)> = Vec::new();
        for (name, value) in std::mem::take(&mut self.entries) {
            if kept.iter().any(|(other, _)| other.text().is_some() && other.text() == name.text()) {
                self.diagnostics.report(name.at, &key_path(&self.key, name), "is written twice; keep one of them");
            } else {
                kept.push((name, value));
            }
        }
        self.entries = kept;
    }

    /// Takes a key that must have a value if it is written.
    pub(super) fn take<T: FromNode>(&mut self, name: &'static str) -> RawField<T> {
        let (key_at, node) = self.remove(name)?;
        match node.value {
            NodeValue::Empty | NodeValue::Null => {
                self.diagnostics.report(
                    key_at,
                    &join_path(&self.key, name),
                    "has no value; write one, or take the key out",
                );
                None
            }
            _ => self.read(name, node),
        }
    }

    /// Takes a key for which `null` says "none"; an empty value is still a mistake (an unquoted `#` begins a comment).
    pub(super) fn take_nullable<T: FromNode>(&mut self, name: &'static str) -> RawField<T> {
        let (key_at, node) = self.remove(name)?;
        match node.value {
            NodeValue::Null => None,
            NodeValue::Empty => {
                let message = "has no value; write null for none (a value with # in it needs quotes)";
                self.diagnostics.report(key_at, &join_path(&self.key, name), message);
                None
            }
            _ => self.read(name, node),
        }
    }

    /// Takes a key for which `null` says "none", and which says something else when it is left out.
    pub(super) fn take_explicit_null<T: FromNode>(&mut self, name: &'static str) -> RawField<Option<T>> {
        let written = self.entries.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, node)| *node);
        match written {
            Some(node) if matches!(node.value, NodeValue::Null) => {
                self.remove(name);
                Some(Located { value: None, at: node.at, key: join_path(&self.key, name) })
            }
            _ => {
                let Located { value, at, key } = self.take_nullable(name)?;
                Some(Located { value: Some(value), at, key })
            }
        }
    }

    /// Takes a section, which may be left empty.
    pub(super) fn take_section<T: FromNode + Default>(&mut self, name: &'static str) -> T {
        let Some((_, node)) = self.remove(name) else { return T::default() };
        self.read(name, node).map(|section: Located<T>| section.value).unwrap_or_default()
    }

    /// Takes a section, which may be left empty, with its place.
    pub(super) fn take_section_located<T: FromNode>(&mut self, name: &'static str) -> RawField<T> {
        let (_, node) = self.remove(name)?;
        self.read(name, node)
    }

    /// Reports a value outside its range.
    pub(super) fn check_range<T: Bounded>(&self, written: &Located<T>, range: &RangeInclusive<T::Bound>) {
        if let Some(message) = written.value.range_error(range) {
            written.report(self.diagnostics, message);
        }
    }

    fn remove(&mut self, name: &'static str) -> Option<(Position, &'a Node)> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key.text() == Some(name))?;
        let (key, node) = self.entries.remove(index);
        Some((key.at, node))
    }

    fn read<T: FromNode>(&self, name: &str, node: &Node) -> RawField<T> {
        let key = join_path(&self.key, name);
        if matches!(node.value, NodeValue::Invalid) {
            return None;
        }
        let value = T::from_node(node, &key, self.diagnostics)?;
        self.diagnostics.note_position(&key, node.at);
        Some(Located { value, at: node.at, key })
    }

    /// Complains about every key that nobody took. `later` are keys of the plan that this version does not have.
    pub(super) fn finish(self, planned: &[&str]) {
        for (name, _) in &self.entries {
            let key = key_path(&self.key, name);
            let Some(text) = name.text() else {
                self.diagnostics.report(name.at, &key, "a key must be text; write a single word before the colon");
                continue;
            };
            let elsewhere = MOVED_KEYS.iter().find(|(asked, _)| *asked == key);
            let message = if let Some((_, there)) = elsewhere {
                format!("unknown key; write {there}")
            } else if planned.contains(&text) {
                "unknown key; it is not in this version, take it out".to_owned()
            } else if let Some(meant) = closest_match(text, &self.known) {
                self.diagnostics.note_misspelled(join_path(&self.key, meant));
                format!("unknown key; did you mean \"{meant}\"?")
            } else if self.key.is_empty() {
                "unknown key; take it out, or look it up in docs/configuration.md".to_owned()
            } else {
                format!("unknown key; known here: {}", self.known.join(", "))
            };
            self.diagnostics.report(name.at, &key, message);
        }
    }
}
