//! Changes of an account, and what is still to follow from them. An account is replaced where it still is as it was read, in the
//! step that tells the journal and keeps what follows; where others came between, it is read again.

use async_trait::async_trait;
use redis::cmd;
use serde::Serialize;
use tracing::error;

use super::{
    RedisRecords, TRIES,
    accounts::AsRead,
    journal::{JOURNAL, Line},
    keys::{self, Touched},
    stored::{every_login, name, write_account},
};
use crate::{
    account::{Account, Alteration, Altered, Change, Consequence, NewHash, PasswordHash},
    audit::{Fact, Story},
    clock::Timestamp,
    id::{ConsequenceId, EventId},
    outage::StoreError,
    store::{
        Records,
        redis::{
            layout::{self, json, unreadable},
            script,
            trouble::Trouble,
        },
    },
};

/// The keys of the script behind those of the journal.
const TOUCHED: [&str; 9] = [
    keys::ACCOUNTS,
    keys::LOGINS,
    keys::NAMES,
    keys::PASSWORDS,
    keys::LINKS,
    keys::LINK_OF,
    keys::DEVICES,
    keys::DEVICES_USED,
    keys::CONSEQUENCES,
];

/// What the script is to do, and under which conditions.
#[derive(Default, Serialize)]
struct Plan {
    id: String,
    was: String,
    /// None: it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Only while this link is held as it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// Only while this is the hash; an empty one is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_was: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    logins: Vec<String>,
    name: String,
    kills_link: bool,
    forgets_devices: bool,
    /// The one that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    lines: Vec<Line>,
    consequence: Kept,
}

#[derive(Default, Serialize)]
struct Kept {
    id: String,
    at: String,
    body: String,
}

/// How one try went.
enum Tried {
    Done(Box<Altered>),
    /// There is no such account, or it is not as it was supposed to be.
    No,
    /// Others came between.
    Again,
}

#[async_trait]
impl Records for RedisRecords {
    async fn alter(&self, alteration: &Alteration, story: &Story) -> Result<Option<Altered>, StoreError> {
        for _ in 0..TRIES {
            match self.try_to_alter(alteration, story).await? {
                Tried::Done(altered) => return Ok(Some(*altered)),
                Tried::No => return Ok(None),
                Tried::Again => {}
            }
        }
        Err(Trouble::Contended.into())
    }

    /// One that cannot be read keeps no other from being done; the log says so each time.
    async fn open_consequences(&self, before: Timestamp) -> Result<Vec<Consequence>, StoreError> {
        let kept: Vec<String> = self.link.ask(cmd("HVALS").arg(keys::CONSEQUENCES)).await?;
        let mut open: Vec<(u64, Consequence)> = kept.iter().filter_map(|kept| readable(kept, before)).collect();
        open.sort_by_key(|(place, _)| *place);
        Ok(open.into_iter().map(|(_, consequence)| consequence).collect())
    }

    async fn identity(&self) -> Result<String, StoreError> {
        // Looked at first: a server without memory takes no write.
        if let Some(known) = self.link.ask(cmd("GET").arg(keys::IDENTITY)).await? {
            return Ok(known);
        }
        let mut new = cmd("SET");
        new.arg(keys::IDENTITY).arg(EventId::mint().to_string()).arg("NX");
        self.link.ask::<Option<String>>(&new).await?;
        self.link.ask(cmd("GET").arg(keys::IDENTITY)).await
    }

    async fn done(&self, consequence: ConsequenceId) -> Result<(), StoreError> {
        self.link.ask(cmd("HDEL").arg(keys::CONSEQUENCES).arg(consequence.to_string())).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.link.try_to_write(keys::WRITTEN, "1").await
    }
}

impl RedisRecords {
    async fn try_to_alter(&self, alteration: &Alteration, story: &Story) -> Result<Tried, StoreError> {
        let (plan, fact, altered) = match alteration {
            Alteration::Change(id, change) => match self.read(*id).await? {
                Some(read) => of_change(read, change, story),
                None => return Ok(Tried::No),
            },
            Alteration::Password(id, new) => match self.read(*id).await? {
                Some(read) => of_password(read, new, story),
                None => return Ok(Tried::No),
            },
            Alteration::Redeem(link, hash) => match self.holder(*link, story.at).await? {
                Some((read, holder)) => {
                    let (plan, fact, altered) = of_password(read, &NewHash::Set(hash.clone()), story);
                    (Plan { link: Some(layout::digest(link)), holder: Some(holder), ..plan }, fact, altered)
                }
                None => return Ok(Tried::No),
            },
        };
        let mut touched = Touched::new(&[&JOURNAL[..], &TOUCHED].concat());
        let consequence = &altered.consequence;
        let plan = Plan {
            lines: vec![Line::of(&story.entry(Some(consequence.user), fact), &mut touched)],
            consequence: Kept {
                id: consequence.id.to_string(),
                at: story.at.as_millis().to_string(),
                body: json(consequence),
            },
            ..plan
        };
        let answer: String = self.commit(&script::ALTER.call(touched.all(), &[json(&plan)])).await?;
        Ok(match answer.as_str() {
            "done" => Tried::Done(Box::new(altered)),
            "no" => Tried::No,
            _ => Tried::Again,
        })
    }
}

fn of_change(AsRead { account: before, value: was }: AsRead, change: &Change, story: &Story) -> (Plan, Fact, Altered) {
    let after = change.applied_to(&before, story.at);
    let loses_all = change.takes_all();
    let owner = after.as_ref().map_or_else(|| before.as_nobody(story.at), Account::as_owner);
    let plan = Plan {
        id: before.id.bare(),
        was,
        account: after.as_ref().map(write_account),
        logins: every_login(&before),
        name: name(&before),
        kills_link: loses_all,
        forgets_devices: loses_all,
        ..Plan::default()
    };
    let consequence = Consequence::of_change(owner, change, story);
    (plan, change.fact(), Altered { account: after.unwrap_or(before), consequence })
}

fn of_password(AsRead { account: before, value: was }: AsRead, new: &NewHash, story: &Story) -> (Plan, Fact, Altered) {
    let account = Account { password_set: Some(story.at), version: before.next_version(story.at), ..before };
    let password_was = match new {
        NewHash::Set(_) => None,
        NewHash::Changed { was, .. } => Some(was.as_ref().map_or("", PasswordHash::as_phc).to_owned()),
    };
    let plan = Plan {
        id: account.id.bare(),
        was,
        account: Some(write_account(&account)),
        password_was,
        password: Some(new.hash().as_phc().to_owned()),
        kills_link: true,
        forgets_devices: true,
        device: new.device().as_ref().map(layout::digest),
        ..Plan::default()
    };
    let consequence = Consequence::of_password(account.id, new, story);
    (plan, new.fact(), Altered { account, consequence })
}

/// What was kept, with its place in the order of the changes, if it is older than that.
fn readable(kept: &str, before: Timestamp) -> Option<(u64, Consequence)> {
    let read = || {
        let (head, body) = kept.split_once('\n')?;
        let (place, at) = head.split_once(' ')?;
        let at = Timestamp::from_millis(at.parse().ok()?);
        Some((at, place.parse().ok()?, serde_json::from_str(body).ok()?))
    };
    let Some((at, place, consequence)) = read() else {
        error!("What follows from the change of an account cannot be read: {}", unreadable("consequence"));
        return None;
    };
    (at < before).then_some((place, consequence))
}
