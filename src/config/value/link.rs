//! Links and paths of the app.

use schemars::JsonSchema;

use crate::config::from_node::FromScalar;
use crate::config::tree::Node;

/// A link within the app or to another site.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String")]
pub(in crate::config) struct HomeLink(pub(in crate::config) String);

impl FromScalar for HomeLink {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let text = String::from_scalar(node)?;
        if is_app_path(&text) || is_http_url(&text) {
            return Ok(Self(text));
        }
        Err("is no link; write a path such as / or a URL such as https://example.com/".to_owned())
    }
}

/// A link to a page or a mailbox.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String")]
pub(in crate::config) struct SupportLink(pub(in crate::config) String);

impl FromScalar for SupportLink {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let text = String::from_scalar(node)?;
        let mail =
            text.strip_prefix("mailto:").is_some_and(|address| address.contains('@') && is_printable_ascii(address));
        if mail || is_http_url(&text) {
            return Ok(Self(text));
        }
        Err("is no link; write https://example.com/help or mailto:help@example.com".to_owned())
    }
}

/// A path of the app, to land on or to label.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^/([^/\\\\]|$)"))]
pub(in crate::config) struct AppPath(pub(in crate::config) String);

impl FromScalar for AppPath {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let text = String::from_scalar(node)?;
        check_app_path(&text).map(|()| Self(text))
    }
}

/// Refuses what is not a path of this origin.
pub(in crate::config) fn check_app_path(text: &str) -> Result<(), String> {
    if is_app_path(text) { Ok(()) } else { Err("is not a path of the app; write one such as /dashboard".to_owned()) }
}

/// A browser takes `//host` and `/\host` for another site.
fn is_app_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && !text.contains('\\') && is_printable_ascii(text)
}

fn is_http_url(text: &str) -> bool {
    let web = text.starts_with("https://") || text.starts_with("http://");
    let parsed = text.split('#').next().and_then(|text| text.parse::<http::Uri>().ok());
    web && is_printable_ascii(text) && parsed.is_some_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

fn is_printable_ascii(text: &str) -> bool {
    text.len() <= 2_000 && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>`".contains(&byte))
}
