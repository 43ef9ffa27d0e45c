//! What follows from a change of an account is kept with the records, from the step that made the change until it is done.
//! Told against records alone: sessions are somewhere else.

use std::sync::Arc;

use portcullis::{
    account::{Account, AccountChange, AccountCommand, AddResult, PasswordUpdate, Role},
    audit::{AuditEntry, AuditEvent, AuditTrailQuery, TrailOrder},
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    session::{EndReason, EndRecord, EndTarget, SecretRenewal},
    store::{
        AppliedCommand, EffectsId, LiveEffects, RecordStore, SessionEffect, embedded::EmbeddedStore,
        redis::RedisRecords,
    },
};
use tokio::task::JoinSet;

use crate::redis_server::RedisServer;

use super::people::{DISABLE, account, at, digest, hash, story};

/// Makes a test of each story on each keeper of records.
macro_rules! stories {
    ($($story:ident)*) => {
        mod in_a_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(super::Keeper::in_a_file()).await;
            })*
        }

        mod in_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(super::Keeper::in_redis().await).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(super::Keeper::in_memory()).await;
            })*
        }
    };
}

stories! {
    disabling_leaves_the_end_of_all_sessions
    enabling_leaves_what_the_user_may_do
    new_roles_leave_what_the_user_may_do
    removing_leaves_nobody
    a_password_that_is_set_leaves_the_end_of_all_sessions
    a_password_that_is_changed_leaves_what_was_asked_for
    a_link_that_is_redeemed_leaves_the_end_of_all_sessions
    what_follows_is_there_for_whoever_comes_later
    what_is_done_is_gone
    what_has_just_been_made_is_left_to_whoever_made_it
    of_one_user_in_the_order_of_the_changes
    a_password_that_is_another_by_now_leaves_nothing
    a_change_of_nobody_leaves_nothing
    a_used_link_leaves_nothing
    of_many_who_use_a_link_at_once_one_leaves_something
    the_journal_tells_the_change_and_no_more
    a_new_secret_is_answered_and_not_kept
    changes_at_once_each_leave_one
    records_can_be_asked_whether_they_answer
}

/// A new, empty place for records.
struct Keeper {
    records: Arc<dyn RecordStore>,
    again: Arc<dyn RecordStore>,
    _place: Option<Box<dyn Send>>,
}

impl Keeper {
    fn in_a_file() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let open = || Arc::new(EmbeddedStore::open(&folder.path().join("records.db")).expect("it opens"));
        Self { records: open(), again: open(), _place: Some(Box::new(folder)) }
    }

    async fn in_redis() -> Self {
        let server = RedisServer::start();
        let open = async || Arc::new(RedisRecords::open(&server.place(), true).await.0);
        let (records, again) = (open().await, open().await);
        Self { records, again, _place: Some(Box::new(server)) }
    }

    fn in_memory() -> Self {
        let records = Arc::new(EmbeddedStore::in_memory().expect("memory opens"));
        Self { records: records.clone(), again: records, _place: None }
    }

    /// The same records, for somebody who comes later.
    fn again(&self) -> Arc<dyn RecordStore> {
        self.again.clone()
    }

    async fn customer(&self, name: &str) -> Account {
        let account = account(name, None);
        assert_eq!(self.records.add(&account, &story(at(0))).await.unwrap(), AddResult::Added);
        account
    }

    async fn alter(&self, alteration: AccountCommand, at: Timestamp) -> Option<AppliedCommand> {
        self.records.apply_deferred(&alteration, &story(at)).await.unwrap()
    }

    /// All that is still to follow.
    async fn open(&self) -> Vec<LiveEffects> {
        self.records.pending_effects(at(1_000)).await.unwrap()
    }

    /// The one thing that is still to follow.
    async fn left(&self) -> LiveEffects {
        let mut open = self.open().await;
        assert_eq!(open.len(), 1, "one and no more");
        open.remove(0)
    }

    async fn facts(&self) -> Vec<AuditEvent> {
        let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
        self.records.trail(&all).await.unwrap().entries.into_iter().map(|entry: AuditEntry| entry.event).collect()
    }

    async fn link_of(&self, id: UserId) -> Digest {
        let link = digest();
        assert!(self.records.put_link(id, link, at(100), &story(at(0))).await.unwrap().value);
        link
    }
}

/// What is kept is what was answered, but for whom it tells.
fn same(kept: &LiveEffects, answered: &LiveEffects) {
    assert_eq!((kept.id, kept.user, &kept.snapshot), (answered.id, answered.user, &answered.snapshot));
    assert_eq!(format!("{:?}", kept.sessions), format!("{:?}", answered.sessions));
}

/// Which sessions end, and how.
fn ends(consequence: &LiveEffects) -> (EndTarget, &EndRecord) {
    match &consequence.sessions {
        SessionEffect::End(which, end_record) => (*which, end_record),
        other => panic!("nothing ends: {other:?}"),
    }
}

fn renewal(of: UserId) -> SecretRenewal {
    SecretRenewal { id: SessionId::mint(of), current: digest(), new: digest(), grace_until: at(9) }
}

fn changed(of: UserId, was: Option<&str>, renewal: &SecretRenewal, end_others: bool) -> AccountCommand {
    let (was, renewal) = (was.map(hash), renewal.clone());
    AccountCommand::Password(
        of,
        PasswordUpdate::Changed { hash: hash("new"), expected: was, renewal, keep_device: None, end_others },
    )
}

async fn disabling_leaves_the_end_of_all_sessions(keeper: Keeper) {
    let alice = keeper.customer("alice").await;
    let disable = AccountChange::Disable { reason: Some("left".to_owned()) };
    let altered = keeper.alter(AccountCommand::Change(alice.id, disable), at(2)).await.expect("it is there");
    assert!(altered.account.disabled && altered.account.version > alice.version);
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert_eq!((left.user, left.snapshot.as_ref()), (alice.id, Some(&altered.account.snapshot())));
    let (which, end_record) = ends(&left);
    assert_eq!((which, &end_record.end_reason), (EndTarget::AllOf(alice.id), &EndReason::AccountDisabled));
    assert_eq!((end_record.reason.as_deref(), &end_record.context), (Some("left"), &story(at(2))));
}

async fn enabling_leaves_what_the_user_may_do(keeper: Keeper) {
    let alice = keeper.customer("alice").await;
    let altered = keeper
        .alter(AccountCommand::Change(alice.id, AccountChange::Enable { reason: None }), at(2))
        .await
        .expect("it is there");
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert_eq!(left.snapshot, Some(altered.account.snapshot()));
    assert!(matches!(left.sessions, SessionEffect::Keep));
}

async fn new_roles_leave_what_the_user_may_do(keeper: Keeper) {
    let alice = keeper.customer("alice").await;
    let guest = AccountChange::SetRoles(vec![Role::new("guest").unwrap()]);
    let altered = keeper.alter(AccountCommand::Change(alice.id, guest), at(2)).await.expect("it is there");
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert_eq!(left.snapshot.expect("it has changed").roles, ["guest"]);
    assert!(matches!(left.sessions, SessionEffect::Keep));
}

async fn removing_leaves_nobody(keeper: Keeper) {
    let alice = keeper.customer("alice").await;
    let removed =
        keeper.alter(AccountCommand::Change(alice.id, AccountChange::Remove), at(2)).await.expect("it was there");
    assert_eq!(removed.account, alice, "as it was");
    assert_eq!(keeper.records.get(alice.id).await.unwrap(), None);
    let left = keeper.left().await;
    same(&left, &removed.effects);
    assert_eq!(left.snapshot, Some(alice.removed_snapshot(at(2))));
    assert_eq!(ends(&left).0, EndTarget::AllOf(alice.id));
}

async fn a_password_that_is_set_leaves_the_end_of_all_sessions(keeper: Keeper) {
    let alice = keeper.customer("alice").await;
    let set = AccountCommand::Password(alice.id, PasswordUpdate::Set(hash("new")));
    let altered = keeper.alter(set, at(2)).await.expect("it is there");
    assert_eq!(altered.account.password_set, Some(at(2)));
    assert_eq!(keeper.records.password_hash(alice.id).await.unwrap(), Some(hash("new")));
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert_eq!(left.snapshot, None, "what they may do has not changed");
    let (which, end_record) = ends(&left);
    assert_eq!(
        (which, &end_record.end_reason, &end_record.context),
        (EndTarget::AllOf(alice.id), &EndReason::PasswordChanged, &story(at(2)))
    );
}

async fn a_password_that_is_changed_leaves_what_was_asked_for(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let renewal = renewal(alice);
    let altered = keeper.alter(changed(alice, None, &renewal, false), at(1)).await.expect("it is there");
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert!(matches!(left.sessions, SessionEffect::AdvanceGeneration));
    keeper.records.mark_done(left.id).await.unwrap();
    let altered = keeper.alter(changed(alice, Some("new"), &renewal, true), at(2)).await.expect("it is there");
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert_eq!(ends(&left).0, EndTarget::AllBut { owner: alice, keep: renewal.id });
}

async fn a_link_that_is_redeemed_leaves_the_end_of_all_sessions(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let link = keeper.link_of(alice).await;
    let altered = keeper.alter(AccountCommand::Redeem(link, hash("new")), at(2)).await.expect("it is good");
    assert_eq!(altered.account.id, alice);
    let left = keeper.left().await;
    same(&left, &altered.effects);
    assert_eq!((left.snapshot.as_ref(), ends(&left).0), (None, EndTarget::AllOf(alice)));
}

async fn what_follows_is_there_for_whoever_comes_later(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let altered = keeper.alter(AccountCommand::Change(alice, DISABLE), at(2)).await.expect("it is there");
    let later = keeper.again().pending_effects(at(3)).await.unwrap();
    assert_eq!(later.len(), 1);
    same(&later[0], &altered.effects);
    keeper.again().mark_done(later[0].id).await.unwrap();
    assert!(keeper.open().await.is_empty());
}

async fn what_is_done_is_gone(keeper: Keeper) {
    let (alice, bob) = (keeper.customer("alice").await.id, keeper.customer("bob").await.id);
    let alices = keeper.alter(AccountCommand::Change(alice, DISABLE), at(1)).await.expect("it is there").effects;
    let bobs = keeper.alter(AccountCommand::Change(bob, DISABLE), at(1)).await.expect("it is there").effects;
    // Whoever does not know whether it was told tells it again.
    for _ in 0..2 {
        keeper.records.mark_done(alices.id).await.unwrap();
    }
    keeper.records.mark_done(EffectsId::mint()).await.unwrap();
    same(&keeper.left().await, &bobs);
}

async fn what_has_just_been_made_is_left_to_whoever_made_it(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    keeper.alter(AccountCommand::Change(alice, DISABLE), at(5)).await.expect("it is there");
    assert!(keeper.records.pending_effects(at(5)).await.unwrap().is_empty());
    assert_eq!(keeper.records.pending_effects(at(6)).await.unwrap().len(), 1);
}

async fn of_one_user_in_the_order_of_the_changes(keeper: Keeper) {
    let (alice, bob) = (keeper.customer("alice").await.id, keeper.customer("bob").await.id);
    let mut made = Vec::new();
    // Of one moment, and of one whose clock was behind.
    for (id, change, second) in [
        (alice, DISABLE, 5),
        (bob, DISABLE, 5),
        (alice, AccountChange::Enable { reason: None }, 5),
        (alice, AccountChange::SetRoles(vec![]), 4),
        (bob, AccountChange::Enable { reason: None }, 5),
        (alice, AccountChange::Remove, 6),
    ] {
        let altered = keeper.alter(AccountCommand::Change(id, change), at(second)).await.expect("it is there");
        made.push(altered.effects.id);
    }
    let open = keeper.open().await;
    let of = |user: UserId| open.iter().filter(move |left| left.user == user).map(|left| left.id).collect::<Vec<_>>();
    assert_eq!(of(alice), [made[0], made[2], made[3], made[5]]);
    assert_eq!(of(bob), [made[1], made[4]]);
    keeper.records.mark_done(made[5]).await.unwrap();
    let altered = keeper.alter(AccountCommand::Change(bob, DISABLE), at(6)).await.expect("it is there");
    assert_eq!(keeper.open().await.last().map(|left| left.id), Some(altered.effects.id));
}

async fn a_password_that_is_another_by_now_leaves_nothing(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let told = keeper.facts().await;
    assert!(keeper.alter(changed(alice, Some("old"), &renewal(alice), true), at(1)).await.is_none());
    assert!(keeper.open().await.is_empty());
    assert_eq!((keeper.facts().await, keeper.records.password_hash(alice).await.unwrap()), (told, None));
}

async fn a_change_of_nobody_leaves_nothing(keeper: Keeper) {
    let nobody = UserId::mint();
    for change in
        [DISABLE, AccountChange::Enable { reason: None }, AccountChange::Remove, AccountChange::SetRoles(vec![])]
    {
        assert!(keeper.alter(AccountCommand::Change(nobody, change), at(1)).await.is_none());
    }
    assert!(keeper.alter(AccountCommand::Password(nobody, PasswordUpdate::Set(hash("new"))), at(1)).await.is_none());
    assert!(keeper.alter(changed(nobody, None, &renewal(nobody), true), at(1)).await.is_none());
    assert!(keeper.open().await.is_empty() && keeper.facts().await.is_empty());
    assert_eq!(keeper.records.password_hash(nobody).await.unwrap(), None);
}

async fn a_used_link_leaves_nothing(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let link = keeper.link_of(alice).await;
    let redeemed = keeper.alter(AccountCommand::Redeem(link, hash("new")), at(1)).await.expect("it is good");
    keeper.records.mark_done(redeemed.effects.id).await.unwrap();
    let told = keeper.facts().await;
    let late = keeper.link_of(alice).await;
    for (link, at) in [(link, at(2)), (digest(), at(2)), (late, at(100))] {
        assert!(keeper.alter(AccountCommand::Redeem(link, hash("again")), at).await.is_none());
    }
    assert!(keeper.open().await.is_empty());
    assert_eq!(keeper.facts().await, [&told[..], &[AuditEvent::LinkMade]].concat());
    assert_eq!(keeper.records.password_hash(alice).await.unwrap(), Some(hash("new")));
}

async fn of_many_who_use_a_link_at_once_one_leaves_something(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let link = keeper.link_of(alice).await;
    let mut tasks = JoinSet::new();
    for turn in 0..10 {
        let records = if turn % 2 == 0 { keeper.records.clone() } else { keeper.again() };
        let redeem = AccountCommand::Redeem(link, hash(&turn.to_string()));
        tasks.spawn(async move { records.apply_deferred(&redeem, &story(at(1))).await.unwrap().is_some() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|got_in| *got_in).count(), 1);
    assert_eq!(keeper.left().await.user, alice);
}

async fn the_journal_tells_the_change_and_no_more(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    keeper.alter(AccountCommand::Change(alice, DISABLE), at(1)).await;
    keeper.alter(AccountCommand::Change(alice, AccountChange::Enable { reason: None }), at(2)).await;
    keeper.alter(AccountCommand::Change(alice, AccountChange::SetRoles(vec![])), at(3)).await;
    keeper.alter(AccountCommand::Password(alice, PasswordUpdate::Set(hash("new"))), at(4)).await;
    keeper.alter(changed(alice, Some("new"), &renewal(alice), true), at(5)).await;
    let link = keeper.link_of(alice).await;
    keeper.alter(AccountCommand::Redeem(link, hash("third")), at(6)).await;
    keeper.alter(AccountCommand::Change(alice, AccountChange::Remove), at(7)).await;
    let told = [
        AuditEvent::UserAdded,
        AuditEvent::UserDisabled { reason: None },
        AuditEvent::UserEnabled { reason: None },
        AuditEvent::RolesChanged { roles: vec![] },
        AuditEvent::PasswordSet,
        AuditEvent::PasswordChanged,
        AuditEvent::LinkMade,
        AuditEvent::PasswordSet,
        AuditEvent::UserRemoved,
    ];
    assert_eq!(keeper.facts().await, told);
    let newest = AuditTrailQuery { user: Some(alice), order: TrailOrder::NewestFirst, after: None, limit: 1 };
    let entry = keeper.records.trail(&newest).await.unwrap().entries.remove(0);
    let said = story(at(7));
    assert_eq!((entry.at, entry.actor, entry.ip, entry.device), (said.at, said.actor, said.ip, said.device));
}

async fn a_new_secret_is_answered_and_not_kept(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let renewal = renewal(alice);
    let altered = keeper.alter(changed(alice, None, &renewal, true), at(1)).await.expect("it is there");
    let answered = altered.effects.renewal.expect("whoever asked is told");
    assert_eq!((answered.id, answered.current, answered.new), (renewal.id, renewal.current, renewal.new));
    assert!(keeper.left().await.renewal.is_none());
}

async fn changes_at_once_each_leave_one(keeper: Keeper) {
    let alice = keeper.customer("alice").await.id;
    let mut tasks = JoinSet::new();
    for turn in 0..40 {
        let records = if turn % 2 == 0 { keeper.records.clone() } else { keeper.again() };
        let change =
            AccountCommand::Change(alice, if turn % 3 == 0 { DISABLE } else { AccountChange::Enable { reason: None } });
        tasks.spawn(async move { records.apply_deferred(&change, &story(at(1))).await.unwrap().expect("it is there") });
    }
    let mut made = tasks.join_all().await;
    made.sort_by_key(|altered| altered.account.version);
    let open = keeper.open().await;
    let ids = |all: &mut dyn Iterator<Item = EffectsId>| all.collect::<Vec<_>>();
    assert_eq!(
        ids(&mut open.iter().map(|left| left.id)),
        ids(&mut made.iter().map(|altered| altered.effects.id)),
        "in the order of the changes"
    );
}

async fn records_can_be_asked_whether_they_answer(keeper: Keeper) {
    keeper.records.ping().await.unwrap();
    assert!(keeper.facts().await.is_empty(), "to ask leaves nothing");
}
