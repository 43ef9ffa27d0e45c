//! What a store says when it cannot answer. The domain knows these two words and no database.

use std::error::Error;

/// A store did not do what it was asked. It is never the answer "there is none": that is `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or did not answer in time. Whether an act was done is unknown.
    #[error("the store is away: {0}")]
    Away(#[source] Box<dyn Error + Send + Sync>),
    /// It answered, and what it holds cannot be read.
    #[error("the store holds something that cannot be read: {0}")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}
