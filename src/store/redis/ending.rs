//! How sessions end: deleted, with a note and a line for the journal in the user's outbox; the generation rises where a
//! sign-in under way must lose too. What follows from a change of an account is the same step.

use std::time::Duration;

use redis::Value;
use serde::Serialize;

use super::{
    keys,
    layout::{self, OwnerPlan},
    live::{Live, readable, understand},
    script,
    trouble::{Trouble, nobody_answers},
};
use crate::{
    account::{Consequence, Fate},
    audit::Entry,
    clock::Timestamp,
    id::{SessionId, UserId},
    outage::StoreError,
    session::{Parting, Session, Which},
};

/// How long a note stays. The sweep drops older ones; this is for when nobody sweeps.
const NOTE: Duration = Duration::from_hours(31 * 24);
/// How long it is known that the consequences of a change are done.
const DONE: Duration = Duration::from_hours(24);
/// How often a step is tried again because others came between. Each time at least one of them got its way.
const TRIES: usize = 1_000;

/// What one step did.
#[derive(Default)]
pub(super) struct Left {
    /// The sessions that ended, as far as they could be read.
    pub(super) sessions: Vec<Session>,
    /// What the journal must be told: also of those that could not be read.
    pub(super) entries: Vec<Entry>,
    /// Whether the session that was to be renewed was.
    pub(super) renewed: bool,
}

/// What is to be done to the sessions of one user.
#[derive(Default)]
pub(super) struct Deed<'a> {
    /// Those that end, and how.
    pub(super) ends: Option<(Ends, &'a Parting)>,
    /// The user's sign-ins under way lose.
    supersede: bool,
    /// Only while it was not used since.
    unused_since: Option<Timestamp>,
    /// The change that this follows from.
    follows: Option<&'a Consequence>,
}

/// Which sessions of one user end.
pub(super) enum Ends {
    One(SessionId),
    AllBut(Option<SessionId>),
}

/// What came of a try.
enum Tried {
    Done(Left),
    /// Somebody has done what follows before.
    Before,
    /// Other sessions are there than were looked at.
    Others,
}

/// As the script reads it. Numbers are text: JSON in Redis would round them.
#[derive(Serialize)]
struct Plan {
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<String>,
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerPlan>,
    raise: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal: Option<RenewalPlan>,
    going: Vec<Going>,
}

#[derive(Serialize)]
struct RenewalPlan {
    from: String,
    to: String,
    grace_until: String,
}

/// A session that is about to end.
#[derive(Serialize)]
pub(super) struct Going {
    member: String,
    at: String,
    ending: String,
    note_for: String,
    line: String,
    #[serde(skip)]
    id: SessionId,
    #[serde(skip)]
    entry: Entry,
}

impl Going {
    pub(super) fn of(id: SessionId, parting: &Parting) -> Self {
        let entry = parting.entry(id);
        Self {
            member: id.serial(),
            at: parting.story.at.as_millis().to_string(),
            ending: layout::write_ending(parting.ending(id)),
            note_for: NOTE.as_millis().to_string(),
            line: layout::json(&entry),
            id,
            entry,
        }
    }

    /// Its keys, as scripts want them.
    pub(super) fn keys(&self) -> [String; 3] {
        [keys::session(self.id), keys::activity(self.id), keys::note(self.id)]
    }
}

impl Left {
    /// From those that were to go, and what the script says of those that went.
    pub(super) fn of(going: Vec<Going>, went: Value) -> Result<Self, StoreError> {
        let went: Vec<(String, String, Option<String>)> = understand(went)?;
        let mut left = Self::default();
        for Going { member, id, entry, .. } in going {
            let Some((_, session, activity)) = went.iter().find(|(gone, ..)| *gone == member) else { continue };
            left.sessions.extend(readable(id, layout::read_session(id, session, activity.as_deref())));
            left.entries.push(entry);
        }
        Ok(left)
    }
}

impl Live {
    /// Ends sessions of one user.
    pub(super) async fn end(&self, owner: UserId, ends: Ends, parting: &Parting) -> Result<Left, StoreError> {
        Ok(self.act(owner, Deed { ends: Some((ends, parting)), ..Deed::default() }).await?.unwrap_or_default())
    }

    /// Ends one that was not used since.
    pub(super) async fn expire(&self, id: SessionId, latest: Timestamp, parting: &Parting) -> Result<Left, StoreError> {
        let ends = Some((Ends::One(id), parting));
        let deed = Deed { ends, unused_since: Some(latest), ..Deed::default() };
        Ok(self.act(id.owner(), deed).await?.unwrap_or_default())
    }

    /// Does what follows from a change, once. None: somebody else has.
    pub(super) async fn follow(&self, consequence: &Consequence) -> Result<Option<Left>, StoreError> {
        let owner = consequence.user;
        let deed = Deed { follows: Some(consequence), ..Deed::default() };
        let deed = match &consequence.sessions {
            Fate::Stay => deed,
            Fate::Supersede => Deed { supersede: true, ..deed },
            Fate::End(which, parting) => {
                let Some(ends) = of_one_user(*which, owner) else { return Ok(Some(Left::default())) };
                Deed { ends: Some((ends, parting)), ..deed }
            }
        };
        self.act(owner, deed).await
    }

    async fn act(&self, owner: UserId, deed: Deed<'_>) -> Result<Option<Left>, StoreError> {
        for _ in 0..TRIES {
            match self.try_once(owner, &deed).await? {
                Tried::Done(left) => return Ok(Some(left)),
                Tried::Before => return Ok(None),
                Tried::Others => {}
            }
        }
        Err(Trouble::Contended.into())
    }

    /// Raises the generation above all sessions of a user, and does nothing else.
    async fn shut_out(&self, owner: UserId, deed: &Deed<'_>) -> Result<(), StoreError> {
        let gate = keys::gate(owner);
        let touched = [gate.clone(), keys::sessions(owner), keys::outbox(owner), gate.clone(), gate];
        let plan = Plan {
            once: None,
            whole: false,
            unused_since: None,
            owner: deed.follows.and_then(|follows| follows.owner.as_ref()).map(OwnerPlan::of),
            raise: "sessions",
            keep: None,
            renewal: None,
            going: Vec::new(),
        };
        self.commits().run::<Value>(&script::END.call(&touched, &[layout::json(&plan)])).await.map(drop)
    }

    async fn try_once(&self, owner: UserId, deed: &Deed<'_>) -> Result<Tried, StoreError> {
        let Deed { ends, supersede, unused_since, follows } = deed;
        let renewal = follows.and_then(|follows| follows.renewal.as_ref());
        let (going, whole, keep) = match ends {
            None => (Vec::new(), false, renewal.map(|renewal| renewal.id)),
            Some((Ends::One(id), parting)) => (vec![Going::of(*id, parting)], false, None),
            Some((Ends::AllBut(keep), parting)) => {
                let ids = match self.ids(owner).await {
                    Err(why) if !nobody_answers(&why) => {
                        // Whoever cannot be listed is shut out all the same; what is left of them is for somebody to see to.
                        self.shut_out(owner, deed).await?;
                        return Err(why);
                    }
                    ids => ids?,
                };
                let going = ids.into_iter().filter(|id| Some(*id) != *keep).map(|id| Going::of(id, parting));
                (going.collect(), true, *keep)
            }
        };
        let mut touched = vec![
            keys::gate(owner),
            keys::sessions(owner),
            keys::outbox(owner),
            keys::done(owner, &follows.map(|follows| follows.id.to_string()).unwrap_or_default()),
            keep.map_or_else(|| keys::gate(owner), keys::session),
        ];
        touched.extend(going.iter().flat_map(Going::keys));
        let plan = Plan {
            once: follows.map(|_| DONE.as_millis().to_string()),
            whole,
            unused_since: unused_since.map(|latest| latest.as_millis().to_string()),
            owner: follows.and_then(|follows| follows.owner.as_ref()).map(OwnerPlan::of),
            raise: match (whole, supersede) {
                (true, _) => "sessions",
                (false, true) => "sign_ins",
                (false, false) => "nothing",
            },
            keep: keep.map(SessionId::serial),
            renewal: renewal.map(|renewal| RenewalPlan {
                from: layout::digest(&renewal.from),
                to: layout::digest(&renewal.to),
                grace_until: renewal.grace_until.as_millis().to_string(),
            }),
            going,
        };
        let at = ends.as_ref().map(|(_, parting)| parting.story.at);
        let call = script::END.call(&touched, &[layout::json(&plan)]);
        let answer: Vec<Value> = self.commit(owner, at, &call).await?;
        let mut answer = answer.into_iter();
        let mut next = || answer.next().ok_or(Trouble::Nonsense);
        match understand::<String>(next()?)?.as_str() {
            "retry" => Ok(Tried::Others),
            "again" => Ok(Tried::Before),
            _ => {
                let renewed: i64 = understand(next()?)?;
                Ok(Tried::Done(Left { renewed: renewed == 1, ..Left::of(plan.going, next()?)? }))
            }
        }
    }
}

/// Which of one user's sessions are meant. None: nobody's of theirs.
pub(super) fn of_one_user(which: Which, user: UserId) -> Option<Ends> {
    let own = |id: SessionId| (id.owner() == user).then_some(id);
    match which {
        Which::One { owner, id } => (owner == user).then(|| own(id)).flatten().map(Ends::One),
        Which::AllBut { owner, keep } => (owner == user).then(|| Ends::AllBut(own(keep))),
        Which::AllOf(owner) => (owner == user).then_some(Ends::AllBut(None)),
        Which::Everyone { keep } => Some(Ends::AllBut(keep.and_then(own))),
    }
}
