//! What a store says when it cannot answer. The domain knows these two words and no database.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

/// A store did not do what it was asked. It is never the answer "there is none": that is `Ok(None)`. It says its causes itself,
/// because whoever logs it knows no more than that, and so it links none.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, or did not answer in time. Whether an act was done is unknown.
    #[error("the store is away: {}", with_causes(.0.as_ref()))]
    Unavailable(Box<dyn Error + Send + Sync>),
    /// The store answered, and what it holds cannot be read.
    #[error("the store holds something that cannot be read: {}", with_causes(.0.as_ref()))]
    Unreadable(Box<dyn Error + Send + Sync>),
}

/// An error and its causes in one line, each once: what an error already says of its cause is not said again.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> impl fmt::Display {
    let mut said = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (**cause).source()) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            write!(said, ": {cause}").expect("writing to a String does not fail");
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{says}")]
    struct Said {
        says: &'static str,
        source: Option<Box<Said>>,
    }

    fn chain(says: &[&'static str]) -> Option<Box<Said>> {
        let (says, causes) = says.split_first()?;
        Some(Box::new(Said { says, source: chain(causes) }))
    }

    #[test]
    fn each_cause_is_told_once() {
        for (says, told) in [
            (&["cannot open x"][..], "cannot open x"),
            (&["cannot open x", "no space", "disk 7"], "cannot open x: no space: disk 7"),
            (&["cannot open x: no space", "no space", "disk 7"], "cannot open x: no space: disk 7"),
        ] {
            let error = *chain(says).unwrap();
            assert_eq!(with_causes(&error).to_string(), told);
            assert_eq!(StoreError::Unavailable(Box::new(error)).to_string(), format!("the store is away: {told}"));
        }
    }
}
