//! What pages of other sites may do on a route.

use serde::Serialize;

use super::routing::Access;
use crate::config::complaint::Desk;
use crate::config::file::cross_site::CrossSiteFormsFile;
use crate::config::read::{Field, Located};
use crate::config::value::route_path::RoutePath;
use crate::public_url::PublicUrl;

/// Most sites that one list names: a request is compared with each.
const MOST_ORIGINS: usize = 32;
/// Most paths of one route that take forms.
const MOST_FORMS: usize = 32;

/// A path that takes forms of other sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrossSiteForms {
    /// The one path, as browsers send it.
    pub path: String,
    /// Origins of the senders; at least one.
    pub from: Vec<PublicUrl>,
}

pub(super) fn websocket_origins(
    written: Field<Vec<Located<PublicUrl>>>,
    access: &Access,
    desk: &Desk,
) -> Vec<PublicUrl> {
    let Some(written) = written else { return Vec::new() };
    if *access == Access::Public {
        written.complain(desk, "says nothing on a public route, where no WebSocket is refused; take it out");
    }
    origins(written, desk)
}

/// The paths of the route at `prefix` that take forms of other sites; `earlier` ones take what is theirs first.
pub(super) fn forms(
    written: Field<Vec<Located<CrossSiteFormsFile>>>,
    prefix: &RoutePath,
    earlier: &[(String, RoutePath)],
    access: &Access,
    desk: &Desk,
) -> Vec<CrossSiteForms> {
    let Some(written) = written else { return Vec::new() };
    if *access == Access::Public {
        written.complain(desk, "says nothing on a public route, where no form is held back; take it out");
    }
    if written.value.len() > MOST_FORMS {
        written.complain(desk, format!("has more than {MOST_FORMS} paths; keep those that other sites post to"));
    }
    let mut forms: Vec<CrossSiteForms> = Vec::new();
    for Located { value: form, at, key } in written.value {
        let from = match form.from {
            Some(from) if from.value.is_empty() && !desk.knows(&from.key) => {
                from.complain(desk, "is an empty list; write who may post here, such as [https://pay.example]");
                Vec::new()
            }
            Some(from) => origins(from, desk),
            None => {
                desk.miss(
                    at,
                    &format!("{key}.from"),
                    "is missing; write who may post here, such as [https://pay.example]",
                );
                Vec::new()
            }
        };
        let Some(path) = form.path else {
            desk.miss(
                at,
                &format!("{key}.path"),
                "is missing; write the one path that takes the form, such as /payment/return",
            );
            continue;
        };
        if !prefix.takes(&path.value) {
            path.complain(desk, format!("is not under the path of this route, which is {}", prefix.as_str()));
        } else if let Some((other, _)) = earlier.iter().find(|(_, prefix)| prefix.takes(&path.value)) {
            path.complain(desk, format!("falls under {other}; write it there"));
        } else if forms.iter().any(|other| other.path == path.value.as_str()) {
            path.complain(desk, "is listed twice; write all of its senders in one place");
        }
        forms.push(CrossSiteForms { path: path.value.as_str().to_owned(), from });
    }
    forms
}

fn origins(written: Located<Vec<Located<PublicUrl>>>, desk: &Desk) -> Vec<PublicUrl> {
    if written.value.len() > MOST_ORIGINS {
        written.complain(desk, format!("has more than {MOST_ORIGINS} sites; keep those whose pages need it"));
    }
    written.value.into_iter().map(|origin| origin.value).collect()
}
