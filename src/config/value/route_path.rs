//! The path of a route. It must be in the one spelling that requests are brought to before they are matched.

use schemars::JsonSchema;

use crate::config::read::Scalar;
use crate::config::tree::Node;

/// Paths that Portcullis answers itself.
const OURS: [&str; 4] = [
    "/security",
    "/.well-known/portcullis",
    "/.well-known/change-password",
    "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200",
];

/// A path prefix that ends at a segment, as written.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^/"))]
pub(in crate::config) struct RoutePath(pub(in crate::config) String);

impl Scalar for RoutePath {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let written = String::from_scalar(node)?;
        let path = without_last_slash(&written).to_owned();
        refuse_other_spellings(&path)?;
        if let Some(ours) = OURS.iter().find(|ours| covers(ours, &path)) {
            return Err(format!("is under {ours}, which Portcullis answers itself; write another path"));
        }
        Ok(Self(path))
    }
}

/// Whether a prefix that ends at a segment takes every request that the other takes.
pub(in crate::config) fn covers(prefix: &str, path: &str) -> bool {
    prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `/admin/` means what `/admin` means: a prefix that ends at a segment.
fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/')).unwrap_or(path)
}

fn refuse_other_spellings(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err("does not begin with /; write the path from the root, such as /admin".to_owned());
    }
    if path.contains("//") {
        return Err("has // in it, which no request has; write a single /".to_owned());
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("has . or .. in it, which no request has; write the path that is meant".to_owned());
    }
    if path.contains(['?', '#', ';']) {
        return Err("has ?, # or ; in it; write the path alone, it is matched without query and parameters".to_owned());
    }
    if path.contains('*') {
        return Err("has * in it; write the prefix alone, it covers all paths below it".to_owned());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains(['\\', '"', '<', '>']) {
        return Err("has letters that a path can not have; write them as %XX".to_owned());
    }
    refuse_odd_escapes(path)
}

fn refuse_odd_escapes(path: &str) -> Result<(), String> {
    for behind in path.split('%').skip(1) {
        let code = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            None => return Err("has a % without two digits behind it; write a percent sign as %25".to_owned()),
            Some(b'/' | b'\\' | b'.' | b';' | 0) => {
                return Err(
                    "has %2f, %5c, %2e, %3b or %00 in it, which hide a path; write the path that is meant".to_owned()
                );
            }
            Some(byte) if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) => {
                return Err(format!("has %{byte:02X} in it; write the letter {} itself", char::from(byte)));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tree;

    fn path(written: &str) -> Result<String, String> {
        let node = tree::parse(&format!("\"{written}\"")).map_err(|(_, message)| message)?;
        RoutePath::from_scalar(&node).map(|path| path.0)
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        for (prefix, other, taken) in [
            ("/", "/a", true),
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a", "/A", false),
            ("/a/b", "/a", false),
        ] {
            assert_eq!(covers(prefix, other), taken, "{prefix} {other}");
        }
    }

    #[test]
    fn paths_of_the_app_are_taken_in_one_spelling() {
        for (written, meant) in [
            ("/", "/"),
            ("/admin", "/admin"),
            ("/admin/", "/admin"),
            ("/security-guide", "/security-guide"),
            ("/Security", "/Security"),
            ("/a%20b/~x", "/a%20b/~x"),
        ] {
            assert_eq!(path(written).as_deref(), Ok(meant), "{written}");
        }
    }

    #[test]
    fn paths_that_could_be_read_in_two_ways_are_not_taken() {
        for written in [
            "",
            "//",
            "/a//",
            "/security",
            "/security/",
            "/security/x",
            "/secur%69ty",
            "/a%2Fb",
            "/a%5cb",
            "/%2e%2e",
            "/a/./b",
        ] {
            assert!(path(written).is_err(), "{written}");
        }
    }
}
