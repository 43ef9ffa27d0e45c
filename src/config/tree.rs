//! A YAML text as a tree in which each node knows its line and column.
//!
//! The tree keeps what a typed parser would stop at (wrong types, unknown and repeated keys), so that all of it can be
//! told at once. It is bounded: a text that unfolds through anchors without end is refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

/// The longest configuration file that is read.
pub(super) const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A position in the file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Position {
    /// Where a file begins.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    fn from_location(location: Location) -> Self {
        Self { line: location.line().max(1), column: location.column().max(1) }
    }
}

/// A value with its place.
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: NodeValue,
    /// Whether a part of the text came from the environment: it may be a secret, and its type was not the file's choice.
    pub(super) from_environment: bool,
}

/// What a node holds.
pub(super) enum NodeValue {
    /// Nothing was written after the key.
    Empty,
    /// Already complained about.
    Invalid,
    /// `null` or `~` was written.
    Null,
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a text or a number.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) | NodeValue::Number(text) => Some(text),
            NodeValue::Bool(true) => Some("true"),
            NodeValue::Bool(false) => Some("false"),
            NodeValue::Empty | NodeValue::Null | NodeValue::Invalid | NodeValue::List(_) | NodeValue::Map(_) => None,
        }
    }

    /// Whether a complaint about this value is already filed.
    pub(super) fn is_invalid(&self) -> bool {
        matches!(self.value, NodeValue::Invalid)
    }

    /// The kind of value, in an operator's words.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Empty | NodeValue::Null | NodeValue::Invalid => "nothing",
            NodeValue::Bool(_) => "true or false",
            NodeValue::Number(_) => "a number",
            NodeValue::Text(_) => "text",
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "keys",
        }
    }
}

/// Reads one YAML document; what is wrong with it as YAML comes back with its place.
pub(super) fn parse(source: &str) -> Result<Node, (Position, String)> {
    let mut options = serde_saphyr::Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.with_snippet = false;
    options.alias_limits.max_total_replayed_events = 10_000;
    options.budget = serde_saphyr::budget! { max_depth: 32, max_nodes: 50_000, max_anchors: 1_000, max_aliases: 1_000 };
    match serde_saphyr::from_str_with_options::<Spanned<YamlValue>>(source, options) {
        Ok(raw) => Ok(to_node(raw, source)),
        Err(error) => {
            let place = error.location().map_or(Position::START, Position::from_location);
            Err((place, friendly_message(&error, source, place)))
        }
    }
}

/// Says what is wrong with a YAML text so that one can mend it.
fn friendly_message(error: &serde_saphyr::Error, source: &str, place: Position) -> String {
    let line =
        usize::try_from(place.line).ok().and_then(|line| source.lines().nth(line.saturating_sub(1))).unwrap_or("");
    if line.trim_start_matches(' ').starts_with('\t') {
        return "a tab can not indent in YAML; indent with spaces".to_owned();
    }
    // The parser's own words may repeat a value, so they are only compared.
    let told = error.without_snippet().render();
    let known = FRIENDLY_MESSAGES.iter().find(|(words, _)| told.contains(words)).map(|(_, plain)| *plain);
    known
        .unwrap_or("this can not be read as YAML; check indentation, quotes and brackets here and on the line above")
        .to_owned()
}

/// What the parser says, and what it comes from as a rule.
const FRIENDLY_MESSAGES: [(&str, &str); 14] = [
    ("multiple YAML documents", "a second document begins here; keep one, without a line of three dashes between"),
    ("unknown anchor", "this *name stands for nothing; write &name at the value that it stands for, above"),
    ("limit exceeded", "aliases or nesting make this too large; write the values out"),
    ("budget", "aliases or nesting make this too large; write the values out"),
    ("recursion limit", "this is nested too deep; bring it to a few levels"),
    ("simple key expected", "there is no colon behind this key; write key: value, with a space behind the colon"),
    ("illegal placement of ':'", "a colon can not stand here; close the [ or { above, or put the value in quotes"),
    ("mapping values are not allowed", "a colon can not stand here; put the value in quotes, or mend the indentation"),
    ("in multiline quoted scalar", "this is still inside quotes; close them on the line above"),
    ("unclosed quote", "a quote is never closed; write the same quote at the end of the value"),
    ("unclosed bracket", "a bracket is never closed; write ] or } at the end of the value"),
    ("bracket", "a bracket is closed that is not open, or by another kind; make them pairs"),
    ("expected ','", "a [ or { is not closed, or a comma is missing; write ] or } at the end of the value"),
    ("invalid indentation", "the indentation fits no line above; indent with two spaces below each section"),
];

/// A value as the YAML parser resolves it; numbers keep only their place, their digits are in the source.
enum YamlValue {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<Self>, Spanned<Self>)>),
}

fn to_node(raw: Spanned<YamlValue>, source: &str) -> Node {
    let written = || {
        let span = raw.defined.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let length = usize::try_from(span.byte_len()?).ok()?;
        source.get(start..start.checked_add(length)?)
    };
    let value = match raw.value {
        YamlValue::Null if written().is_none_or(|text| text.trim().is_empty()) => NodeValue::Empty,
        YamlValue::Null => NodeValue::Null,
        YamlValue::Bool(value) => NodeValue::Bool(value),
        YamlValue::Number => NodeValue::Number(written().unwrap_or("").trim().to_owned()),
        YamlValue::Text(text) => NodeValue::Text(text),
        YamlValue::List(items) => NodeValue::List(items.into_iter().map(|item| to_node(item, source)).collect()),
        YamlValue::Map(entries) => NodeValue::Map(
            entries.into_iter().map(|(key, value)| (to_node(key, source), to_node(value, source))).collect(),
        ),
    };
    Node { at: Position::from_location(raw.referenced), value, from_environment: false }
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = YamlValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<YamlValue, E> {
        Ok(YamlValue::Null)
    }

    fn visit_none<E>(self) -> Result<YamlValue, E> {
        Ok(YamlValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<YamlValue, D::Error> {
        YamlValue::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<YamlValue, E> {
        Ok(YamlValue::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<YamlValue, E> {
        Ok(YamlValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<YamlValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(YamlValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<YamlValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(YamlValue::Map(entries))
    }
}
