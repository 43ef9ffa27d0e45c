//! Records of ends: what a store is handed to end sessions, and what it keeps of one that is gone.

use serde::{Deserialize, Serialize};

use crate::{
    audit::{AuditContext, AuditEntry, AuditEvent},
    clock::Timestamp,
    end_reason::EndReason,
    id::SessionId,
};

/// How sessions end, and how that is told: what a store needs to end them and write it down in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRecord {
    /// How it counts.
    #[serde(rename = "ending")]
    pub end_reason: EndReason,
    /// The session that asks for it: to that one it is a sign-out.
    #[serde(rename = "own")]
    pub requesting_session: Option<SessionId>,
    /// Why, where somebody had to say.
    pub reason: Option<String>,
    /// Actor, time and client.
    #[serde(rename = "story")]
    pub context: AuditContext,
}

impl EndRecord {
    /// Nobody's own, and nobody had to say why.
    #[must_use]
    pub const fn new(end_reason: EndReason, context: AuditContext) -> Self {
        Self { end_reason, requesting_session: None, reason: None, context }
    }

    /// How this session ends.
    #[must_use]
    pub fn reason_for(&self, session: SessionId) -> &EndReason {
        if self.requesting_session == Some(session) { &EndReason::SignedOut } else { &self.end_reason }
    }

    /// The line of the journal about one that ended.
    #[must_use]
    pub fn entry(&self, session: SessionId) -> AuditEntry {
        self.context.entry(Some(session.owner()), self.event(session))
    }

    fn event(&self, session: SessionId) -> AuditEvent {
        AuditEvent::SessionEnded { session, end_reason: self.reason_for(session).clone(), reason: self.reason.clone() }
    }
}

/// A note about a session that is gone. Kept for 30 days for the sentence on the sign-in page; the gate never reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndNote {
    /// How.
    pub reason: EndReason,
    /// When.
    pub at: Timestamp,
}
