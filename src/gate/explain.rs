//! What would become of a request, for an operator who asks: the gate's own judgement, without the request.

use super::{Decision, FormRequest, Refusal, Route};
use crate::session::UserSnapshot;

/// What would become of a request, and by which rule.
#[derive(Debug)]
pub struct Explanation {
    /// What the gate thinks of it.
    pub decision: ExplainedDecision,
    /// The rule that the request falls under and its place, from 0; none where no rule is asked.
    pub route: Option<(usize, Route)>,
}

/// A decision that is only told. It holds no [`super::Permit`]: nothing can be forwarded by it.
#[derive(Debug)]
pub enum ExplainedDecision {
    /// It would go to the app of its rule.
    Forward {
        /// As whom; nobody on a public route.
        user: Option<UserSnapshot>,
    },
    /// Portcullis would answer it itself.
    Serve,
    /// Neither. A session in it was made up for the question.
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
