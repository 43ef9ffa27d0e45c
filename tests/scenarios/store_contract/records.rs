//! What follows from a change of an account is kept with the records, from the step that made the change until it is done.
//! Told against records alone: sessions are somewhere else.

mod fixture;

use portcullis::{
    account::{AccountChange, AccountCommand, PasswordUpdate, Role},
    audit::{AuditEvent, AuditTrailQuery, TrailOrder},
    id::{SessionId, UserId},
    session::{EndReason, EndRecord, EndTarget, SecretRenewal},
    store::{EffectsId, LiveEffects, SessionEffect},
};
use tokio::task::JoinSet;

use fixture::RecordsFixture;

use super::fixtures::{DISABLE, at, audit_context, digest, password_hash};

/// Makes a test of each story on each keeper of records.
macro_rules! contract_tests {
    ($($test:ident)*) => {
        mod in_a_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(super::RecordsFixture::in_a_file()).await;
            })*
        }

        mod in_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(super::RecordsFixture::in_redis().await).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(super::RecordsFixture::in_memory()).await;
            })*
        }
    };
}

contract_tests! {
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

/// What is kept is what was answered, but for whom it tells.
fn assert_same_effects(kept: &LiveEffects, answered: &LiveEffects) {
    assert_eq!((kept.id, kept.user, &kept.snapshot), (answered.id, answered.user, &answered.snapshot));
    assert_eq!(format!("{:?}", kept.sessions), format!("{:?}", answered.sessions));
}

/// Which sessions end, and how.
fn ended_sessions(consequence: &LiveEffects) -> (EndTarget, &EndRecord) {
    match &consequence.sessions {
        SessionEffect::End(which, end_record) => (*which, end_record),
        other => panic!("nothing ends: {other:?}"),
    }
}

fn renewal(of: UserId) -> SecretRenewal {
    SecretRenewal { id: SessionId::mint(of), current: digest(), new: digest(), grace_until: at(9) }
}

fn password_change(of: UserId, was: Option<&str>, renewal: &SecretRenewal, end_others: bool) -> AccountCommand {
    let (was, renewal) = (was.map(password_hash), renewal.clone());
    AccountCommand::Password(
        of,
        PasswordUpdate::Changed { hash: password_hash("new"), expected: was, renewal, keep_device: None, end_others },
    )
}

async fn disabling_leaves_the_end_of_all_sessions(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await;
    let disable = AccountChange::Disable { reason: Some("left".to_owned()) };
    let altered = fixture.apply(AccountCommand::Change(alice.id, disable), at(2)).await.expect("it is there");
    assert!(altered.account.disabled && altered.account.version > alice.version);
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert_eq!((left.user, left.snapshot.as_ref()), (alice.id, Some(&altered.account.snapshot())));
    let (which, end_record) = ended_sessions(&left);
    assert_eq!((which, &end_record.end_reason), (EndTarget::AllOf(alice.id), &EndReason::AccountDisabled));
    assert_eq!((end_record.reason.as_deref(), &end_record.context), (Some("left"), &audit_context(at(2))));
}

async fn enabling_leaves_what_the_user_may_do(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await;
    let altered = fixture
        .apply(AccountCommand::Change(alice.id, AccountChange::Enable { reason: None }), at(2))
        .await
        .expect("it is there");
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert_eq!(left.snapshot, Some(altered.account.snapshot()));
    assert!(matches!(left.sessions, SessionEffect::Keep));
}

async fn new_roles_leave_what_the_user_may_do(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await;
    let guest = AccountChange::SetRoles(vec![Role::new("guest").unwrap()]);
    let altered = fixture.apply(AccountCommand::Change(alice.id, guest), at(2)).await.expect("it is there");
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert_eq!(left.snapshot.expect("it has changed").roles, ["guest"]);
    assert!(matches!(left.sessions, SessionEffect::Keep));
}

async fn removing_leaves_nobody(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await;
    let removed =
        fixture.apply(AccountCommand::Change(alice.id, AccountChange::Remove), at(2)).await.expect("it was there");
    assert_eq!(removed.account, alice, "as it was");
    assert_eq!(fixture.records.get(alice.id).await.unwrap(), None);
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &removed.effects);
    assert_eq!(left.snapshot, Some(alice.removed_snapshot(at(2))));
    assert_eq!(ended_sessions(&left).0, EndTarget::AllOf(alice.id));
}

async fn a_password_that_is_set_leaves_the_end_of_all_sessions(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await;
    let set = AccountCommand::Password(alice.id, PasswordUpdate::Set(password_hash("new")));
    let altered = fixture.apply(set, at(2)).await.expect("it is there");
    assert_eq!(altered.account.password_set, Some(at(2)));
    assert_eq!(fixture.records.password_hash(alice.id).await.unwrap(), Some(password_hash("new")));
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert_eq!(left.snapshot, None, "what they may do has not changed");
    let (which, end_record) = ended_sessions(&left);
    assert_eq!(
        (which, &end_record.end_reason, &end_record.context),
        (EndTarget::AllOf(alice.id), &EndReason::PasswordChanged, &audit_context(at(2)))
    );
}

async fn a_password_that_is_changed_leaves_what_was_asked_for(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let renewal = renewal(alice);
    let altered = fixture.apply(password_change(alice, None, &renewal, false), at(1)).await.expect("it is there");
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert!(matches!(left.sessions, SessionEffect::AdvanceGeneration));
    fixture.records.mark_done(left.id).await.unwrap();
    let altered = fixture.apply(password_change(alice, Some("new"), &renewal, true), at(2)).await.expect("it is there");
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert_eq!(ended_sessions(&left).0, EndTarget::AllBut { owner: alice, keep: renewal.id });
}

async fn a_link_that_is_redeemed_leaves_the_end_of_all_sessions(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let link = fixture.put_link(alice).await;
    let altered = fixture.apply(AccountCommand::Redeem(link, password_hash("new")), at(2)).await.expect("it is good");
    assert_eq!(altered.account.id, alice);
    let left = fixture.single_effect().await;
    assert_same_effects(&left, &altered.effects);
    assert_eq!((left.snapshot.as_ref(), ended_sessions(&left).0), (None, EndTarget::AllOf(alice)));
}

async fn what_follows_is_there_for_whoever_comes_later(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let altered = fixture.apply(AccountCommand::Change(alice, DISABLE), at(2)).await.expect("it is there");
    let later = fixture.reopened().pending_effects(at(3)).await.unwrap();
    assert_eq!(later.len(), 1);
    assert_same_effects(&later[0], &altered.effects);
    fixture.reopened().mark_done(later[0].id).await.unwrap();
    assert!(fixture.pending_effects().await.is_empty());
}

async fn what_is_done_is_gone(fixture: RecordsFixture) {
    let (alice, bob) = (fixture.add_account("alice").await.id, fixture.add_account("bob").await.id);
    let alices = fixture.apply(AccountCommand::Change(alice, DISABLE), at(1)).await.expect("it is there").effects;
    let bobs = fixture.apply(AccountCommand::Change(bob, DISABLE), at(1)).await.expect("it is there").effects;
    // Whoever does not know whether it was told tells it again.
    for _ in 0..2 {
        fixture.records.mark_done(alices.id).await.unwrap();
    }
    fixture.records.mark_done(EffectsId::mint()).await.unwrap();
    assert_same_effects(&fixture.single_effect().await, &bobs);
}

async fn what_has_just_been_made_is_left_to_whoever_made_it(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    fixture.apply(AccountCommand::Change(alice, DISABLE), at(5)).await.expect("it is there");
    assert!(fixture.records.pending_effects(at(5)).await.unwrap().is_empty());
    assert_eq!(fixture.records.pending_effects(at(6)).await.unwrap().len(), 1);
}

async fn of_one_user_in_the_order_of_the_changes(fixture: RecordsFixture) {
    let (alice, bob) = (fixture.add_account("alice").await.id, fixture.add_account("bob").await.id);
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
        let altered = fixture.apply(AccountCommand::Change(id, change), at(second)).await.expect("it is there");
        made.push(altered.effects.id);
    }
    let open = fixture.pending_effects().await;
    let of = |user: UserId| open.iter().filter(move |left| left.user == user).map(|left| left.id).collect::<Vec<_>>();
    assert_eq!(of(alice), [made[0], made[2], made[3], made[5]]);
    assert_eq!(of(bob), [made[1], made[4]]);
    fixture.records.mark_done(made[5]).await.unwrap();
    let altered = fixture.apply(AccountCommand::Change(bob, DISABLE), at(6)).await.expect("it is there");
    assert_eq!(fixture.pending_effects().await.last().map(|left| left.id), Some(altered.effects.id));
}

async fn a_password_that_is_another_by_now_leaves_nothing(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let told = fixture.audit_events().await;
    assert!(fixture.apply(password_change(alice, Some("old"), &renewal(alice), true), at(1)).await.is_none());
    assert!(fixture.pending_effects().await.is_empty());
    assert_eq!((fixture.audit_events().await, fixture.records.password_hash(alice).await.unwrap()), (told, None));
}

async fn a_change_of_nobody_leaves_nothing(fixture: RecordsFixture) {
    let nobody = UserId::mint();
    for change in
        [DISABLE, AccountChange::Enable { reason: None }, AccountChange::Remove, AccountChange::SetRoles(vec![])]
    {
        assert!(fixture.apply(AccountCommand::Change(nobody, change), at(1)).await.is_none());
    }
    assert!(
        fixture
            .apply(AccountCommand::Password(nobody, PasswordUpdate::Set(password_hash("new"))), at(1))
            .await
            .is_none()
    );
    assert!(fixture.apply(password_change(nobody, None, &renewal(nobody), true), at(1)).await.is_none());
    assert!(fixture.pending_effects().await.is_empty() && fixture.audit_events().await.is_empty());
    assert_eq!(fixture.records.password_hash(nobody).await.unwrap(), None);
}

async fn a_used_link_leaves_nothing(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let link = fixture.put_link(alice).await;
    let redeemed = fixture.apply(AccountCommand::Redeem(link, password_hash("new")), at(1)).await.expect("it is good");
    fixture.records.mark_done(redeemed.effects.id).await.unwrap();
    let told = fixture.audit_events().await;
    let late = fixture.put_link(alice).await;
    for (link, at) in [(link, at(2)), (digest(), at(2)), (late, at(100))] {
        assert!(fixture.apply(AccountCommand::Redeem(link, password_hash("again")), at).await.is_none());
    }
    assert!(fixture.pending_effects().await.is_empty());
    assert_eq!(fixture.audit_events().await, [&told[..], &[AuditEvent::LinkMade]].concat());
    assert_eq!(fixture.records.password_hash(alice).await.unwrap(), Some(password_hash("new")));
}

async fn of_many_who_use_a_link_at_once_one_leaves_something(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let link = fixture.put_link(alice).await;
    let mut tasks = JoinSet::new();
    for turn in 0..10 {
        let records = if turn % 2 == 0 { fixture.records.clone() } else { fixture.reopened() };
        let redeem = AccountCommand::Redeem(link, password_hash(&turn.to_string()));
        tasks.spawn(async move { records.apply_deferred(&redeem, &audit_context(at(1))).await.unwrap().is_some() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|got_in| *got_in).count(), 1);
    assert_eq!(fixture.single_effect().await.user, alice);
}

async fn the_journal_tells_the_change_and_no_more(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    fixture.apply(AccountCommand::Change(alice, DISABLE), at(1)).await;
    fixture.apply(AccountCommand::Change(alice, AccountChange::Enable { reason: None }), at(2)).await;
    fixture.apply(AccountCommand::Change(alice, AccountChange::SetRoles(vec![])), at(3)).await;
    fixture.apply(AccountCommand::Password(alice, PasswordUpdate::Set(password_hash("new"))), at(4)).await;
    fixture.apply(password_change(alice, Some("new"), &renewal(alice), true), at(5)).await;
    let link = fixture.put_link(alice).await;
    fixture.apply(AccountCommand::Redeem(link, password_hash("third")), at(6)).await;
    fixture.apply(AccountCommand::Change(alice, AccountChange::Remove), at(7)).await;
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
    assert_eq!(fixture.audit_events().await, told);
    let newest = AuditTrailQuery { user: Some(alice), order: TrailOrder::NewestFirst, after: None, limit: 1 };
    let entry = fixture.records.trail(&newest).await.unwrap().entries.remove(0);
    let said = audit_context(at(7));
    assert_eq!((entry.at, entry.actor, entry.ip, entry.device), (said.at, said.actor, said.ip, said.device));
}

async fn a_new_secret_is_answered_and_not_kept(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let renewal = renewal(alice);
    let altered = fixture.apply(password_change(alice, None, &renewal, true), at(1)).await.expect("it is there");
    let answered = altered.effects.renewal.expect("whoever asked is told");
    assert_eq!((answered.id, answered.current, answered.new), (renewal.id, renewal.current, renewal.new));
    assert!(fixture.single_effect().await.renewal.is_none());
}

async fn changes_at_once_each_leave_one(fixture: RecordsFixture) {
    let alice = fixture.add_account("alice").await.id;
    let mut tasks = JoinSet::new();
    for turn in 0..40 {
        let records = if turn % 2 == 0 { fixture.records.clone() } else { fixture.reopened() };
        let change =
            AccountCommand::Change(alice, if turn % 3 == 0 { DISABLE } else { AccountChange::Enable { reason: None } });
        tasks.spawn(async move {
            records.apply_deferred(&change, &audit_context(at(1))).await.unwrap().expect("it is there")
        });
    }
    let mut made = tasks.join_all().await;
    made.sort_by_key(|altered| altered.account.version);
    let open = fixture.pending_effects().await;
    let ids = |all: &mut dyn Iterator<Item = EffectsId>| all.collect::<Vec<_>>();
    assert_eq!(
        ids(&mut open.iter().map(|left| left.id)),
        ids(&mut made.iter().map(|altered| altered.effects.id)),
        "in the order of the changes"
    );
}

async fn records_can_be_asked_whether_they_answer(fixture: RecordsFixture) {
    fixture.records.ping().await.unwrap();
    assert!(fixture.audit_events().await.is_empty(), "to ask leaves nothing");
}
