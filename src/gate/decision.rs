//! The outcomes of an evaluation: a permit, a request for an own page, a refusal; and their names in the log and the metrics.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::{Authentication, CachePolicy, CanonicalPath, InvalidPath, Principal, RejectReason, Route};
use crate::{id::SessionId, session::UserSnapshot};

/// Authorization to forward a request. Its fields are private and only the gate makes one: no permit, no byte upstream.
#[derive(Debug)]
pub struct Permit {
    path: CanonicalPath,
    route: Arc<str>,
    upstream: usize,
    principal: Option<Box<Principal>>,
    counts_as_activity: bool,
    body_size: Option<u64>,
    read_timeout: Option<Duration>,
    caching: CachePolicy,
    watch: bool,
}

impl Permit {
    pub(super) fn new(path: CanonicalPath, rule: &Route, principal: Option<Box<Principal>>) -> Self {
        let Route { upstream, counts_as_activity: counts, body_size, read_timeout, caching, watch, .. } = *rule;
        Self {
            path,
            route: Arc::clone(&rule.path),
            upstream,
            principal,
            counts_as_activity: counts,
            body_size,
            read_timeout,
            caching,
            watch,
        }
    }

    /// Path that the routes were matched on, and what the app receives of it.
    #[must_use]
    pub const fn path(&self) -> &CanonicalPath {
        &self.path
    }

    /// The rule that let it pass, as the operator wrote it. Not its place: a reload may give that to another while the
    /// request is under way.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Index of the upstream.
    #[must_use]
    pub const fn upstream(&self) -> usize {
        self.upstream
    }

    /// Largest request body in bytes; none is no limit.
    #[must_use]
    pub const fn body_size(&self) -> Option<u64> {
        self.body_size
    }

    /// Read timeout of the upstream; none for the upstream's own.
    #[must_use]
    pub const fn read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    /// Whether a document receives the session-watching script; never on a public route.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watch && self.principal.is_some()
    }

    /// Caching of the response; none on a public route, where the app's own headers apply.
    #[must_use]
    pub fn caching(&self) -> Option<CachePolicy> {
        self.principal.is_some().then_some(self.caching)
    }

    /// Authenticated principal; none on a public route.
    #[must_use]
    pub fn user(&self) -> Option<&UserSnapshot> {
        self.principal.as_deref().map(|principal| &principal.subject)
    }

    /// Principal, where the request counts as activity of their session.
    pub(super) fn activity_principal(&self) -> Option<&Principal> {
        self.principal.as_deref().filter(|_| self.counts_as_activity)
    }

    /// Whether the route requires a session.
    pub(super) const fn is_guarded(&self) -> bool {
        self.principal.is_some()
    }

    /// Session that authorized the request.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.principal.as_deref().map(|principal| principal.session().id)
    }
}

/// Request for an own page.
#[derive(Debug)]
pub struct OwnRequest {
    /// Canonical path, under `/security` or one of our well-known paths.
    pub path: CanonicalPath,
    /// Result of authenticating the caller.
    pub authentication: Authentication,
}

/// Refusal of a request, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Sign-in required.
    SignInRequired {
        /// Requested path and query.
        target: String,
        /// Reason why presented credentials were rejected; none where none were presented.
        reason: Option<RejectReason>,
    },
    /// Signed in, without a role that the route requires.
    Forbidden {
        /// Session of the request.
        session: SessionId,
        /// User of the session, from the same look-up.
        user: Box<UserSnapshot>,
    },
    /// No route matches the path.
    NoRoute,
    /// The request is for another host.
    WrongHost,
    /// Ambiguous or invalid path.
    InvalidPath(InvalidPath),
    /// `Host` missing, repeated, or different from the target's.
    InvalidHost,
    /// Method that is never forwarded.
    Method,
    /// Cross-site request to an own page.
    CrossSite,
    /// Store unavailable: fails closed.
    StoreUnavailable,
}

impl Refusal {
    /// Signed-in user, where the gate knows them.
    #[must_use]
    pub fn user(&self) -> Option<&UserSnapshot> {
        match self {
            Self::Forbidden { user: owner, .. } => Some(owner),
            _ => None,
        }
    }

    /// Why, for the log, where the decision's label does not say it: a word, for a path also its character and the key that
    /// would let it through.
    #[must_use]
    pub fn log_reason(&self) -> Option<Cow<'static, str>> {
        let word = match self {
            Self::SignInRequired { .. } | Self::StoreUnavailable => return None,
            Self::InvalidPath(why) => return Some(why.log_text().into()),
            Self::Forbidden { .. } => "role",
            Self::NoRoute => "no_route",
            Self::WrongHost => "wrong_host",
            Self::InvalidHost => "host",
            Self::Method => "method",
            Self::CrossSite => "cross_site",
        };
        Some(word.into())
    }
}

/// Label of a decision in log and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionLabel {
    /// Allowed for a signed-in user.
    Allow,
    /// Allowed for anybody: a public route, or an own page.
    Public,
    /// Browser redirected to the sign-in page.
    SignIn,
    /// Program answered that sign-in is required.
    Unauthorized,
    /// Stronger authentication required.
    StepUp,
    /// Refused for every caller.
    Denied,
    /// Sender blocked.
    Blocked,
    /// Store unavailable.
    Unavailable,
}

impl DecisionLabel {
    /// All labels, so that each series exists from the start.
    pub const ALL: [Self; 8] = [
        Self::Allow,
        Self::Public,
        Self::SignIn,
        Self::Unauthorized,
        Self::StepUp,
        Self::Denied,
        Self::Blocked,
        Self::Unavailable,
    ];

    /// The value of the label `decision`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Public => "public",
            Self::SignIn => "sign_in",
            Self::Unauthorized => "unauthorized",
            Self::StepUp => "step_up",
            Self::Denied => "denied",
            Self::Blocked => "blocked",
            Self::Unavailable => "unavailable",
        }
    }
}
