//! What the rules say of a request, told to an operator: the same table, without making the request.

use http::Method;

use super::{Access, CanonicalPath, Route, RouteTable, gatekeeper};

/// What the rules say of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// Portcullis answers it itself.
    Ours,
    /// No rule covers it.
    NoRoute,
    /// This rule covers it, and lets it pass or not.
    Rule {
        /// Its place among the rules, from 1.
        place: usize,
        /// The rule.
        route: Route,
        /// What becomes of the request.
        verdict: Verdict,
    },
}

/// What becomes of a request under its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to the app, whoever sends it.
    Public,
    /// It goes to the app.
    Passes,
    /// Somebody must sign in first.
    SignIn,
    /// The account lacks the role.
    Denied,
}

impl Explained {
    /// What the rules say; `roles` are those of whoever is signed in, `None` is nobody.
    #[must_use]
    pub fn of(routes: &RouteTable, path: &CanonicalPath, roles: Option<&[String]>) -> Self {
        if gatekeeper::is_ours(path.for_rules()) {
            return Self::Ours;
        }
        let Some((place, route)) = routes.find(path) else { return Self::NoRoute };
        let verdict = match (&route.access, roles) {
            (Access::Public, _) => Verdict::Public,
            (Access::SignedIn | Access::Roles(_), None) => Verdict::SignIn,
            (_, Some(roles)) if route.access.allows(roles) => Verdict::Passes,
            (_, Some(_)) => Verdict::Denied,
        };
        Self::Rule { place: place + 1, route: route.clone(), verdict }
    }

    /// In words. `upstreams` are the names by their places.
    #[must_use]
    pub fn tell(&self, method: &Method, path: &CanonicalPath, upstreams: &[String]) -> String {
        let asked = format!("{method} {}", path.path());
        match self {
            Self::Ours => format!("{asked}: answered by Portcullis itself"),
            Self::NoRoute => format!("{asked}: 404, no route covers it"),
            Self::Rule { place, route, verdict } => {
                let upstream = upstreams.get(route.upstream).map_or("?", String::as_str);
                let rule = format!("route {place} ({}, {})", route.path, route.access);
                let becomes = match verdict {
                    Verdict::Public => format!("goes to {upstream}, without identity"),
                    Verdict::Passes => format!("goes to {upstream}"),
                    Verdict::SignIn => "must sign in first (302 for a page, else 401)".to_owned(),
                    Verdict::Denied => "403, the account has none of the roles".to_owned(),
                };
                format!("{asked}: {rule}: {becomes}")
            }
        }
    }
}
