//! `${NAME}` and `${NAME:-default}` in values, filled in from the environment.
//!
//! Expansion happens after parsing and inside one value only, so that a variable can not add keys to the file.

use super::EnvLookup;
use super::diagnostics::{Diagnostics, quote};
use super::from_node::key_path;
use super::tree::{Node, NodeValue};

/// The longest value that expansion may make.
const MAX_BYTES: usize = 64 * 1024;

/// Fills in every value of the tree; keys stay as they are written.
pub(super) fn expand_tree(node: &mut Node, key: &str, env: EnvLookup<'_>, diagnostics: &Diagnostics) {
    match &mut node.value {
        NodeValue::Text(text) => match expand(text, env) {
            Ok(None) => {}
            Ok(Some((filled, from_environment))) => {
                *text = filled;
                node.from_environment = from_environment;
            }
            Err(message) => {
                diagnostics.report(node.at, key, message);
                node.value = NodeValue::Invalid;
            }
        },
        NodeValue::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand_tree(item, &format!("{key}[{index}]"), env, diagnostics);
            }
        }
        NodeValue::Map(entries) => {
            for (name, item) in entries {
                expand_tree(item, &key_path(key, name), env, diagnostics);
            }
        }
        NodeValue::Empty | NodeValue::Null | NodeValue::Invalid | NodeValue::Bool(_) | NodeValue::Number(_) => {}
    }
}

/// The text filled in and whether a variable was read, or nothing if there was nothing to fill in.
fn expand(text: &str, env: EnvLookup<'_>) -> Result<Option<(String, bool)>, String> {
    let mut filled = String::new();
    let mut from_environment = false;
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        filled.push_str(&rest[..start]);
        let behind = &rest[start + 2..];
        if filled.ends_with('$') {
            filled.push('{');
            rest = behind;
            continue;
        }
        let Some(end) = behind.find('}') else {
            return Err("\"${\" is never closed; write ${NAME}, or $${ for the two characters themselves".to_owned());
        };
        filled.push_str(&expand_variable(&behind[..end], env, &mut from_environment)?);
        if filled.len() > MAX_BYTES {
            return Err("the environment makes this value too long; it may have 64 KiB".to_owned());
        }
        rest = &behind[end + 1..];
    }
    filled.push_str(rest);
    Ok((filled != text).then_some((filled, from_environment)))
}

/// What stands between `${` and `}`, looked up. An empty variable counts as one that is not set.
fn expand_variable(written: &str, env: EnvLookup<'_>, from_environment: &mut bool) -> Result<String, String> {
    let (name, default) = written.split_once(":-").map_or((written, None), |(name, default)| (name, Some(default)));
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !begins || !letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Err(format!("{} is not the name of a variable; write ${{NAME}} or ${{NAME:-default}}", quote(name)));
    }
    if let Some(value) = env(name).filter(|value| !value.is_empty()) {
        *from_environment = true;
        return Ok(value);
    }
    default.map(str::to_owned).ok_or_else(|| {
        let name = super::diagnostics::escape(name, 60);
        format!("the variable {name} is not set or empty; set it, or write ${{{name}:-default}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let env = |name: &str| match name {
            "HOST" => Some("example.com".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        expand(text, &env).map(|filled| filled.map_or_else(|| text.to_owned(), |(filled, _)| filled))
    }

    #[test]
    fn values_are_filled_in() {
        for (written, meant) in [
            ("plain", "plain"),
            ("https://${HOST}/", "https://example.com/"),
            ("${HOST}${HOST}", "example.comexample.com"),
            ("${MISSING:-there}", "there"),
            ("${EMPTY:-there}", "there"),
            ("${MISSING:-}", ""),
            ("${HOST:-there}", "example.com"),
            ("$${HOST}", "${HOST}"),
            ("$HOST and $", "$HOST and $"),
            ("${NESTED}", "${HOST}"),
        ] {
            assert_eq!(filled(written).as_deref(), Ok(meant), "{written}");
        }
    }

    #[test]
    fn what_can_not_be_filled_in_is_told() {
        for (written, told) in [
            ("${MISSING}", "MISSING is not set"),
            ("${EMPTY}", "EMPTY is not set or empty"),
            ("a ${HOST", "never closed"),
            ("${}", "not the name"),
            ("${a b}", "not the name"),
        ] {
            let message = filled(written).expect_err(written);
            assert!(message.contains(told), "{written}: {message}");
        }
    }
}
