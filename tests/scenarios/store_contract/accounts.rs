//! Who may sign in, and the devices they have used.

use std::sync::Arc;

use portcullis::{
    account::{Account, AccountChange, AddResult, Role, UserQuery, fold},
    id::UserId,
};
use tokio::task::JoinSet;

use super::{ContractStores, fixtures::*};

contract_tests! {
    an_account_is_read_back_whole
    an_account_signs_in_with_its_name_or_its_address
    nobody_is_none
    accounts_are_listed_by_name
    accounts_are_listed_a_slice_at_a_time
    a_name_is_taken_once
    an_address_is_taken_once
    accounts_without_an_address_do_not_collide
    of_many_who_take_a_name_at_once_one_gets_it
    a_change_raises_the_version
    a_change_of_nobody_is_none
    a_removed_account_leaves_nothing
    removing_one_account_leaves_the_others
    a_device_is_counted
    an_unknown_device_is_kept_under_its_fresh_secret
    a_device_is_known_to_one_user_only
    sign_ins_from_one_device_at_once_are_all_counted
    a_device_of_nobody_is_not_kept
}

async fn an_account_is_read_back_whole(stores: ContractStores) {
    let alice = Account { password_set: Some(at(9)), disabled: true, ..account("Alice", Some("Alice@Example.com")) };
    assert_eq!(stores.accounts.add(&alice, &audit_context(at(0))).await.unwrap(), AddResult::Added);
    assert_eq!(stores.accounts.get(alice.id).await.unwrap(), Some(alice.clone()));
    assert_eq!(stores.accounts.list().await.unwrap(), [alice]);
    let bare = Account { display_name: None, email: None, roles: vec![], ..account("bob", None) };
    assert_eq!(stores.accounts.add(&bare, &audit_context(at(0))).await.unwrap(), AddResult::Added);
    assert_eq!(stores.accounts.get(bare.id).await.unwrap(), Some(bare));
}

async fn an_account_signs_in_with_its_name_or_its_address(stores: ContractStores) {
    let alice = account("Ána María", Some("Ana@Example.com"));
    stores.accounts.add(&alice, &audit_context(at(0))).await.unwrap();
    stores.accounts.add(&account("bob", Some("bob@example.com")), &audit_context(at(0))).await.unwrap();
    for login in ["Ána María", " ÁNA MARÍA ", "ana@example.com", "ANA@example.COM"] {
        assert_eq!(stores.accounts.by_key(&fold(login)).await.unwrap().as_ref(), Some(&alice), "{login}");
    }
}

async fn nobody_is_none(stores: ContractStores) {
    stores.accounts.add(&account("alice", None), &audit_context(at(0))).await.unwrap();
    for login in ["", "alic", "alice2", "%", "alice@example.com"] {
        assert_eq!(stores.accounts.by_key(login).await.unwrap(), None, "{login}");
    }
    let nobody = UserId::mint();
    assert_eq!(stores.accounts.get(nobody).await.unwrap(), None);
    assert_eq!(stores.accounts.password_hash(nobody).await.unwrap(), None);
    assert_eq!(change_account(&stores, nobody, AccountChange::Remove).await, None);
}

async fn accounts_are_listed_by_name(stores: ContractStores) {
    for name in ["carol", "Bob", "alice"] {
        add_account(&stores, name).await;
    }
    let names: Vec<String> =
        stores.accounts.list().await.unwrap().iter().map(|account| account.name.to_string()).collect();
    assert_eq!(names, ["alice", "Bob", "carol"]);
}

async fn a_name_is_taken_once(stores: ContractStores) {
    add_account(&stores, "Alice").await;
    let second = account("aLICE", Some("other@example.com"));
    assert_eq!(stores.accounts.add(&second, &audit_context(at(0))).await.unwrap(), AddResult::NameTaken);
    assert_eq!(stores.accounts.get(second.id).await.unwrap(), None);
    assert_eq!(stores.accounts.by_key("other@example.com").await.unwrap(), None);
}

async fn an_address_is_taken_once(stores: ContractStores) {
    stores.accounts.add(&account("alice", Some("alice@example.com")), &audit_context(at(0))).await.unwrap();
    let second = account("bob", Some("ALICE@example.com"));
    assert_eq!(stores.accounts.add(&second, &audit_context(at(0))).await.unwrap(), AddResult::EmailTaken);
    assert_eq!(stores.accounts.by_key("bob").await.unwrap(), None);
}

async fn accounts_without_an_address_do_not_collide(stores: ContractStores) {
    add_account(&stores, "alice").await;
    add_account(&stores, "bob").await;
    assert_eq!(stores.accounts.list().await.unwrap().len(), 2);
}

async fn of_many_who_take_a_name_at_once_one_gets_it(stores: ContractStores) {
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let accounts = Arc::clone(&stores.accounts);
        tasks.spawn(async move {
            accounts.add(&account("alice", Some("alice@example.com")), &audit_context(at(0))).await.unwrap()
        });
    }
    let added = tasks.join_all().await.into_iter().filter(|added| *added == AddResult::Added).count();
    assert_eq!((added, stores.accounts.list().await.unwrap().len()), (1, 1));
}

async fn a_change_raises_the_version(stores: ContractStores) {
    let id = add_account(&stores, "alice").await;
    let disabled = change_account(&stores, id, DISABLE).await.expect("it is there");
    assert!(disabled.disabled && disabled.version > 1);
    let roles = vec![Role::new("auditor").unwrap()];
    let changed = change_account(&stores, id, AccountChange::SetRoles(roles.clone())).await.expect("it is there");
    assert!(changed.disabled && changed.version > disabled.version);
    assert_eq!(changed.roles, roles);
    assert_eq!(stores.accounts.get(id).await.unwrap(), Some(changed));
    let enabled = change_account(&stores, id, AccountChange::Enable { reason: None }).await.expect("it is there");
    assert!(!enabled.disabled);
}

async fn a_change_of_nobody_is_none(stores: ContractStores) {
    add_account(&stores, "alice").await;
    assert_eq!(change_account(&stores, UserId::mint(), DISABLE).await, None);
    assert!(!stores.accounts.list().await.unwrap()[0].disabled);
}

async fn a_removed_account_leaves_nothing(stores: ContractStores) {
    let alice = account("alice", Some("alice@example.com"));
    let (link, cookie) = (digest(), digest());
    stores.accounts.add(&alice, &audit_context(at(0))).await.unwrap();
    set_password(&stores, alice.id, "a", at(1)).await;
    put_link(&stores, alice.id, link, at(100)).await;
    stores.accounts.register_device(alice.id, None, cookie, 20, at(1)).await.unwrap();
    let removed = change_account(&stores, alice.id, AccountChange::Remove).await.expect("it was there");
    assert_eq!((removed.id, removed.password_set), (alice.id, Some(at(1))));
    assert_eq!(stores.accounts.get(alice.id).await.unwrap(), None);
    assert_eq!(stores.accounts.by_key("alice").await.unwrap(), None);
    assert_eq!(stores.accounts.password_hash(alice.id).await.unwrap(), None);
    assert_eq!(stores.accounts.link_user(link, at(2)).await.unwrap(), None);
    assert_eq!(redeem_link(&stores, link, "b", at(2)).await, None);
    // Were it ever added again under this id, it would begin with nothing.
    assert_eq!(
        stores.accounts.add(&alice, &audit_context(at(0))).await.unwrap(),
        AddResult::Added,
        "name and address are free again"
    );
    assert_eq!(stores.accounts.password_hash(alice.id).await.unwrap(), None);
    assert!(!stores.accounts.register_device(alice.id, Some(cookie), digest(), 20, at(3)).await.unwrap().was_known);
}

async fn removing_one_account_leaves_the_others(stores: ContractStores) {
    let (alice, bob) = (add_account(&stores, "alice").await, add_account(&stores, "bob").await);
    set_password(&stores, bob, "b", at(1)).await;
    change_account(&stores, alice, AccountChange::Remove).await.expect("it was there");
    assert_eq!(stores.accounts.password_hash(bob).await.unwrap(), Some(password_hash("b")));
}

async fn a_device_is_counted(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let cookie = digest();
    let first = stores.accounts.register_device(alice, None, cookie, 20, at(1)).await.unwrap();
    assert_eq!((first.sign_ins, first.was_known), (1, false));
    let unused = digest();
    let second = stores.accounts.register_device(alice, Some(cookie), unused, 20, at(2)).await.unwrap();
    assert_eq!((second.id, second.sign_ins, second.was_known), (first.id, 2, true));
    let by_unused = stores.accounts.register_device(alice, Some(unused), digest(), 20, at(3)).await.unwrap();
    assert!(!by_unused.was_known, "a fresh secret that was not needed opens nothing");
}

async fn an_unknown_device_is_kept_under_its_fresh_secret(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let (forged, fresh) = (digest(), digest());
    let first = stores.accounts.register_device(alice, Some(forged), fresh, 20, at(1)).await.unwrap();
    assert!(!first.was_known);
    assert!(!stores.accounts.register_device(alice, Some(forged), digest(), 20, at(2)).await.unwrap().was_known);
    let again = stores.accounts.register_device(alice, Some(fresh), digest(), 20, at(2)).await.unwrap();
    assert_eq!((again.id, again.sign_ins, again.was_known), (first.id, 2, true));
}

async fn a_device_is_known_to_one_user_only(stores: ContractStores) {
    let (alice, bob) = (add_account(&stores, "alice").await, add_account(&stores, "bob").await);
    let cookie = digest();
    let alices = stores.accounts.register_device(alice, None, cookie, 20, at(1)).await.unwrap();
    let bobs = stores.accounts.register_device(bob, Some(cookie), digest(), 20, at(2)).await.unwrap();
    assert!(!bobs.was_known && bobs.sign_ins == 1 && bobs.id != alices.id);
}

async fn sign_ins_from_one_device_at_once_are_all_counted(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let cookie = digest();
    stores.accounts.register_device(alice, None, cookie, 20, at(1)).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let accounts = Arc::clone(&stores.accounts);
        tasks.spawn(async move {
            accounts.register_device(alice, Some(cookie), digest(), 20, at(2)).await.unwrap().sign_ins
        });
    }
    let mut counts = tasks.join_all().await;
    counts.sort_unstable();
    assert_eq!(counts, (2..=41).collect::<Vec<_>>());
}

async fn a_device_of_nobody_is_not_kept(stores: ContractStores) {
    let (nobody, cookie) = (UserId::mint(), digest());
    assert!(!stores.accounts.register_device(nobody, None, cookie, 20, at(1)).await.unwrap().was_known);
    assert!(!stores.accounts.register_device(nobody, Some(cookie), digest(), 20, at(1)).await.unwrap().was_known);
}

async fn accounts_are_listed_a_slice_at_a_time(stores: ContractStores) {
    for name in ["eve", "al", "Alice", "bob", "alice b"] {
        stores.accounts.add(&account(name, None), &audit_context(at(0))).await.unwrap();
    }
    let all = stores.accounts.list().await.unwrap();
    for limit in [1, 2, 4, 5, 6] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let slice = stores.accounts.list_slice(&UserQuery { after, limit }).await.unwrap();
            assert!(slice.items.len() <= limit && !slice.items.is_empty());
            seen.extend(slice.items);
            after = slice.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "{limit} at once");
    }
}
