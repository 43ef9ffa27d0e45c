//! A mapping of the file whose keys are taken out one by one; what is left at the end is unknown.

use super::complaint::Desk;
use super::read::{Field, Located, Read, join, nearest, path_of};
use super::tree::{Node, Place, Value};

/// Keys that people look for, and where they are.
const ELSEWHERE: [(&str, &str); 1] = [("identity.encoding", "upstreams.NAME.identity_encoding, for each app its own")];

/// A section of the file while it is read.
pub(super) struct Section<'a> {
    desk: &'a Desk,
    key: String,
    entries: Vec<(&'a Node, &'a Node)>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Opens a mapping; an empty value is a section without keys.
    pub(super) fn open(node: &'a Node, key: &str, desk: &'a Desk) -> Option<Self> {
        let entries = match &node.value {
            Value::Map(entries) => entries.iter().map(|(name, value)| (name, value)).collect(),
            Value::Empty | Value::Null => Vec::new(),
            Value::Broken => return None,
            _ => {
                let message = format!("wants keys below it, not {}; indent them by two spaces", node.kind());
                desk.say(node.at, key, message);
                return None;
            }
        };
        let mut section = Self { desk, key: key.to_owned(), entries, known: Vec::new() };
        section.refuse_repeated_keys();
        Some(section)
    }

    fn refuse_repeated_keys(&mut self) {
        let mut kept: Vec<(&Node, &Node)> = Vec::new();
        for (name, value) in std::mem::take(&mut self.entries) {
            if kept.iter().any(|(other, _)| other.text().is_some() && other.text() == name.text()) {
                self.desk.say(name.at, &path_of(&self.key, name), "is written twice; keep one of them");
            } else {
                kept.push((name, value));
            }
        }
        self.entries = kept;
    }

    /// Takes a key that must have a value if it is written.
    pub(super) fn take<T: Read>(&mut self, name: &'static str) -> Field<T> {
        let (key_at, node) = self.remove(name)?;
        match node.value {
            Value::Empty | Value::Null => {
                self.desk.say(key_at, &join(&self.key, name), "has no value; write one, or take the key out");
                None
            }
            _ => self.read(name, node),
        }
    }

    /// Takes a key for which `null` says "none"; an empty value is still a mistake (an unquoted `#` begins a comment).
    pub(super) fn take_or_null<T: Read>(&mut self, name: &'static str) -> Field<T> {
        let (key_at, node) = self.remove(name)?;
        match node.value {
            Value::Null => None,
            Value::Empty => {
                let message = "has no value; write null for none (a value with # in it needs quotes)";
                self.desk.say(key_at, &join(&self.key, name), message);
                None
            }
            _ => self.read(name, node),
        }
    }

    /// Takes a key for which `null` says "none", and which says something else when it is left out.
    pub(super) fn take_or_none<T: Read>(&mut self, name: &'static str) -> Field<Option<T>> {
        let written = self.entries.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, node)| *node);
        match written {
            Some(node) if matches!(node.value, Value::Null) => {
                self.remove(name);
                Some(Located { value: None, at: node.at, key: join(&self.key, name) })
            }
            _ => {
                let Located { value, at, key } = self.take_or_null(name)?;
                Some(Located { value: Some(value), at, key })
            }
        }
    }

    /// Takes a section, which may be left empty.
    pub(super) fn take_section<T: Read + Default>(&mut self, name: &'static str) -> T {
        let Some((_, node)) = self.remove(name) else { return T::default() };
        self.read(name, node).map(|section: Located<T>| section.value).unwrap_or_default()
    }

    fn remove(&mut self, name: &'static str) -> Option<(Place, &'a Node)> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key.text() == Some(name))?;
        let (key, node) = self.entries.remove(index);
        Some((key.at, node))
    }

    fn read<T: Read>(&self, name: &str, node: &Node) -> Field<T> {
        let key = join(&self.key, name);
        if matches!(node.value, Value::Broken) {
            return None;
        }
        T::read(node, &key, self.desk).map(|value| Located { value, at: node.at, key })
    }

    /// Complains about every key that nobody took. `later` are keys of the plan that this version does not have.
    pub(super) fn close(self, later: &[&str]) {
        for (name, _) in &self.entries {
            let key = path_of(&self.key, name);
            let Some(text) = name.text() else {
                self.desk.say(name.at, &key, "a key must be text; write a single word before the colon");
                continue;
            };
            let elsewhere = ELSEWHERE.iter().find(|(asked, _)| *asked == key);
            let message = if let Some((_, there)) = elsewhere {
                format!("unknown key; write {there}")
            } else if later.contains(&text) {
                "unknown key; it is not in this version, take it out".to_owned()
            } else if let Some(meant) = nearest(text, &self.known) {
                self.desk.meant(join(&self.key, meant));
                format!("unknown key; did you mean \"{meant}\"?")
            } else if self.key.is_empty() {
                "unknown key; take it out, or look it up in docs/configuration.md".to_owned()
            } else {
                format!("unknown key; known here: {}", self.known.join(", "))
            };
            self.desk.say(name.at, &key, message);
        }
    }
}
