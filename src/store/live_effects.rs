//! Effects of a change of an account on live state: on what the gate reads of its user, and on the sessions. Kept with the records
//! until they are applied, where live state is kept apart.

use serde::{Deserialize, Serialize};

use super::EffectsId;
use crate::{
    account::{Account, AccountChange, PasswordUpdate},
    audit::{AuditContext, AuditEntry},
    id::UserId,
    session::{EndRecord, EndTarget, SecretRenewal, UserSnapshot},
};

/// An account that was changed, and what is still to follow.
#[derive(Clone, Debug)]
pub struct AppliedCommand {
    /// The account as it is now; of one that was removed, as it was.
    pub account: Account,
    /// Effects that must be applied before the change may be acknowledged.
    pub effects: LiveEffects,
    /// The entry that was written of it.
    pub entry: AuditEntry,
}

/// Effects of one change of an account. Where live state is kept apart from records, it is kept with the records
/// from the step that made the change until it is done: whatever breaks in between, somebody does it later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveEffects {
    /// Their id: they are applied once, however often it is tried.
    pub id: EffectsId,
    /// The user whose account was changed.
    pub user: UserId,
    /// The user as the gate reads them from now on; none where that has not changed.
    #[serde(rename = "owner")]
    pub snapshot: Option<UserSnapshot>,
    /// Effect on its sessions.
    pub sessions: SessionEffect,
    /// The new secret of the session that asked for the change. Not kept: whoever does it later has nobody to tell.
    #[serde(skip)]
    pub renewal: Option<SecretRenewal>,
}

impl LiveEffects {
    /// Of a change of what the user may do; `owner` is what they may do from now on.
    #[must_use]
    pub fn from_change(owner: UserSnapshot, change: &AccountChange, context: &AuditContext) -> Self {
        let user = owner.id;
        let sessions = change
            .end_record(context)
            .map_or(SessionEffect::Keep, |end_record| SessionEffect::End(EndTarget::AllOf(user), Box::new(end_record)));
        Self { id: EffectsId::mint(), user, snapshot: Some(owner), sessions, renewal: None }
    }

    /// Of a new password. Whoever proved the old one, and has no session yet, loses in any case.
    #[must_use]
    pub fn from_password(user: UserId, new: &PasswordUpdate, context: &AuditContext) -> Self {
        let sessions = new.end_target(user).map_or(SessionEffect::AdvanceGeneration, |which| {
            SessionEffect::End(which, Box::new(PasswordUpdate::end_record(context)))
        });
        let renewal = match new {
            PasswordUpdate::Set(_) => None,
            PasswordUpdate::Changed { renewal, .. } => Some(renewal.clone()),
        };
        Self { id: EffectsId::mint(), user, snapshot: None, sessions, renewal }
    }
}

/// Effect on a user's sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SessionEffect {
    /// They stay.
    #[serde(rename = "Stay")]
    Keep,
    /// They stay, and a sign-in that is under way loses.
    #[serde(rename = "Supersede")]
    AdvanceGeneration,
    /// These end, and a sign-in that is under way loses.
    End(EndTarget, Box<EndRecord>),
}
