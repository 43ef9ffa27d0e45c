//! Explanation of a hypothetical request for an operator: the gate's own evaluation, with nothing forwarded.

use super::{Decision, FormRequest, Refusal, Route};
use crate::session::UserSnapshot;

/// Decision on a hypothetical request, with its route.
#[derive(Debug)]
pub struct Explanation {
    /// Decision of the gate.
    pub decision: ExplainedDecision,
    /// Matching route with its index, from 0; none where no route is consulted.
    pub route: Option<(usize, Route)>,
}

/// Decision for display. It holds no [`super::Permit`], so it cannot forward anything.
#[derive(Debug)]
pub enum ExplainedDecision {
    /// Forwarded to the app of its route.
    Forward {
        /// User of the request; none on a public route.
        user: Option<UserSnapshot>,
    },
    /// Answered by Portcullis itself.
    Serve,
    /// Refused. A session in the refusal is hypothetical.
    Refuse(Refusal),
}

impl From<Decision> for ExplainedDecision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Forward(permit) | Decision::Form(FormRequest { outcome: Ok(permit), .. }) => {
                Self::Forward { user: permit.outcome.user().cloned() }
            }
            Decision::Serve(_) | Decision::Stream(_) => Self::Serve,
            Decision::Refuse(refusal) | Decision::Form(FormRequest { outcome: Err(refusal), .. }) => {
                Self::Refuse(refusal.outcome)
            }
        }
    }
}
