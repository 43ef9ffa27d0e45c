//! The JSON Schema of the file, for editors. Descriptions are the doc comments of the keys, defaults are those of
//! [`Config::demo`].

use std::net::SocketAddr;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::config::raw::RawConfig;

/// Keys that have no default, or whose default depends on other keys.
const KEYS_WITHOUT_DEFAULT: [&str; 6] = ["public_url", "listen", "secret", "upstreams", "routes", "app_name"];

/// The JSON Schema (draft 2020-12) of the configuration file.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<RawConfig>().to_value();
    apply_defaults(&mut schema, Some(&defaults()));
    let upstream = serde_json::json!({
        "timeouts": crate::config::UpstreamTimeouts::default(),
        "forget_on": crate::gate::cookie::ForgetOn::ALWAYS,
        "identity_encoding": crate::proxy::IdentityEncoding::Utf8,
    });
    if let Some(upstreams) = schema.pointer_mut("/properties/upstreams/additionalProperties") {
        apply_defaults(upstreams, Some(&upstream));
    }
    let route = serde_json::json!({
        "access": "signed_in",
        "counts_as_activity": true,
        "allow_encoded_slash": false,
        "keep_double_slash": false,
        "allow_semicolon": false,
        "allow_encoded_backslash": false,
        "allow_encoded_control": false,
        "preserve_path": false,
        "websocket_origins": [],
        "cross_site_forms": [],
        "allow_shared_cache": false,
        "no_store_documents": true,
    });
    if let Some(routes) = schema.pointer_mut("/properties/routes/items") {
        apply_defaults(routes, Some(&route));
    }
    schema
}

/// The default of every key, in the shape of the file.
fn defaults() -> Value {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut defaults = serde_json::to_value(Config::demo(anywhere, anywhere)).unwrap_or_default();
    if let Some(top) = defaults.as_object_mut() {
        top.insert("store".to_owned(), "file:portcullis.db".into());
        top.retain(|key, _| !KEYS_WITHOUT_DEFAULT.contains(&key.as_str()));
    }
    if let Some(branding) = defaults.get_mut("branding").and_then(Value::as_object_mut) {
        branding.remove("app_name");
    }
    defaults
}

/// Puts defaults at the keys, closes every section to unknown keys, and takes `null` away where it is refused.
fn apply_defaults(schema: &mut Value, defaults: Option<&Value>) {
    let Some(schema) = schema.as_object_mut() else { return };
    unwrap_descriptions(schema);
    let sections: Vec<String> = section_names(schema);
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|key| key.as_str().is_none_or(|key| !sections.iter().any(|section| section == key)));
    }
    if schema.get("required").is_some_and(|required| required == &Value::Array(Vec::new())) {
        schema.remove("required");
    }
    if let Some(Value::Object(keys)) = schema.get_mut("properties") {
        for (key, below) in keys {
            let default = defaults.and_then(|defaults| defaults.get(key));
            apply_defaults(below, default);
            finish_key(below, default);
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(inner) {
            apply_defaults(below, None);
        }
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = schema.get_mut(choice) {
            for choice in choices {
                apply_defaults(choice, None);
            }
        }
    }
}

/// Sections are never required: left out, they are their defaults.
fn section_names(schema: &Map<String, Value>) -> Vec<String> {
    let keys = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    keys.filter(|(_, below)| below.get("properties").is_some()).map(|(key, _)| key.clone()).collect()
}

fn finish_key(schema: &mut Value, default: Option<&Value>) {
    let Some(schema) = schema.as_object_mut() else { return };
    let is_section = schema.contains_key("properties");
    if default != Some(&Value::Null) && !is_section {
        refuse_null(schema);
    }
    if let Some(default) = default.filter(|_| !is_section) {
        schema.insert("default".to_owned(), default.clone());
    }
}

/// An optional key may be left out, but not be written as `null`.
fn refuse_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [single] = types.as_slice() {
            let single = single.clone();
            schema.insert("type".to_owned(), single);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(mut choices)) = schema.remove("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    match choices.as_mut_slice() {
        [Value::Object(single)] => {
            for (key, value) in std::mem::take(single) {
                schema.entry(key).or_insert(value);
            }
        }
        _ => {
            schema.insert("anyOf".to_owned(), Value::Array(choices));
        }
    }
}

/// Doc comments are wrapped for the eye of a programmer; a description is one paragraph.
fn unwrap_descriptions(schema: &mut Map<String, Value>) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}
