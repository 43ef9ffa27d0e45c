//! The session cookie: a token that names a session and proves that its bearer may use it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::{debug, error};

use super::{
    super::{
        GateParts, RequestHead,
        cookie::{self, CookieLookup},
    },
    Authentication, Credential, Principal, RejectReason, Scopes, SessionCredential,
};
use crate::{
    auth_method::Assurance,
    clock::{Clock, Timestamp},
    id::SessionId,
    metrics::{LookupResult, Metrics},
    secret::Digest,
    session::{
        ClientKind, SessionAuth, SessionPolicy, SessionSecrets, SessionStatus, SessionStore, SessionTerms,
        SessionToken, UnconfirmedEnds, UserSnapshot,
    },
    store_error::StoreError,
};

/// Authentication by the session cookie.
pub(super) struct SessionCookie {
    name: String,
    sessions: Arc<dyn SessionStore>,
    unconfirmed_ends: Arc<UnconfirmedEnds>,
    policy: Arc<ArcSwap<SessionPolicy>>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl SessionCookie {
    pub(super) fn new(parts: &GateParts) -> Self {
        Self {
            name: parts.cookie_names.session.clone(),
            sessions: parts.sessions.clone(),
            unconfirmed_ends: parts.unconfirmed_ends.clone(),
            policy: parts.policy.clone(),
            clock: parts.clock.clone(),
            metrics: parts.metrics.clone(),
        }
    }

    /// Authenticates by the session cookie of a request: one look-up where there is a token.
    ///
    /// # Errors
    /// The store is away.
    pub(super) async fn authenticate(&self, head: &RequestHead<'_>) -> Result<Authentication, StoreError> {
        let token = match cookie::find(head.headers, &self.name) {
            CookieLookup::Missing => return Ok(Authentication::NotPresented),
            CookieLookup::Duplicate => return Ok(Authentication::Rejected(RejectReason::DuplicateCookie)),
            CookieLookup::Found(value) => match SessionToken::parse(value) {
                Some(token) => token,
                None => return Ok(Authentication::Rejected(RejectReason::Malformed)),
            },
        };
        let looked_up = self.look_up(&token).await;
        self.metrics.session_looked_up(match &looked_up {
            Ok(Authentication::Authenticated(_)) => LookupResult::Valid,
            Ok(_) => LookupResult::Invalid,
            Err(_) => LookupResult::StoreAway,
        });
        looked_up
    }

    /// Takes a user for signed in just now, without a look-up: for an operator's question.
    pub(super) fn assume(&self, user: &UserSnapshot) -> Authentication {
        let token = SessionToken::mint(SessionId::mint(user.id));
        let (id, digest) = (token.id(), token.digest());
        self.check(id, digest, new_session(digest, user.clone(), self.clock.now()))
    }

    async fn look_up(&self, token: &SessionToken) -> Result<Authentication, StoreError> {
        let (id, digest) = (token.id(), token.digest());
        let unknown = Authentication::Rejected(RejectReason::NoSuchSession { id, presented_digest: digest });
        // Asked before the look-up and after it: an end that is written while the store answers is let go by then.
        let has_ended = self.unconfirmed_ends.holds(id);
        let found = match self.sessions.find(id).await {
            Ok(Some(found)) if found.is_from_future(self.clock.now()) => self.clamp(id, found).await,
            Ok(Some(found)) => found,
            Ok(None) => return Ok(unknown),
            Err(error @ StoreError::Unreadable(_)) => {
                error!(session.id = %id, %error, "Session refused: record unreadable");
                return Ok(Authentication::Rejected(RejectReason::Unreadable(id)));
            }
            Err(error) => {
                debug!(%error, "Session look-up failed");
                return Err(error);
            }
        };
        Ok(match self.check(id, digest, found) {
            Authentication::Authenticated(_) if has_ended => unknown,
            checked => checked,
        })
    }

    /// Counts what lies in the future as now, and writes that: a store that cannot is asked again at the next look-up.
    async fn clamp(&self, id: SessionId, found: SessionAuth) -> SessionAuth {
        let now = self.clock.now();
        if let Err(error) = self.sessions.clamp(id, found.last_seen, now).await {
            debug!(session.id = %id, %error, "Session timestamps not clamped");
        }
        found.clamped(now)
    }

    /// Checks what the store has of a session, now, for whoever presents the secret with this digest. Takes the digest: one SHA-256
    /// for each request is enough (`server::components::tests::a_token_is_hashed_once_for_each_request`).
    fn check(&self, id: SessionId, digest: Digest, found: SessionAuth) -> Authentication {
        let now = self.clock.now();
        let rejected = Authentication::Rejected;
        if !found.secrets.accepts(digest, now) {
            return rejected(RejectReason::WrongSecret(id));
        }
        if self.unconfirmed_ends.holds(id) {
            return rejected(RejectReason::NoSuchSession { id, presented_digest: digest });
        }
        if found.user.disabled {
            return rejected(RejectReason::AccountDisabled(id));
        }
        match self.policy.load().status(found.terms, found.last_seen, now) {
            SessionStatus::IdleExpired { .. } => rejected(RejectReason::IdleExpired(id, found.terms.kind)),
            SessionStatus::Expired { .. } => rejected(RejectReason::Expired(id)),
            SessionStatus::Active => Authentication::Authenticated(Box::new(Principal {
                credential: Credential::Session(SessionCredential {
                    id,
                    presented_digest: digest,
                    is_current_secret: found.secrets.current == digest,
                    terms: found.terms,
                    last_seen: found.last_seen,
                }),
                assurance: found.assurance,
                scopes: Scopes::All,
                subject: found.user,
            })),
        }
    }
}

/// The record of a session that begins at this moment.
fn new_session(secret: Digest, user: UserSnapshot, now: Timestamp) -> SessionAuth {
    SessionAuth {
        secrets: SessionSecrets { current: secret, previous: None },
        terms: SessionTerms { opened: now, remembered: false, kind: ClientKind::Web },
        last_seen: now,
        assurance: Assurance::OneFactor,
        user,
    }
}
