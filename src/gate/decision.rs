//! The outcomes of an evaluation: a permit, a request for an own page, a refusal; and their names in the log and the metrics.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::{Authentication, CachePolicy, CanonicalPath, InvalidPath, Principal, RejectReason, Route};
use crate::{id::SessionId, session::UserSnapshot};

/// Leave to reach an app. Its fields are private and only the gate makes one: no permit, no byte upstream.
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

    /// The path that the rules were read on, and what the app receives of it.
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

    /// Place of the upstream it goes to.
    #[must_use]
    pub const fn upstream(&self) -> usize {
        self.upstream
    }

    /// Bytes of a body that it may take along at most; none is no limit.
    #[must_use]
    pub const fn body_size(&self) -> Option<u64> {
        self.body_size
    }

    /// How long the app may be silent; none where its upstream says so.
    #[must_use]
    pub const fn read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    /// Whether a document gets the script that watches its session; never on a public route.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watch && self.principal.is_some()
    }

    /// How far the app's own word about caching counts; none on a public route, where it counts as it is.
    #[must_use]
    pub fn caching(&self) -> Option<CachePolicy> {
        self.principal.is_some().then_some(self.caching)
    }

    /// Who is calling; nobody on a public route.
    #[must_use]
    pub fn user(&self) -> Option<&UserSnapshot> {
        self.principal.as_deref().map(|principal| &principal.user)
    }

    /// Who is calling, where that is a sign of life of their session.
    pub(super) fn activity_principal(&self) -> Option<&Principal> {
        self.principal.as_deref().filter(|_| self.counts_as_activity)
    }

    /// Whether somebody had to be signed in.
    pub(super) const fn is_guarded(&self) -> bool {
        self.principal.is_some()
    }

    /// The session that let it pass.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.principal.as_deref().map(|principal| principal.session)
    }
}

/// A request for our own pages.
#[derive(Debug)]
pub struct OwnRequest {
    /// Canonical; under `/security` or one of our well-known places.
    pub path: CanonicalPath,
    /// Who is calling.
    pub authentication: Authentication,
}

/// Why a request goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody must sign in first.
    SignInRequired {
        /// Where they were going: path and query.
        target: String,
        /// What was wrong with what they showed, if they showed anything.
        reason: Option<RejectReason>,
    },
    /// Signed in, but the rule asks for a role they do not have.
    Forbidden {
        /// Whose session.
        session: SessionId,
        /// Who that is: the look-up that refused them tells.
        user: Box<UserSnapshot>,
    },
    /// No rule covers the path.
    NoRoute,
    /// The request is for another host.
    WrongHost,
    /// The path could be read in two ways.
    InvalidPath(InvalidPath),
    /// There is no `Host`, more than one, or not the one in the target.
    InvalidHost,
    /// The method is not one that is forwarded.
    Method,
    /// Another site made the browser send it to our own pages.
    CrossSite,
    /// The store cannot be asked. Never open.
    StoreUnavailable,
}

impl Refusal {
    /// Whoever is signed in, where the gate knows.
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

/// What the log and the metrics call a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionLabel {
    /// Somebody who is signed in passes.
    Allow,
    /// Anybody passes: a public route, or our own pages.
    Public,
    /// A browser is sent to sign in.
    SignIn,
    /// A program is told that it must sign in.
    Unauthorized,
    /// Somebody must prove more than they did.
    StepUp,
    /// It goes nowhere, whoever asks.
    Denied,
    /// Its sender is shut out.
    Blocked,
    /// The store cannot be asked.
    Unavailable,
}

impl DecisionLabel {
    /// Every one, so that each series exists from the start.
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
