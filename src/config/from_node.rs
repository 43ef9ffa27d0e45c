//! From a node of the tree to a value of a type: what each of them wants, and what to say when it gets something else.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

use super::diagnostics::{Diagnostics, escape, quote, quote_node};
use super::tree::{Node, NodeValue, Position};

/// A value as written, with its place and its key, so that a later step can still complain about it.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: Position,
    pub(super) key: String,
}

impl<T> Located<T> {
    /// Complains about this value.
    pub(super) fn report(&self, diagnostics: &Diagnostics, message: impl Into<String>) {
        diagnostics.report(self.at, &self.key, message);
    }
}

/// A key that may be absent; absent also when its value was complained about.
pub(super) type RawField<T> = Option<Located<T>>;

/// A type that can be read from a node.
pub(super) trait FromNode: Sized {
    /// The value, or nothing after a complaint.
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self>;
}

/// A type that is read from a single scalar; the error is the message.
pub(super) trait FromScalar: Sized {
    /// The value, or what is wrong; what to write instead.
    fn from_scalar(node: &Node) -> Result<Self, String>;
}

impl<T: FromScalar> FromNode for T {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        if node.is_invalid() {
            return None;
        }
        T::from_scalar(node).map_err(|message| diagnostics.report(node.at, key, message)).ok()
    }
}

/// A closed set of words.
pub(super) trait KeywordSet: Copy + 'static {
    /// The words and what they mean.
    const KEYWORDS: &'static [(&'static str, Self)];
}

impl<T: KeywordSet> FromScalar for T {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        parse_keyword(node, T::KEYWORDS, &[])
    }
}

/// Reads one of some words; `others` are what else may stand there, for the message.
pub(super) fn parse_keyword<T: Clone>(node: &Node, words: &[(&str, T)], others: &[&str]) -> Result<T, String> {
    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let write = || format!("write {}", join_with_or(&[&known, others].concat()));
    let Some(text) = node.text() else {
        return Err(format!("wants a word, not {}; {}", node.kind(), write()));
    };
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(meaning.clone());
    }
    let instead = closest_match(text, &known).map_or_else(write, |word| format!("did you mean \"{word}\"?"));
    Err(format!("unknown word {}; {instead}", quote_node(node)))
}

impl FromScalar for String {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Text(text) => Ok(text.clone()),
            NodeValue::Number(_) | NodeValue::Bool(_) => {
                Err(format!("wants text, not {}; put it in quotes", node.kind()))
            }
            _ => Err(format!("wants text, not {}; write it on the line of the key", node.kind())),
        }
    }
}

impl FromScalar for bool {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Bool(value) => Ok(*value),
            NodeValue::Text(text) if node.from_environment && text == "true" => Ok(true),
            NodeValue::Text(text) if node.from_environment && text == "false" => Ok(false),
            _ => Err(format!("wants true or false, not {}; write true or false, without quotes", node.kind())),
        }
    }
}

impl FromScalar for u32 {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let written = match &node.value {
            NodeValue::Number(digits) => Some(digits),
            NodeValue::Text(text) if node.from_environment => Some(text),
            _ => None,
        };
        written.and_then(|digits| digits.parse().ok()).ok_or_else(|| match node.value {
            NodeValue::Number(_) => "wants a whole number from 0 up; write digits only".to_owned(),
            _ => format!("wants a whole number, not {}; write digits only, without quotes", node.kind()),
        })
    }
}

impl<T: FromNode> FromNode for Vec<Located<T>> {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let NodeValue::List(items) = &node.value else {
            if node.is_invalid() {
                return None;
            }
            let hint = match node.value {
                NodeValue::Map(_) => "write each item on a line of its own that begins with \"- \"",
                _ => "put it in brackets, [ and ]",
            };
            diagnostics.report(node.at, key, format!("wants a list, not {}; {hint}", node.kind()));
            return None;
        };
        // What could be read goes on, so that the rest is checked too; a complaint refuses the whole in the end.
        let mut all = Self::new();
        for (index, item) in items.iter().enumerate() {
            let key = format!("{key}[{index}]");
            if let Some(value) = T::from_node(item, &key, diagnostics) {
                all.push(Located { value, at: item.at, key });
            }
        }
        Some(all)
    }
}

/// One value or a list of them.
pub(super) struct OneOrMore<T>(pub(super) Vec<Located<T>>);

impl<T: FromNode> FromNode for OneOrMore<T> {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        if let NodeValue::List(_) = node.value {
            return Vec::from_node(node, key, diagnostics).map(Self);
        }
        let value = T::from_node(node, key, diagnostics)?;
        Some(Self(vec![Located { value, at: node.at, key: key.to_owned() }]))
    }
}

/// Keys that the operator names, such as the names of upstreams, in the order of the file.
pub(super) struct Named<T>(pub(super) Vec<(Located<String>, T)>);

impl<T: FromNode + Default> FromNode for Named<T> {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let NodeValue::Map(entries) = &node.value else {
            if node.is_invalid() {
                return None;
            }
            diagnostics.report(
                node.at,
                key,
                format!("wants keys below it, not {}; indent them by two spaces", node.kind()),
            );
            return None;
        };
        let mut all: Vec<(Located<String>, T)> = Vec::new();
        for (name, item) in entries {
            let path = key_path(key, name);
            let Some(text) = name.text() else {
                diagnostics.report(name.at, &path, "a name must be text; write a single word before the colon");
                continue;
            };
            if all.iter().any(|(other, _)| other.value == text) {
                diagnostics.report(name.at, &path, "is written twice; keep one of them");
                continue;
            }
            let value = T::from_node(item, &path, diagnostics).unwrap_or_default();
            all.push((Located { value: text.to_owned(), at: name.at, key: path }, value));
        }
        Some(Self(all))
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::json_schema(generator);
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let each = T::json_schema(generator);
        schemars::json_schema!({ "type": "object", "additionalProperties": each })
    }
}

/// The dotted path of a key below another.
pub(super) fn key_path(parent: &str, name: &Node) -> String {
    join_path(parent, &name.text().map_or_else(|| "?".to_owned(), |name| escape(name, 60)))
}

/// Two parts of a dotted path.
pub(super) fn join_path(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The word that was probably meant.
pub(super) fn closest_match<'a>(written: &str, words: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', ' ', '.'], "_");
    let written = plain(&escape(written, 60));
    words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&written, &plain(word)), *word))
        .filter(|(distance, word)| {
            let begins_alike = word.len() >= 3 && written.starts_with(&plain(word));
            begins_alike || *distance <= ((word.chars().count() + 1) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Words as a sentence lists them.
pub(super) fn join_with_or(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}

/// A name for a message that lists what exists.
pub(super) fn suggestion(written: &str, words: &[&str]) -> String {
    closest_match(written, words)
        .map_or_else(|| format!("write {}", join_with_or(words)), |word| format!("did you mean {}?", quote(word)))
}
