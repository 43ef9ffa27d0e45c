//! `routes[].websocket_origins` and `routes[].cross_site_forms`: what pages of other sites may do on a route.

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, Located, RawField};
use crate::config::section::Section;
use crate::config::sections::routes::RouteAccess;
use crate::config::tree::Node;
use crate::config::value::route_path::{ExactPath, RoutePath};
use crate::public_url::PublicUrl;

/// Most sites that one list names: a request is compared with each.
const MAX_ORIGINS: usize = 32;
/// Most paths of one route that take forms.
const MAX_FORMS: usize = 32;

/// A path that takes forms of other sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrossSiteForms {
    /// The one path, as browsers send it.
    pub path: String,
    /// Origins of the senders; at least one.
    pub from: Vec<PublicUrl>,
}

/// A path that takes forms of other sites.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawCrossSiteForms {
    /// The one path, as browsers send it.
    #[schemars(required)]
    pub(in crate::config) path: RawField<ExactPath>,
    /// Origins of the pages that may post there.
    #[schemars(required)]
    pub(in crate::config) from: RawField<Vec<Located<PublicUrl>>>,
}

impl FromNode for RawCrossSiteForms {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let forms = Self { path: keys.take("path"), from: keys.take("from") };
        keys.finish(&[]);
        Some(forms)
    }
}

pub(in crate::config) fn validate_websocket_origins(
    written: RawField<Vec<Located<PublicUrl>>>,
    access: &RouteAccess,
    diagnostics: &Diagnostics,
) -> Vec<PublicUrl> {
    let Some(written) = written else { return Vec::new() };
    if *access == RouteAccess::Public {
        written.report(diagnostics, "says nothing on a public route, where no WebSocket is refused; take it out");
    }
    collect_origins(written, diagnostics)
}

/// The paths of the route at `prefix` that take forms of other sites; `earlier` ones take what is theirs first.
pub(in crate::config) fn validate_forms(
    written: RawField<Vec<Located<RawCrossSiteForms>>>,
    prefix: &RoutePath,
    earlier: &[(String, RoutePath)],
    access: &RouteAccess,
    diagnostics: &Diagnostics,
) -> Vec<CrossSiteForms> {
    let Some(written) = written else { return Vec::new() };
    if *access == RouteAccess::Public {
        written.report(diagnostics, "says nothing on a public route, where no form is held back; take it out");
    }
    if written.value.len() > MAX_FORMS {
        written.report(diagnostics, format!("has more than {MAX_FORMS} paths; keep those that other sites post to"));
    }
    let mut forms: Vec<CrossSiteForms> = Vec::new();
    for Located { value: form, at, key } in written.value {
        let from = match form.from {
            Some(from) if from.value.is_empty() && !diagnostics.has_error_at(&from.key) => {
                from.report(diagnostics, "is an empty list; write who may post here, such as [https://pay.example]");
                Vec::new()
            }
            Some(from) => collect_origins(from, diagnostics),
            None => {
                diagnostics.report_missing(
                    at,
                    &format!("{key}.from"),
                    "is missing; write who may post here, such as [https://pay.example]",
                );
                Vec::new()
            }
        };
        let Some(path) = form.path else {
            diagnostics.report_missing(
                at,
                &format!("{key}.path"),
                "is missing; write the one path that takes the form, such as /payment/return",
            );
            continue;
        };
        if !prefix.matches(&path.value) {
            path.report(diagnostics, format!("is not under the path of this route, which is {}", prefix.as_str()));
        } else if let Some((other, _)) = earlier.iter().find(|(_, prefix)| prefix.matches(&path.value)) {
            path.report(diagnostics, format!("falls under {other}; write it there"));
        } else if forms.iter().any(|other| other.path == path.value.as_str()) {
            path.report(diagnostics, "is listed twice; write all of its senders in one place");
        }
        forms.push(CrossSiteForms { path: path.value.as_str().to_owned(), from });
    }
    forms
}

fn collect_origins(written: Located<Vec<Located<PublicUrl>>>, diagnostics: &Diagnostics) -> Vec<PublicUrl> {
    if written.value.len() > MAX_ORIGINS {
        written.report(diagnostics, format!("has more than {MAX_ORIGINS} sites; keep those whose pages need it"));
    }
    written.value.into_iter().map(|origin| origin.value).collect()
}
