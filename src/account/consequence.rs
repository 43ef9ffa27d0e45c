//! What a change of an account means for live state: for what the gate reads of its owner, and for the sessions.

use serde::{Deserialize, Serialize};

use super::{Account, Change, NewHash, PasswordHash};
use crate::{
    audit::Story,
    id::{ConsequenceId, UserId},
    secret::Digest,
    session::{Owner, Parting, Renewal, Which},
};

/// A change of an account, as records are asked for it.
#[derive(Clone, Debug)]
pub enum Alteration {
    /// Of what the user may do.
    Change(UserId, Change),
    /// Of the password.
    Password(UserId, NewHash),
    /// Of the password, by whoever holds this one-time link, which is used up.
    Redeem(Digest, PasswordHash),
}

/// An account that was changed, and what is still to follow.
#[derive(Clone, Debug)]
pub struct Altered {
    /// The account as it is now; of one that was removed, as it was.
    pub account: Account,
    /// What must be done to live state before the change may be acknowledged.
    pub consequence: Consequence,
}

/// What follows from one change of an account. Where live state is kept apart from records, it is kept with the records
/// from the step that made the change until it is done: whatever breaks in between, somebody does it later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Consequence {
    /// Which: it is done once, however often it is tried.
    pub id: ConsequenceId,
    /// Whose account was changed.
    pub user: UserId,
    /// What its owner may do from now on; none where that has not changed.
    pub owner: Option<Owner>,
    /// What becomes of its sessions.
    pub sessions: Fate,
    /// The new secret of the session that asked for the change. Not kept: whoever does it later has nobody to tell.
    #[serde(skip)]
    pub renewal: Option<Renewal>,
}

impl Consequence {
    /// Of a change of what the user may do; `owner` is what they may do from now on.
    #[must_use]
    pub fn of_change(owner: Owner, change: &Change, story: &Story) -> Self {
        let user = owner.id;
        let sessions =
            change.parting(story).map_or(Fate::Stay, |parting| Fate::End(Which::AllOf(user), Box::new(parting)));
        Self { id: ConsequenceId::mint(), user, owner: Some(owner), sessions, renewal: None }
    }

    /// Of a new password. Whoever proved the old one, and has no session yet, loses in any case.
    #[must_use]
    pub fn of_password(user: UserId, new: &NewHash, story: &Story) -> Self {
        let sessions =
            new.ends(user).map_or(Fate::Supersede, |which| Fate::End(which, Box::new(NewHash::parting(story))));
        let renewal = match new {
            NewHash::Set(_) => None,
            NewHash::Changed { renewal, .. } => Some(renewal.clone()),
        };
        Self { id: ConsequenceId::mint(), user, owner: None, sessions, renewal }
    }
}

/// What becomes of a user's sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Fate {
    /// They stay.
    Stay,
    /// They stay, and a sign-in that is under way loses.
    Supersede,
    /// These end, and a sign-in that is under way loses.
    End(Which, Box<Parting>),
}
