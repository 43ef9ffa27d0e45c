//! What the gate thinks of a request, before anything is counted.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{CrossSiteForm, Decision, DecisionLabel, Permit, Presented, Refusal, RequestHead};
use crate::{id::SessionId, own_paths};

/// A judgement. It does nothing yet: what it decides is had from [`super::Gate::decide`], which counts it, once.
#[derive(Debug)]
pub struct Evaluation {
    pub(super) decision: Decision,
    pub(super) label: DecisionLabel,
    /// The place of the rule that it falls under, from 0.
    pub(super) route_index: Option<usize>,
    /// Path of that rule where the request is refused; where it goes to an app, the permit has it.
    pub(super) refused_route: Option<Arc<str>>,
    pub(super) duration: Duration,
    /// The form of another site that it is, where that is not treated as any request.
    pub(super) cross_site_form: Option<Box<CrossSiteForm>>,
}

impl Evaluation {
    pub(super) const fn new(decision: Decision, label: DecisionLabel) -> Self {
        Self {
            decision,
            label,
            route_index: None,
            refused_route: None,
            duration: Duration::ZERO,
            cross_site_form: None,
        }
    }

    /// What would be decided, to look at.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What the log and the metrics call it.
    #[must_use]
    pub const fn label(&self) -> DecisionLabel {
        self.label
    }

    /// Path of the rule that a refused request falls under, as the operator wrote it.
    #[must_use]
    pub const fn refused_route(&self) -> Option<&Arc<str>> {
        self.refused_route.as_ref()
    }

    /// The form of another site that it is: one that its visitor is asked about, or has sent on.
    #[must_use]
    pub fn cross_site_form(&self) -> Option<&CrossSiteForm> {
        self.cross_site_form.as_deref()
    }

    /// How long it took.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// The session that lets it through to an app, where it goes to one and is not for everybody; or to a stream of our own,
    /// which stays open.
    #[must_use]
    pub fn bound_session(&self) -> Option<SessionId> {
        match &self.decision {
            Decision::Forward(permit) => permit.session(),
            Decision::Serve(visit) if visit.path.path() == own_paths::LIVE_SESSIONS => {
                visit.presented.principal().map(|principal| principal.session)
            }
            Decision::Serve(_) | Decision::Refuse(_) => None,
        }
    }

    /// Whether it is answered by a stream of our own, for a session.
    #[must_use]
    pub fn opens_event_stream(&self, head: &RequestHead<'_>) -> bool {
        *head.method == Method::GET && matches!(self.decision, Decision::Serve(_)) && self.bound_session().is_some()
    }

    /// The permit, without counting anything: of a request that was decided before, and is judged again before it is sent
    /// once more.
    ///
    /// # Errors
    ///
    /// It is not let through; the judgement as it was.
    pub fn into_permit(self) -> Result<Permit, Box<Self>> {
        match self.decision {
            Decision::Forward(permit) => Ok(permit),
            decision => Err(Box::new(Self { decision, ..self })),
        }
    }

    /// The session that is known to be good, where there is one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match &self.decision {
            Decision::Forward(permit) => permit.session(),
            Decision::Serve(visit) => visit.presented.principal().map(|principal| principal.session),
            Decision::Refuse(Refusal::Forbidden { session, .. }) => Some(*session),
            Decision::Refuse(_) => None,
        }
    }

    /// Where it is for our own pages, which want the body, too: who is calling.
    #[must_use]
    pub const fn presented(&self) -> Option<&Presented> {
        match &self.decision {
            Decision::Serve(visit) => Some(&visit.presented),
            Decision::Forward(_) | Decision::Refuse(_) => None,
        }
    }
}
