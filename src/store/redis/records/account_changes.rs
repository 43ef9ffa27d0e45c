//! Changes of an account, and what is still to follow from them. An account is replaced where it still is as it was read, in the
//! step that tells the journal and keeps what follows; where others came between, it is read again.

use async_trait::async_trait;
use redis::cmd;
use serde::Serialize;
use tracing::error;

use super::{
    MAX_ATTEMPTS, RedisRecords,
    accounts::AccountSnapshot,
    audit_log::{EntryPlan, JOURNAL_KEYS},
    codec::{all_logins, encode_account, name_index_entry},
    keys::{self, ScriptKeys},
};
use crate::{
    account::{Account, AccountChange, AccountCommand, PasswordHash, PasswordUpdate},
    audit::AuditContext,
    clock::Timestamp,
    id::EventId,
    store::{
        AppliedCommand, EffectsId, LiveEffects, RecordStore, StoreHealth,
        redis::{
            codec::{self, decode_error, to_json},
            error::RedisStoreError,
            script,
        },
    },
    store_error::StoreError,
};

/// The keys of the script behind those of the journal.
const CHANGE_KEYS: [&str; 9] = [
    keys::ACCOUNTS,
    keys::LOGINS,
    keys::NAMES,
    keys::PASSWORDS,
    keys::LINKS,
    keys::LINK_BY_ACCOUNT,
    keys::DEVICES,
    keys::DEVICE_LAST_USES,
    keys::PENDING_EFFECTS,
];

/// What the script is to do, and under which conditions.
#[derive(Default, Serialize)]
struct ChangePlan {
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
    lines: Vec<EntryPlan>,
    consequence: EffectsPlan,
}

#[derive(Default, Serialize)]
struct EffectsPlan {
    id: String,
    at: String,
    body: String,
}

/// How one try went.
enum ChangeAttempt {
    Done(Box<AppliedCommand>),
    /// There is no such account, or it is not as it was supposed to be.
    Rejected,
    /// Others came between.
    Conflict,
}

#[async_trait]
impl RecordStore for RedisRecords {
    async fn apply_deferred(
        &self,
        alteration: &AccountCommand,
        context: &AuditContext,
    ) -> Result<Option<AppliedCommand>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_change(alteration, context).await? {
                ChangeAttempt::Done(altered) => return Ok(Some(*altered)),
                ChangeAttempt::Rejected => return Ok(None),
                ChangeAttempt::Conflict => {}
            }
        }
        Err(RedisStoreError::Contended.into())
    }

    /// One that cannot be read keeps no other from being done; the log says so each time.
    async fn pending_effects(&self, before: Timestamp) -> Result<Vec<LiveEffects>, StoreError> {
        let kept: Vec<String> = self.client.query(cmd("HVALS").arg(keys::PENDING_EFFECTS)).await?;
        let mut open: Vec<(u64, LiveEffects)> = kept.iter().filter_map(|kept| decode_pending(kept, before)).collect();
        open.sort_by_key(|(place, _)| *place);
        Ok(open.into_iter().map(|(_, consequence)| consequence).collect())
    }

    async fn records_id(&self) -> Result<String, StoreError> {
        // Looked at first: a server without memory takes no write.
        if let Some(known) = self.client.query(cmd("GET").arg(keys::RECORDS_ID)).await? {
            return Ok(known);
        }
        let mut new = cmd("SET");
        new.arg(keys::RECORDS_ID).arg(EventId::mint().to_string()).arg("NX");
        self.client.query::<Option<String>>(&new).await?;
        self.client.query(cmd("GET").arg(keys::RECORDS_ID)).await
    }

    async fn mark_done(&self, consequence: EffectsId) -> Result<(), StoreError> {
        self.client.query(cmd("HDEL").arg(keys::PENDING_EFFECTS).arg(consequence.to_string())).await
    }
}

#[async_trait]
impl StoreHealth for RedisRecords {
    async fn ping(&self) -> Result<(), StoreError> {
        self.client.probe_write(keys::WRITE_PROBE, "1").await
    }
}

impl RedisRecords {
    async fn try_change(
        &self,
        alteration: &AccountCommand,
        context: &AuditContext,
    ) -> Result<ChangeAttempt, StoreError> {
        let (plan, altered) = match alteration {
            AccountCommand::Change(id, change) => match self.read_snapshot(*id).await? {
                Some(read) => plan_change(read, change, context),
                None => return Ok(ChangeAttempt::Rejected),
            },
            AccountCommand::Password(id, new) => match self.read_snapshot(*id).await? {
                Some(read) => plan_password_change(read, new, context),
                None => return Ok(ChangeAttempt::Rejected),
            },
            AccountCommand::Redeem(link, hash) => match self.find_link_holder(*link, context.at).await? {
                Some((read, holder)) => {
                    let (plan, altered) = plan_password_change(read, &PasswordUpdate::Set(hash.clone()), context);
                    (ChangePlan { link: Some(codec::encode_digest(link)), holder: Some(holder), ..plan }, altered)
                }
                None => return Ok(ChangeAttempt::Rejected),
            },
        };
        let mut touched = ScriptKeys::new(&[&JOURNAL_KEYS[..], &CHANGE_KEYS].concat());
        let consequence = &altered.effects;
        let plan = ChangePlan {
            lines: vec![EntryPlan::new(&altered.entry, &mut touched)],
            consequence: EffectsPlan {
                id: consequence.id.to_string(),
                at: context.at.as_millis().to_string(),
                body: to_json(consequence),
            },
            ..plan
        };
        let answer: String = self.commit(&script::CHANGE_ACCOUNT.call(touched.as_slice(), &[to_json(&plan)])).await?;
        Ok(match answer.as_str() {
            "done" => ChangeAttempt::Done(Box::new(altered)),
            "no" => ChangeAttempt::Rejected,
            _ => ChangeAttempt::Conflict,
        })
    }
}

fn plan_change(
    AccountSnapshot { account: before, value: was }: AccountSnapshot,
    change: &AccountChange,
    context: &AuditContext,
) -> (ChangePlan, AppliedCommand) {
    let after = change.apply_to(&before, context.at);
    let loses_all = change.revokes_credentials();
    let owner = after.as_ref().map_or_else(|| before.removed_snapshot(context.at), Account::snapshot);
    let plan = ChangePlan {
        id: before.id.bare(),
        was,
        account: after.as_ref().map(encode_account),
        logins: all_logins(&before),
        name: name_index_entry(&before),
        kills_link: loses_all,
        forgets_devices: loses_all,
        ..ChangePlan::default()
    };
    let consequence = LiveEffects::from_change(owner, change, context);
    let entry = context.entry(Some(before.id), change.event());
    (plan, AppliedCommand { account: after.unwrap_or(before), effects: consequence, entry })
}

fn plan_password_change(
    AccountSnapshot { account: before, value: was }: AccountSnapshot,
    new: &PasswordUpdate,
    context: &AuditContext,
) -> (ChangePlan, AppliedCommand) {
    let account = Account { password_set: Some(context.at), version: before.next_version(context.at), ..before };
    let password_was = match new {
        PasswordUpdate::Set(_) => None,
        PasswordUpdate::Changed { expected: was, .. } => Some(was.as_ref().map_or("", PasswordHash::as_phc).to_owned()),
    };
    let plan = ChangePlan {
        id: account.id.bare(),
        was,
        account: Some(encode_account(&account)),
        password_was,
        password: Some(new.hash().as_phc().to_owned()),
        kills_link: true,
        forgets_devices: true,
        device: new.kept_device().as_ref().map(codec::encode_digest),
        ..ChangePlan::default()
    };
    let consequence = LiveEffects::from_password(account.id, new, context);
    let entry = context.entry(Some(account.id), new.event());
    (plan, AppliedCommand { account, effects: consequence, entry })
}

/// What was kept, with its place in the order of the changes, if it is older than that.
fn decode_pending(kept: &str, before: Timestamp) -> Option<(u64, LiveEffects)> {
    let read = || {
        let (head, body) = kept.split_once('\n')?;
        let (place, at) = head.split_once(' ')?;
        let at = Timestamp::from_millis(at.parse().ok()?);
        Some((at, place.parse().ok()?, serde_json::from_str(body).ok()?))
    };
    let Some((at, place, consequence)) = read() else {
        error!(error = %decode_error("consequence"), "Pending effects of account change unreadable");
        return None;
    };
    (at < before).then_some((place, consequence))
}
