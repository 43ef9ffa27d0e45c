//! The path of a route. It must be in the one spelling that requests are brought to before they are matched.

use schemars::JsonSchema;

use crate::config::diagnostics::escape;
use crate::config::from_node::FromScalar;
use crate::config::tree::Node;
use crate::gate::{self, CanonicalPath, InvalidPath, RouteTable};
use crate::own_paths::OWN_PATHS;

/// A path prefix that ends at a segment, in the spelling in which the gate reads it.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^/"))]
pub(in crate::config) struct RoutePath {
    path: CanonicalPath,
    /// The rule that the gate makes of it, alone in a table.
    rule: RouteTable,
}

impl FromScalar for RoutePath {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let written = String::from_scalar(node)?;
        let path = trim_trailing_slash(&written);
        refuse_patterns(path)?;
        let route = Self::parse(path).map_err(|why| error_message(why).to_owned())?;
        if route.as_str() != path {
            return Err(if node.from_environment {
                "is not spelled as requests are matched; write it as browsers send it".to_owned()
            } else {
                format!("is not spelled as requests are matched; write {}", escape(route.as_str(), 200))
            });
        }
        let ours = OWN_PATHS.iter().find(|ours| Self::parse(ours).is_ok_and(|ours| ours.covers(&route)));
        match ours {
            Some(ours) => Err(format!("is under {ours}, which Portcullis answers itself; write another path")),
            None => Ok(route),
        }
    }
}

/// One path, in the spelling in which the gate reads it.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^/"))]
pub(in crate::config) struct ExactPath(RoutePath);

impl FromScalar for ExactPath {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let written = String::from_scalar(node)?;
        if written.contains('*') {
            return Err("has * in it; write one whole path, nothing else is covered by it".to_owned());
        }
        let RoutePath { rule, .. } = RoutePath::from_scalar(node)?;
        let path = CanonicalPath::parse(written.as_bytes()).map_err(|why| error_message(why).to_owned())?;
        Ok(Self(RoutePath { path, rule }))
    }
}

impl ExactPath {
    /// The path.
    pub(in crate::config) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl RoutePath {
    /// Whether it takes a request for this path.
    pub(in crate::config) fn matches(&self, path: &ExactPath) -> bool {
        self.covers(&path.0)
    }

    /// As the gate reads it.
    fn parse(path: &str) -> Result<Self, InvalidPath> {
        let rule = gate::Route::new(path, gate::Access::SignedIn, 0, true)?;
        Ok(Self { path: CanonicalPath::parse(path.as_bytes())?, rule: RouteTable::new(vec![rule]) })
    }

    /// The path.
    pub(in crate::config) fn as_str(&self) -> &str {
        self.path.path()
    }

    /// Whether it takes every request that the other takes.
    pub(in crate::config) fn covers(&self, other: &Self) -> bool {
        self.rule.find(&other.path).is_some()
    }
}

/// `/admin/` means what `/admin` means: a prefix that ends at a segment.
fn trim_trailing_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/')).unwrap_or(path)
}

/// Refuses what is meant for more than a path, and would be matched as letters or not at all.
fn refuse_patterns(path: &str) -> Result<(), String> {
    if path.contains(['?', '#', ';']) {
        return Err("has ?, # or ; in it; write the path alone, it is matched without query and parameters".to_owned());
    }
    if path.contains('*') {
        return Err("has * in it; write the prefix alone, it covers all paths below it".to_owned());
    }
    Ok(())
}

/// What is wrong with a path that the gate does not take, and what to write.
const fn error_message(why: InvalidPath) -> &'static str {
    match why {
        InvalidPath::NoLeadingSlash => "does not begin with /; write the path from the root, such as /admin",
        InvalidPath::InvalidEncoding => "has a % without two digits behind it; write a percent sign as %25",
        InvalidPath::ForbiddenChar(_)
        | InvalidPath::AmbiguousRoute(_)
        | InvalidPath::OwnPath(_)
        | InvalidPath::TooManyReadings => {
            "has %2f, %5c, %3b, %3f, %23, %25 before two digits, a backslash, a control character or a name that ends in a dot in \
             it, which not every server reads in the same way; write a shorter prefix without it"
        }
        InvalidPath::DotSegment => "has .. in it, or what some servers read so; write the path that is meant",
        InvalidPath::AboveRoot => "has .. in it that leads out of the root; write the path that is meant",
        InvalidPath::TooLong => "is longer than any request may be; write a shorter prefix",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tree;

    fn path(written: &str) -> Result<String, String> {
        let node = tree::parse(&format!("\"{written}\"")).map_err(|(_, message)| message)?;
        RoutePath::from_scalar(&node).map(|path| path.as_str().to_owned())
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
            let [prefix, other] = [prefix, other].map(|path| RoutePath::parse(path).expect("a path"));
            assert_eq!(prefix.covers(&other), taken, "{} {}", prefix.as_str(), other.as_str());
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
            "/..",
            "/x%0Ay",
            "/x%7F",
            "/caf%c3%a9",
            "/caf\u{e9}",
            "/a%",
        ] {
            assert!(path(written).is_err(), "{written}");
        }
    }
}
