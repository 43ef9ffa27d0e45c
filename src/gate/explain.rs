//! What would become of a request, for an operator who asks: the gate's own judgement, without the request.

use super::{Decision, Refusal, Route};
use crate::session::Owner;

/// What would become of a request, and by which rule.
#[derive(Debug)]
pub struct Explained {
    /// What the gate thinks of it.
    pub verdict: Verdict,
    /// The rule that the request falls under and its place, from 0; none where no rule is asked.
    pub rule: Option<(usize, Route)>,
}

/// A decision that is only told. It holds no [`super::Permit`]: nothing can be forwarded by it.
#[derive(Debug)]
pub enum Verdict {
    /// It would go to the app of its rule.
    Forward {
        /// As whom; nobody on a public route.
        person: Option<Owner>,
    },
    /// Portcullis would answer it itself.
    Serve,
    /// Neither. A session in it was made up for the question.
    Refuse(Refusal),
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Forward(permit) => Self::Forward { person: permit.person().cloned() },
            Decision::Serve(_) => Self::Serve,
            Decision::Refuse(refusal) => Self::Refuse(refusal),
        }
    }
}
