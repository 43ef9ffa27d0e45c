//! Ids of the effects of a change on live state.

use crate::{id::word_id, secret::random_bytes};

/// One change of an account, until all its effects are applied: `csq_` and thirteen characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectsId(u64);

impl EffectsId {
    /// A new one.
    #[must_use]
    pub fn mint() -> Self {
        Self(u64::from_ne_bytes(random_bytes()))
    }
}

word_id!(EffectsId, "csq_");
