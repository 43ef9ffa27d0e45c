//! The page of the manual that lists every key, made from the schema so that it can not fall behind.

use std::fmt::Write;

use serde_json::Value;

use super::schema::schema;

/// The order of the file, which is the order of the page.
const SECTIONS: [&str; 16] = [
    "tls",
    "upstreams",
    "routes",
    "sign_in",
    "sessions",
    "passwords",
    "lockout",
    "audit",
    "limits",
    "identity",
    "admin",
    "log",
    "activity",
    "shutdown",
    "branding",
    "",
];

const INTRODUCTION: &str = include_str!("reference.md");

/// `docs/configuration.md`: every key with its type, its default and what it does.
#[must_use]
pub fn reference() -> String {
    let schema = schema();
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## The way in, the store and the app\n\n");
    page.push_str(TABLE_HEAD);
    let top = schema.pointer("/properties");
    for key in TOP_LEVEL_KEYS {
        if let Some(described) = top.and_then(|keys| keys.get(key)) {
            row(&mut page, key, described, is_required(&schema, key));
        }
    }
    for name in SECTIONS.iter().filter(|name| !name.is_empty()) {
        let Some(section) = top.and_then(|keys| keys.get(*name)) else { continue };
        let _ = write!(page, "\n## `{name}`\n\n{}\n\n{TABLE_HEAD}", description(section));
        match *name {
            "upstreams" => rows(&mut page, "upstreams.NAME", section.get("additionalProperties")),
            "routes" => rows(&mut page, "routes[]", section.get("items")),
            name => rows(&mut page, name, Some(section)),
        }
    }
    page
}

const TABLE_HEAD: &str = "| key | type | default | what it does |\n|---|---|---|---|\n";

/// Keys of the top level that are no sections, in the order of the file.
const TOP_LEVEL_KEYS: [&str; 12] = [
    "public_url",
    "listen",
    "insecure_http",
    "trusted_proxies",
    "proxy_protocol",
    "store",
    "store_file",
    "records",
    "records_file",
    "secret",
    "secret_file",
    "upstream",
];

fn rows(page: &mut String, path: &str, section: Option<&Value>) {
    let Some(section) = section else { return };
    let Some(Value::Object(keys)) = section.get("properties") else { return };
    for (key, described) in keys {
        let path = format!("{path}.{key}");
        if described.get("properties").is_some() {
            rows(page, &path, Some(described));
        } else {
            row(page, &path, described, is_required(section, key));
        }
    }
}

fn row(page: &mut String, path: &str, described: &Value, required: bool) {
    let default = match described.get("default") {
        _ if required => "required".to_owned(),
        None => "none".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Object(keys)) if keys.is_empty() => "none".to_owned(),
        Some(value) => format!("`{value}`"),
    };
    let kind = type_name(described).replace('|', "\\|");
    let text = description(described).replace('|', "\\|");
    let _ = writeln!(page, "| `{path}` | {kind} | {default} | {text} |");
}

fn is_required(section: &Value, key: &str) -> bool {
    section.get("required").and_then(Value::as_array).is_some_and(|keys| keys.iter().any(|name| name == key))
}

fn description(described: &Value) -> &str {
    described.get("description").and_then(Value::as_str).unwrap_or("")
}

/// The type in an operator's words.
fn type_name(described: &Value) -> String {
    if let Some(words) = enum_values(described) {
        return words;
    }
    if let Some(choices) = described.get("anyOf").or_else(|| described.get("oneOf")).and_then(Value::as_array) {
        let mut kinds: Vec<_> = choices.iter().map(type_name).filter(|kind| kind != "null").collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let pattern = described.get("pattern").and_then(Value::as_str).unwrap_or("");
    let plain =
        described.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str())).unwrap_or("text");
    match plain {
        "string" if pattern.contains("never") => "time or `never`".to_owned(),
        "string" if pattern.contains("ms|s|m") => "time".to_owned(),
        "string" if pattern.contains("KiB") => "size".to_owned(),
        "string" if pattern.contains(":]+/") => "network".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => {
            described.get("items").map_or_else(|| "list".to_owned(), |item| format!("list of {}", type_name(item)))
        }
        "object" => inline_keys(described),
        other => other.to_owned(),
    }
}

fn enum_values(described: &Value) -> Option<String> {
    if let Some(word) = described.get("const").and_then(Value::as_str) {
        return Some(format!("`{word}`"));
    }
    let words = described.get("enum")?.as_array()?;
    let words: Vec<_> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
    Some(words.join(", "))
}

fn inline_keys(described: &Value) -> String {
    match described.get("properties").and_then(Value::as_object) {
        Some(keys) => {
            let keys: Vec<_> = keys.keys().map(|key| format!("{key}: …")).collect();
            format!("`{{ {} }}`", keys.join(", "))
        }
        None => "names with values".to_owned(),
    }
}
