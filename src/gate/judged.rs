//! What the gate thinks of a request, before anything is counted.

use std::time::Duration;

use super::{Decision, Label, Presented};
use crate::id::SessionId;

/// A judgement. It does nothing yet: what it decides is had from [`super::Gate::decide`], which counts it, once.
#[derive(Debug)]
pub struct Judged {
    pub(super) decision: Decision,
    pub(super) label: Label,
    /// The place of the rule that it falls under, from 0.
    pub(super) rule: Option<usize>,
    pub(super) took: Duration,
}

impl Judged {
    pub(super) const fn of(decision: Decision, label: Label) -> Self {
        Self { decision, label, rule: None, took: Duration::ZERO }
    }

    /// What would be decided, to look at.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What the log and the metrics call it.
    #[must_use]
    pub const fn label(&self) -> Label {
        self.label
    }

    /// How long it took.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// The session that lets it through to an app, where it goes to one and is not for everybody.
    #[must_use]
    pub fn lets_in(&self) -> Option<SessionId> {
        match &self.decision {
            Decision::Forward(permit) => permit.session(),
            Decision::Serve(_) | Decision::Refuse(_) => None,
        }
    }

    /// Where it is for our own pages, which want the body, too: who is calling.
    #[must_use]
    pub const fn visitor(&self) -> Option<&Presented> {
        match &self.decision {
            Decision::Serve(visit) => Some(&visit.presented),
            Decision::Forward(_) | Decision::Refuse(_) => None,
        }
    }
}
