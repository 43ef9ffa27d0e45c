//! From a node of the tree to a value of a type: what each of them wants, and what to say when it gets something else.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

use super::complaint::{Desk, escape, quote, quote_node};
use super::tree::{Node, Place, Value};

/// A value as written, with its place and its key, so that a later step can still complain about it.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: Place,
    pub(super) key: String,
}

impl<T> Located<T> {
    /// Complains about this value.
    pub(super) fn complain(&self, desk: &Desk, message: impl Into<String>) {
        desk.say(self.at, &self.key, message);
    }
}

/// A key that may be absent; absent also when its value was complained about.
pub(super) type Field<T> = Option<Located<T>>;

/// A type that can be read from a node.
pub(super) trait Read: Sized {
    /// The value, or nothing after a complaint.
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self>;
}

/// A type that is read from a single scalar; the error is the message.
pub(super) trait Scalar: Sized {
    /// The value, or what is wrong; what to write instead.
    fn from_scalar(node: &Node) -> Result<Self, String>;
}

impl<T: Scalar> Read for T {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        if node.is_broken() {
            return None;
        }
        T::from_scalar(node).map_err(|message| desk.say(node.at, key, message)).ok()
    }
}

/// A closed set of words.
pub(super) trait Choice: Copy + 'static {
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
    /// Words of the plan that this version does not have.
    const LATER: &'static [&'static str] = &[];
}

impl<T: Choice> Scalar for T {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        choose_or(node, T::WORDS, T::LATER, &[])
    }
}

/// Reads one of some words; `others` are what else may stand there, for the message.
pub(super) fn choose_or<T: Clone>(
    node: &Node,
    words: &[(&str, T)],
    later: &[&str],
    others: &[&str],
) -> Result<T, String> {
    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let write = || format!("write {}", any_of(&[&known, others].concat()));
    let Some(text) = node.text() else {
        return Err(format!("wants a word, not {}; {}", node.kind(), write()));
    };
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(meaning.clone());
    }
    if later.contains(&text) {
        return Err(format!("{} is not in this version; {}", quote_node(node), write()));
    }
    let instead = nearest(text, &known).map_or_else(write, |word| format!("did you mean \"{word}\"?"));
    Err(format!("unknown word {}; {instead}", quote_node(node)))
}

impl Scalar for String {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Err(format!("wants text, not {}; put it in quotes", node.kind())),
            _ => Err(format!("wants text, not {}; write it on the line of the key", node.kind())),
        }
    }
}

impl Scalar for bool {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Bool(value) => Ok(*value),
            Value::Text(text) if node.from_environment && text == "true" => Ok(true),
            Value::Text(text) if node.from_environment && text == "false" => Ok(false),
            _ => Err(format!("wants true or false, not {}; write true or false, without quotes", node.kind())),
        }
    }
}

impl Scalar for u32 {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let written = match &node.value {
            Value::Number(digits) => Some(digits),
            Value::Text(text) if node.from_environment => Some(text),
            _ => None,
        };
        written.and_then(|digits| digits.parse().ok()).ok_or_else(|| match node.value {
            Value::Number(_) => "wants a whole number from 0 up; write digits only".to_owned(),
            _ => format!("wants a whole number, not {}; write digits only, without quotes", node.kind()),
        })
    }
}

impl<T: Read> Read for Vec<Located<T>> {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let Value::List(items) = &node.value else {
            if node.is_broken() {
                return None;
            }
            let hint = match node.value {
                Value::Map(_) => "write each item on a line of its own that begins with \"- \"",
                _ => "put it in brackets, [ and ]",
            };
            desk.say(node.at, key, format!("wants a list, not {}; {hint}", node.kind()));
            return None;
        };
        // What could be read goes on, so that the rest is checked too; a complaint refuses the whole in the end.
        let mut all = Self::new();
        for (index, item) in items.iter().enumerate() {
            let key = format!("{key}[{index}]");
            if let Some(value) = T::read(item, &key, desk) {
                all.push(Located { value, at: item.at, key });
            }
        }
        Some(all)
    }
}

/// One value or a list of them.
pub(super) struct OneOrMore<T>(pub(super) Vec<Located<T>>);

impl<T: Read> Read for OneOrMore<T> {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        if let Value::List(_) = node.value {
            return Vec::read(node, key, desk).map(Self);
        }
        let value = T::read(node, key, desk)?;
        Some(Self(vec![Located { value, at: node.at, key: key.to_owned() }]))
    }
}

/// Keys that the operator names, such as the names of upstreams, in the order of the file.
pub(super) struct Named<T>(pub(super) Vec<(Located<String>, T)>);

impl<T: Read + Default> Read for Named<T> {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            if node.is_broken() {
                return None;
            }
            desk.say(node.at, key, format!("wants keys below it, not {}; indent them by two spaces", node.kind()));
            return None;
        };
        let mut all: Vec<(Located<String>, T)> = Vec::new();
        for (name, item) in entries {
            let path = path_of(key, name);
            let Some(text) = name.text() else {
                desk.say(name.at, &path, "a name must be text; write a single word before the colon");
                continue;
            };
            if all.iter().any(|(other, _)| other.value == text) {
                desk.say(name.at, &path, "is written twice; keep one of them");
                continue;
            }
            let value = T::read(item, &path, desk).unwrap_or_default();
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
pub(super) fn path_of(parent: &str, name: &Node) -> String {
    join(parent, &name.text().map_or_else(|| "?".to_owned(), |name| escape(name, 60)))
}

/// Two parts of a dotted path.
pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The word that was probably meant.
pub(super) fn nearest<'a>(written: &str, words: &[&'a str]) -> Option<&'a str> {
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
pub(super) fn any_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}

/// A name for a message that lists what exists.
pub(super) fn did_you_mean(written: &str, words: &[&str]) -> String {
    nearest(written, words)
        .map_or_else(|| format!("write {}", any_of(words)), |word| format!("did you mean {}?", quote(word)))
}
