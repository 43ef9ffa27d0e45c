//! Passwords, and the one-time links that set them.

use portcullis::{account::AccountChange, id::UserId};
use tokio::task::JoinSet;

use super::{ContractStores, fixtures::*};

contract_tests! {
    a_password_is_replaced
    a_rehash_never_undoes_a_change
    a_first_password_is_not_a_rehash
    nobody_gets_a_password
    a_new_password_kills_open_links
    a_rehash_that_is_refused_kills_nothing
    a_link_sets_the_password_once
    a_link_is_good_until_it_expires
    an_unknown_link_is_none
    a_new_link_kills_the_earlier_one
    looking_at_a_link_does_not_use_it_up
    disabling_kills_links
    the_link_of_a_disabled_account_rests
    a_link_of_nobody_is_not_kept
    links_and_devices_of_the_future_are_moved_back
    of_two_who_redeem_a_link_at_once_one_gets_in
}

async fn a_password_is_replaced(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), None);
    for (second, word) in [(1, "a"), (2, "b")] {
        assert!(set_password(&stores, alice, word, at(second)).await);
        assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), Some(password_hash(word)));
        let account = stores.accounts.get(alice).await.unwrap().expect("it is there");
        assert_eq!(account.password_set, Some(at(second)));
        assert!(account.version > second, "a new password is a change of the account");
    }
}

async fn a_rehash_never_undoes_a_change(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    set_password(&stores, alice, "a", at(1)).await;
    assert!(change_password(&stores, alice, "a", "a again", at(2)).await);
    set_password(&stores, alice, "changed", at(3)).await;
    assert!(!change_password(&stores, alice, "a", "a again", at(4)).await);
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), Some(password_hash("changed")));
    assert_eq!(stores.accounts.get(alice).await.unwrap().expect("it is there").password_set, Some(at(3)));
}

async fn a_first_password_is_not_a_rehash(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    assert!(!change_password(&stores, alice, "a", "b", at(1)).await);
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), None);
}

async fn nobody_gets_a_password(stores: ContractStores) {
    let nobody = UserId::mint();
    assert!(!set_password(&stores, nobody, "a", at(1)).await);
    assert_eq!(stores.accounts.password_hash(nobody).await.unwrap(), None);
}

async fn a_new_password_kills_open_links(stores: ContractStores) {
    let (alice, bob) = (add_account(&stores, "alice").await, add_account(&stores, "bob").await);
    let (alices, bobs) = (digest(), digest());
    put_link(&stores, alice, alices, at(100)).await;
    put_link(&stores, bob, bobs, at(100)).await;
    set_password(&stores, alice, "a", at(1)).await;
    assert_eq!(stores.accounts.link_user(alices, at(2)).await.unwrap(), None);
    assert_eq!(redeem_link(&stores, alices, "b", at(2)).await, None);
    assert_eq!(stores.accounts.link_user(bobs, at(2)).await.unwrap(), Some(bob));
}

async fn a_rehash_that_is_refused_kills_nothing(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let link = digest();
    put_link(&stores, alice, link, at(100)).await;
    assert!(!change_password(&stores, alice, "a", "b", at(1)).await);
    assert_eq!(stores.accounts.link_user(link, at(2)).await.unwrap(), Some(alice));
}

async fn a_link_sets_the_password_once(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let link = digest();
    put_link(&stores, alice, link, at(100)).await;
    assert_eq!(redeem_link(&stores, link, "first", at(5)).await, Some(alice));
    assert_eq!(redeem_link(&stores, link, "second", at(6)).await, None);
    assert_eq!(stores.accounts.link_user(link, at(6)).await.unwrap(), None);
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), Some(password_hash("first")));
    assert_eq!(stores.accounts.get(alice).await.unwrap().expect("it is there").password_set, Some(at(5)));
}

async fn a_link_is_good_until_it_expires(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let link = digest();
    put_link(&stores, alice, link, at(100)).await;
    assert_eq!(stores.accounts.link_user(link, at(99)).await.unwrap(), Some(alice));
    assert_eq!(stores.accounts.link_user(link, at(100)).await.unwrap(), None);
    assert_eq!(redeem_link(&stores, link, "a", at(100)).await, None);
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), None);
}

async fn an_unknown_link_is_none(stores: ContractStores) {
    add_account(&stores, "alice").await;
    assert_eq!(stores.accounts.link_user(digest(), at(1)).await.unwrap(), None);
    assert_eq!(redeem_link(&stores, digest(), "a", at(1)).await, None);
}

async fn a_new_link_kills_the_earlier_one(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let (earlier, later) = (digest(), digest());
    put_link(&stores, alice, earlier, at(100)).await;
    put_link(&stores, alice, later, at(100)).await;
    assert_eq!(stores.accounts.link_user(earlier, at(1)).await.unwrap(), None);
    assert_eq!(stores.accounts.link_user(later, at(1)).await.unwrap(), Some(alice));
}

async fn looking_at_a_link_does_not_use_it_up(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let link = digest();
    put_link(&stores, alice, link, at(100)).await;
    for _ in 0..3 {
        assert_eq!(stores.accounts.link_user(link, at(1)).await.unwrap(), Some(alice));
    }
    assert_eq!(redeem_link(&stores, link, "a", at(1)).await, Some(alice));
}

async fn disabling_kills_links(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let link = digest();
    put_link(&stores, alice, link, at(100)).await;
    change_account(&stores, alice, DISABLE).await;
    change_account(&stores, alice, AccountChange::Enable { reason: None }).await;
    assert_eq!(stores.accounts.link_user(link, at(1)).await.unwrap(), None);
    assert_eq!(redeem_link(&stores, link, "a", at(1)).await, None);
}

async fn the_link_of_a_disabled_account_rests(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let link = digest();
    change_account(&stores, alice, DISABLE).await;
    put_link(&stores, alice, link, at(100)).await;
    assert_eq!(stores.accounts.link_user(link, at(1)).await.unwrap(), None);
    assert_eq!(redeem_link(&stores, link, "a", at(1)).await, None);
    assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), None);
    change_account(&stores, alice, AccountChange::Enable { reason: None }).await;
    assert_eq!(redeem_link(&stores, link, "a", at(2)).await, Some(alice));
}

async fn a_link_of_nobody_is_not_kept(stores: ContractStores) {
    let link = digest();
    assert!(!put_link(&stores, UserId::mint(), link, at(100)).await);
    assert!(audit_entries(&stores).await.is_empty());
    assert_eq!(stores.accounts.link_user(link, at(1)).await.unwrap(), None);
}

async fn of_two_who_redeem_a_link_at_once_one_gets_in(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    for _ in 0..20 {
        let link = digest();
        put_link(&stores, alice, link, at(100)).await;
        let mut tasks = JoinSet::new();
        for word in ["one", "two"] {
            let stores = stores.clone();
            tasks.spawn(async move { (word, redeem_link(&stores, link, word, at(1)).await) });
        }
        let winners: Vec<&str> =
            tasks.join_all().await.into_iter().filter_map(|(word, got)| got.map(|_| word)).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(stores.accounts.password_hash(alice).await.unwrap(), Some(password_hash(winners[0])));
    }
}

async fn links_and_devices_of_the_future_are_moved_back(stores: ContractStores) {
    let (alice, bob) = (add_account(&stores, "alice").await, add_account(&stores, "bob").await);
    let (ahead, right) = (digest(), digest());
    assert!(stores.accounts.put_link(alice, ahead, at(9_000), &audit_context(at(900))).await.unwrap().value);
    assert!(stores.accounts.put_link(bob, right, at(205), &audit_context(at(100))).await.unwrap().value);
    let (future, past) = (digest(), digest());
    for (device, second) in [(past, 50), (future, 900)] {
        stores.accounts.register_device(alice, None, device, 20, at(second)).await.unwrap();
    }
    // A link that is made now is good until then.
    for (now, until) in [(100, 200), (150, 250)] {
        stores.accounts.clamp(at(now), at(until)).await.unwrap();
        let good = async |link, second| stores.accounts.link_user(link, at(second)).await.unwrap().is_some();
        assert!(good(ahead, 199).await && !good(ahead, 200).await, "{now}");
        assert!(
            good(right, 204).await && !good(right, 205).await,
            "one that is no longer ahead than clocks differ stays"
        );
    }
    let known = async |device| stores.accounts.known_device(alice, device).await.unwrap().is_some();
    stores.accounts.forget_devices(at(100)).await.unwrap();
    assert!(known(future).await && !known(past).await);
    stores.accounts.forget_devices(at(101)).await.unwrap();
    assert!(!known(future).await, "its last use counts as then");
    // So are those that somebody whose clock is ahead writes later.
    let (ahead, future) = (digest(), digest());
    assert!(stores.accounts.put_link(alice, ahead, at(9_000), &audit_context(at(900))).await.unwrap().value);
    stores.accounts.register_device(alice, None, future, 20, at(900)).await.unwrap();
    stores.accounts.clamp(at(200), at(300)).await.unwrap();
    assert!(stores.accounts.link_user(ahead, at(300)).await.unwrap().is_none());
    stores.accounts.forget_devices(at(201)).await.unwrap();
    assert!(!known(future).await);
}
