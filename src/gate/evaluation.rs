//! What an evaluation comes to, before anything is counted: [`super::Gate::record`] counts it, once, and gives what is inside.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{CrossSiteForm, DecisionLabel, Gate, OwnRequest, Permit, Refusal, RejectReason, RequestHead};
use crate::{
    id::{SessionId, UserId},
    own_paths,
};

/// What is to become of a request. Every path through the gate ends in one of these.
#[derive(Debug)]
pub enum Decision {
    /// The request goes to an app.
    Forward(Pending<Permit>),
    /// The request posts a form of another site, which is not treated as any request.
    Form(FormRequest),
    /// Portcullis answers the request itself.
    Serve(Pending<OwnRequest>),
    /// Portcullis answers the request with an event stream, for a session.
    Stream(Pending<OwnRequest>),
    /// The request goes nowhere.
    Refuse(Pending<Refusal>),
}

/// An outcome that is not counted yet.
#[derive(Debug)]
pub struct Pending<T> {
    pub(super) outcome: T,
    pub(super) label: DecisionLabel,
    /// Index of the route that the request falls under.
    pub(super) route_index: Option<usize>,
    /// Path of that route where the request is refused; a permit has its own.
    pub(super) refused_route: Option<Arc<str>>,
    pub(super) duration: Duration,
}

/// A form of another site: one that its visitor is asked about, or has sent on.
#[derive(Debug)]
pub struct FormRequest {
    /// The form.
    pub form: Box<CrossSiteForm>,
    /// The outcome that the request has apart from being such a form.
    pub outcome: Evaluated<Permit>,
}

/// An outcome, or the refusal in its place.
pub type Evaluated<T> = Result<Pending<T>, Pending<Refusal>>;

/// Fields of an outcome that the log has.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeFields<'o> {
    /// Name of the outcome in the log and the metrics.
    pub label: DecisionLabel,
    /// Path of the route that refused the request, as the operator wrote it.
    pub refused_route: Option<&'o Arc<str>>,
    /// Refusal, where it is one.
    pub refusal: Option<&'o Refusal>,
    /// Canonical path of an own page.
    pub own_path: Option<&'o str>,
    /// Session that the request is known to belong to, good or not any more.
    pub session: Option<SessionId>,
    /// User that the request is known to be of.
    pub user: Option<UserId>,
    /// Time that the evaluation took.
    pub duration: Duration,
}

/// A permit, an own request or a refusal.
pub trait Outcome {
    /// Counts what is particular to the outcome: activity of its session, and metrics.
    fn record(&self, gate: &Gate, head: &RequestHead<'_>);
    /// Sets the fields that the outcome itself knows.
    fn describe<'o>(&'o self, fields: &mut OutcomeFields<'o>);
}

impl<T> Pending<T> {
    pub(super) const fn new(outcome: T, label: DecisionLabel) -> Self {
        Self { outcome, label, route_index: None, refused_route: None, duration: Duration::ZERO }
    }

    /// The outcome, to look at.
    pub const fn outcome(&self) -> &T {
        &self.outcome
    }

    /// The outcome of a request that was counted before, and is evaluated again before it is sent once more.
    pub fn into_recorded(self) -> T {
        self.outcome
    }

    /// The same, with the time that went before it.
    #[must_use]
    pub fn after(mut self, earlier: Duration) -> Self {
        self.duration += earlier;
        self
    }
}

impl<T: Outcome> Pending<T> {
    /// Fields for the log.
    pub fn fields(&self) -> OutcomeFields<'_> {
        let mut fields = OutcomeFields {
            label: self.label,
            refused_route: self.refused_route.as_ref(),
            refusal: None,
            own_path: None,
            session: None,
            user: None,
            duration: self.duration,
        };
        self.outcome.describe(&mut fields);
        fields
    }
}

impl Pending<Refusal> {
    pub(super) const fn denied(refusal: Refusal) -> Self {
        Self::new(refusal, DecisionLabel::Denied)
    }

    pub(super) const fn store_unavailable() -> Self {
        Self::new(Refusal::StoreUnavailable, DecisionLabel::Unavailable)
    }
}

impl Pending<OwnRequest> {
    /// Whether the answer is an event stream, for a session.
    fn opens_event_stream(&self, head: &RequestHead<'_>) -> bool {
        let OwnRequest { path, authentication: presented, .. } = &self.outcome;
        *head.method == Method::GET && path.path() == own_paths::LIVE_SESSIONS && presented.principal().is_some()
    }
}

impl Decision {
    /// The decision on a request for a guarded or a public route, where no form of another site is in it.
    pub(super) fn from_guarded(outcome: Evaluated<Permit>) -> Self {
        match outcome {
            Ok(permit) => Self::Forward(permit),
            Err(refusal) => Self::Refuse(refusal),
        }
    }

    /// The decision on a request that Portcullis answers itself.
    pub(super) fn from_own(outcome: Evaluated<OwnRequest>, head: &RequestHead<'_>) -> Self {
        match outcome {
            Ok(own) if own.opens_event_stream(head) => Self::Stream(own),
            Ok(own) => Self::Serve(own),
            Err(refusal) => Self::Refuse(refusal),
        }
    }

    /// Fields for the log.
    #[must_use]
    pub fn fields(&self) -> OutcomeFields<'_> {
        match self {
            Self::Forward(permit) => permit.fields(),
            Self::Form(FormRequest { outcome, .. }) => fields_of(outcome),
            Self::Serve(own) | Self::Stream(own) => own.fields(),
            Self::Refuse(refusal) => refusal.fields(),
        }
    }

    /// The same, with the time that went before it.
    #[must_use]
    pub fn after(self, earlier: Duration) -> Self {
        match self {
            Self::Forward(permit) => Self::Forward(permit.after(earlier)),
            Self::Form(FormRequest { form, outcome }) => {
                let outcome = outcome.map(|permit| permit.after(earlier)).map_err(|refusal| refusal.after(earlier));
                Self::Form(FormRequest { form, outcome })
            }
            Self::Serve(own) => Self::Serve(own.after(earlier)),
            Self::Stream(own) => Self::Stream(own.after(earlier)),
            Self::Refuse(refusal) => Self::Refuse(refusal.after(earlier)),
        }
    }

    /// Session that the request is let through for while it is in flight: an end of it cancels the request. Own pages are
    /// answered and done; only their event stream is bound.
    #[must_use]
    pub fn bound_session(&self) -> Option<SessionId> {
        match self {
            Self::Forward(permit) | Self::Form(FormRequest { outcome: Ok(permit), .. }) => permit.outcome.session(),
            Self::Stream(own) => own.outcome.authentication.principal().map(|principal| principal.session().id),
            Self::Serve(_) | Self::Refuse(_) | Self::Form(FormRequest { outcome: Err(_), .. }) => None,
        }
    }

    /// Session that is known to be good, where there is one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Forward(permit) | Self::Form(FormRequest { outcome: Ok(permit), .. }) => permit.outcome.session(),
            Self::Serve(own) | Self::Stream(own) => {
                own.outcome.authentication.principal().map(|principal| principal.session().id)
            }
            Self::Refuse(refusal) | Self::Form(FormRequest { outcome: Err(refusal), .. }) => match refusal.outcome {
                Refusal::Forbidden { session, .. } => Some(session),
                _ => None,
            },
        }
    }

    /// Index of the route that the request falls under; none where no route is asked.
    pub(super) const fn route_index(&self) -> Option<usize> {
        match self {
            Self::Forward(permit) | Self::Form(FormRequest { outcome: Ok(permit), .. }) => permit.route_index,
            Self::Serve(_) | Self::Stream(_) => None,
            Self::Refuse(refusal) | Self::Form(FormRequest { outcome: Err(refusal), .. }) => refusal.route_index,
        }
    }

    /// Whether the request goes to an app for everybody: it shows nobody.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Forward(permit) if permit.outcome.session().is_none())
    }
}

/// Fields for the log.
#[must_use]
pub fn fields_of<T: Outcome>(outcome: &Evaluated<T>) -> OutcomeFields<'_> {
    match outcome {
        Ok(pending) => pending.fields(),
        Err(refusal) => refusal.fields(),
    }
}

impl Outcome for Permit {
    fn record(&self, gate: &Gate, head: &RequestHead<'_>) {
        if let Some(principal) = self.activity_principal() {
            gate.record_activity(head, self.path(), principal);
        }
    }

    fn describe<'o>(&'o self, fields: &mut OutcomeFields<'o>) {
        fields.session = self.session();
        fields.user = self.user().map(|user| user.id);
    }
}

impl Outcome for OwnRequest {
    fn record(&self, gate: &Gate, head: &RequestHead<'_>) {
        let is_passive = !head.is_action() && own_paths::PASSIVE.contains(&self.path.path());
        if let Some(principal) = self.authentication.principal().filter(|_| !is_passive) {
            gate.record_activity(head, &self.path, principal);
        }
    }

    fn describe<'o>(&'o self, fields: &mut OutcomeFields<'o>) {
        let principal = self.authentication.principal();
        fields.own_path = Some(self.path.path());
        fields.session = principal.map(|principal| principal.session().id);
        fields.user = principal.map(|principal| principal.subject.id);
    }
}

impl Outcome for Refusal {
    fn record(&self, gate: &Gate, _: &RequestHead<'_>) {
        gate.record_refusal(self);
    }

    fn describe<'o>(&'o self, fields: &mut OutcomeFields<'o>) {
        fields.refusal = Some(self);
        match self {
            Self::Forbidden { session, user } => {
                (fields.session, fields.user) = (Some(*session), Some(user.id));
            }
            // Shown with its own secret, and not good any more.
            Self::SignInRequired {
                reason:
                    Some(
                        RejectReason::IdleExpired(id, _)
                        | RejectReason::Expired(id)
                        | RejectReason::AccountDisabled(id),
                    ),
                ..
            } => fields.session = Some(*id),
            _ => {}
        }
    }
}
