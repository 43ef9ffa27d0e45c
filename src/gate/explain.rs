//! What would become of a request, for an operator who asks: the gate's own judgement, without the request.

use super::{Decision, Route};

/// What would become of a request, and by which rule.
#[derive(Debug)]
pub struct Explained {
    /// What the gate decides. Its session, where it names one, was made up for the question.
    pub decision: Decision,
    /// The rule that the request falls under and its place, from 0; none where no rule is asked.
    pub rule: Option<(usize, Route)>,
}
