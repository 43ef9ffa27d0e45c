//! Answers of stores to acts, with the audit entries that were written in the same step.

use std::ops::Deref;

use super::AuditEntry;

/// An answer, and the entries that a store wrote with it. It reads as the answer; [`AuditLog::publish`](super::AuditLog::publish)
/// takes the entries off.
#[derive(Clone, Debug, Default)]
pub struct Recorded<T> {
    /// The answer.
    pub value: T,
    /// Entries in the order in which they were written; none where nothing was done.
    pub entries: Vec<AuditEntry>,
}

impl<T> Recorded<T> {
    /// An answer of an act that did nothing.
    pub const fn nothing(value: T) -> Self {
        Self { value, entries: Vec::new() }
    }

    /// The same entries with another answer.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Recorded<U> {
        Recorded { value: map(self.value), entries: self.entries }
    }
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Equal to an answer, whatever entries go with it.
impl<T: PartialEq> PartialEq<T> for Recorded<T> {
    fn eq(&self, other: &T) -> bool {
        self.value == *other
    }
}
