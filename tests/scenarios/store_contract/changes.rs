//! How accounts change, with all that follows from it in the same step.

use portcullis::{
    account::{AccountChange, PasswordUpdate, Role},
    audit::AuditEvent,
    id::{SessionId, UserId},
    session::{EndReason, Opened, SecretRenewal},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    disabling_is_one_step
    enabling_lets_in_again_and_brings_nothing_back
    new_roles_count_from_the_next_look_on
    removing_is_one_step
    a_change_of_nobody_tells_nothing
    a_password_ends_renews_and_tells_in_one_step
    a_password_that_is_not_replaced_ends_and_tells_nothing
    a_password_set_ends_a_sign_in_under_way
    a_link_that_is_redeemed_ends_what_the_old_password_opened
    a_hash_is_renewed_only_while_it_is_the_same
    a_device_is_known_to_whoever_signed_in_from_it
    devices_are_forgotten_by_age
    of_too_many_devices_the_longest_unused_are_forgotten
    a_password_forgets_the_devices_that_the_old_one_made_known
    disabling_forgets_devices
    a_password_that_ends_nothing_ends_a_sign_in_under_way
}

async fn disabling_is_one_step(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let session = open_session(&*stores.sessions, alice, at(1)).await.session;
    let under_way = new_session(alice, at(1), 0);
    let before = audit_entries(&stores).await.len();
    let disable = AccountChange::Disable { reason: Some("left".to_owned()) };
    let changed =
        stores.accounts.change(alice, &disable, &audit_context(at(2))).await.unwrap().value.expect("it is there");
    assert!(changed.account.disabled);
    assert_eq!(changed.ended, std::slice::from_ref(&session));
    assert!(stores.sessions.find(session.id).await.unwrap().is_none());
    assert_eq!(stores.sessions.open(under_way).await.unwrap(), Opened::GenerationChanged);
    let again = stores.sessions.put_user_snapshot(&changed.account.snapshot()).await.unwrap();
    assert_eq!(stores.sessions.open(new_session(alice, at(3), again)).await.unwrap(), Opened::GenerationChanged);
    let facts: Vec<_> = audit_entries(&stores).await.split_off(before).into_iter().map(|entry| entry.event).collect();
    let ended = AuditEvent::SessionEnded {
        session: session.id,
        end_reason: EndReason::AccountDisabled,
        reason: Some("left".to_owned()),
    };
    assert_eq!(facts, [AuditEvent::UserDisabled { reason: Some("left".to_owned()) }, ended]);
}

async fn enabling_lets_in_again_and_brings_nothing_back(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let gone = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    change_account(&stores, alice, DISABLE).await;
    let account = change_account(&stores, alice, AccountChange::Enable { reason: None }).await.expect("it is there");
    assert!(!account.disabled);
    assert!(stores.sessions.find(gone).await.unwrap().is_none());
    let generation = stores.sessions.put_user_snapshot(&account.snapshot()).await.unwrap();
    let opened = stores.sessions.open(new_session(alice, at(3), generation)).await.unwrap();
    assert_eq!(opened, Opened::Yes { replaced: None, evicted: vec![] });
    assert_eq!(audit_events(&stores).await.iter().filter(|name| **name == "user_enabled").count(), 1);
}

async fn new_roles_count_from_the_next_look_on(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    change_account(&stores, alice, AccountChange::SetRoles(vec![Role::new("guest").unwrap()])).await;
    assert_eq!(stores.sessions.find(id).await.unwrap().expect("it stays").user.roles, ["guest"]);
    let fact = audit_entries(&stores).await.pop().expect("it is told").event;
    assert_eq!(fact, AuditEvent::RolesChanged { roles: vec!["guest".to_owned()] });
}

async fn removing_is_one_step(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let session = open_session(&*stores.sessions, alice, at(1)).await.session;
    let removed = stores
        .accounts
        .change(alice, &AccountChange::Remove, &audit_context(at(2)))
        .await
        .unwrap()
        .value
        .expect("it was there");
    assert_eq!((removed.account.id, removed.ended.as_slice()), (alice, std::slice::from_ref(&session)));
    assert!(stores.accounts.get(alice).await.unwrap().is_none());
    assert!(stores.sessions.find(session.id).await.unwrap().is_none());
    let generation = stores.sessions.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap();
    assert_eq!(stores.sessions.open(new_session(alice, at(3), generation)).await.unwrap(), Opened::GenerationChanged);
    assert_eq!(audit_events(&stores).await.split_off(2), ["user_removed", "session_ended"]);
}

async fn a_change_of_nobody_tells_nothing(stores: ContractStores) {
    for nothing in
        [DISABLE, AccountChange::Enable { reason: None }, AccountChange::Remove, AccountChange::SetRoles(vec![])]
    {
        assert_eq!(change_account(&stores, UserId::mint(), nothing).await, None);
    }
    assert!(audit_entries(&stores).await.is_empty());
}

async fn a_password_ends_renews_and_tells_in_one_step(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let keep = open_session(&*stores.sessions, alice, at(1)).await;
    let other = open_session(&*stores.sessions, alice, at(2)).await.session;
    let before = audit_entries(&stores).await.len();
    let fresh = digest();
    let renewal = SecretRenewal { id: keep.session.id, current: keep.secret, new: fresh, grace_until: at(13) };
    let new = PasswordUpdate::Changed {
        hash: password_hash("new"),
        expected: None,
        renewal,
        keep_device: None,
        end_others: true,
    };
    let changed =
        stores.accounts.set_password(alice, &new, &audit_context(at(3))).await.unwrap().value.expect("it is set");
    assert_eq!((changed.ended.as_slice(), changed.renewed), (std::slice::from_ref(&other), true));
    assert_eq!(changed.account.password_set, Some(at(3)));
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), Some(password_hash("new")));
    assert_eq!(stores.sessions.find(keep.session.id).await.unwrap().expect("it stays").secrets.current, fresh);
    assert!(stores.sessions.find(other.id).await.unwrap().is_none());
    let facts: Vec<_> = audit_entries(&stores).await.split_off(before).into_iter().map(|entry| entry.event).collect();
    let ended = AuditEvent::SessionEnded { session: other.id, end_reason: EndReason::PasswordChanged, reason: None };
    assert_eq!(facts, [AuditEvent::PasswordChanged, ended]);
}

async fn a_password_that_is_not_replaced_ends_and_tells_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    assert!(set_password(&stores, alice, "a", at(1)).await);
    let generation = stores.sessions.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap();
    let new = new_session(alice, at(2), generation);
    stores.sessions.open(new.clone()).await.unwrap();
    let before = audit_events(&stores).await;
    assert!(!change_password(&stores, alice, "another", "b", at(3)).await);
    assert!(stores.sessions.find(new.session.id).await.unwrap().is_some());
    assert_eq!(audit_events(&stores).await, before);
}

async fn a_password_set_ends_a_sign_in_under_way(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let under_way = new_session(alice, at(1), 0);
    assert!(set_password(&stores, alice, "a", at(2)).await);
    assert_eq!(stores.sessions.open(under_way).await.unwrap(), Opened::GenerationChanged);
}

async fn a_link_that_is_redeemed_ends_what_the_old_password_opened(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let session = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let link = digest();
    assert!(put_link(&stores, alice, link, at(100)).await);
    assert_eq!(redeem_link(&stores, link, "a", at(2)).await, Some(alice));
    assert!(stores.sessions.find(session).await.unwrap().is_none());
    assert_eq!(audit_events(&stores).await.split_off(2), ["link_made", "password_set", "session_ended"]);
}

async fn a_hash_is_renewed_only_while_it_is_the_same(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let link = digest();
    set_password(&stores, alice, "a", at(1)).await;
    put_link(&stores, alice, link, at(100)).await;
    let before = audit_events(&stores).await;
    assert!(stores.accounts.rehash(alice, &password_hash("a"), &password_hash("a again")).await.unwrap());
    assert!(!stores.accounts.rehash(alice, &password_hash("a"), &password_hash("late")).await.unwrap());
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), Some(password_hash("a again")));
    assert_eq!(stores.accounts.link_user(link, at(2)).await.unwrap(), Some(alice), "to its owner nothing has changed");
    assert_eq!(audit_events(&stores).await, before);
}

async fn devices_are_forgotten_by_age(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let (old, used) = (digest(), digest());
    stores.accounts.register_device(alice, None, old, 20, at(1)).await.unwrap();
    let kept = stores.accounts.register_device(alice, None, used, 20, at(1)).await.unwrap();
    stores.accounts.register_device(alice, Some(used), digest(), 20, at(9)).await.unwrap();
    stores.accounts.forget_devices(at(5)).await.unwrap();
    assert_eq!(stores.accounts.known_device(alice, old).await.unwrap(), None);
    assert_eq!(stores.accounts.device_ids(alice).await.unwrap(), [kept.id]);
}

async fn a_device_is_known_to_whoever_signed_in_from_it(stores: ContractStores) {
    let (alice, bob) = (add_account(&stores, "alice").await, add_account(&stores, "bob").await);
    let cookie = digest();
    let met = stores.accounts.register_device(alice, None, cookie, 20, at(1)).await.unwrap();
    assert_eq!(stores.accounts.known_device(alice, cookie).await.unwrap(), Some(met.id));
    assert_eq!(stores.accounts.known_device(bob, cookie).await.unwrap(), None);
    assert_eq!(stores.accounts.known_device(alice, digest()).await.unwrap(), None);
}

async fn of_too_many_devices_the_longest_unused_are_forgotten(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let mut ids = Vec::new();
    for second in 1..=5 {
        ids.insert(0, stores.accounts.register_device(alice, None, digest(), 3, at(second)).await.unwrap().id);
    }
    assert_eq!(stores.accounts.device_ids(alice).await.unwrap(), ids[..3]);
}

async fn a_password_forgets_the_devices_that_the_old_one_made_known(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let acting = digest();
    for device in [acting, digest(), digest()] {
        stores.accounts.register_device(alice, None, device, 20, at(1)).await.unwrap();
    }
    let renewal = SecretRenewal { id: SessionId::mint(alice), current: digest(), new: digest(), grace_until: at(1) };
    let new = PasswordUpdate::Changed {
        hash: password_hash("a"),
        expected: None,
        renewal,
        keep_device: Some(acting),
        end_others: false,
    };
    stores.accounts.set_password(alice, &new, &audit_context(at(2))).await.unwrap().value.expect("it is set");
    assert!(stores.accounts.known_device(alice, acting).await.unwrap().is_some());
    assert_eq!(stores.accounts.device_ids(alice).await.unwrap().len(), 1);
    assert!(set_password(&stores, alice, "b", at(3)).await);
    assert!(stores.accounts.device_ids(alice).await.unwrap().is_empty());
}

async fn disabling_forgets_devices(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    stores.accounts.register_device(alice, None, digest(), 20, at(1)).await.unwrap();
    change_account(&stores, alice, DISABLE).await;
    change_account(&stores, alice, AccountChange::Enable { reason: None }).await;
    assert!(stores.accounts.device_ids(alice).await.unwrap().is_empty());
}

async fn a_password_that_ends_nothing_ends_a_sign_in_under_way(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let (keep, other) =
        (open_session(&*stores.sessions, alice, at(1)).await, open_session(&*stores.sessions, alice, at(1)).await);
    let under_way = new_session(alice, at(1), 0);
    assert!(renew_secret(&stores, keep.session.id, keep.secret, digest(), at(9)).await);
    assert_eq!(stores.sessions.open(under_way).await.unwrap(), Opened::GenerationChanged);
    for stays in [keep.session.id, other.session.id] {
        assert!(stores.sessions.find(stays).await.unwrap().is_some());
    }
}
