//! How a session opens, and what must go for it.

use portcullis::{
    audit::{Actor, AuditEvent},
    id::UserId,
    session::{AuthMethod, EndReason, EndTarget, NewSession, Opened, UserSnapshot},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    nobody_opens_a_session_with_an_old_generation
    nobody_opens_a_session_with_a_generation_of_tomorrow
    nobody_disabled_opens_a_session
    nobody_unknown_opens_a_session
    a_generation_alone_opens_nothing
    an_open_and_all_that_goes_for_it_are_in_the_journal
    the_session_that_is_replaced_ends_with_the_open
    an_open_that_loses_replaces_nothing_and_tells_nothing
    above_the_maximum_the_longest_unused_ends
    a_lowered_maximum_ends_as_many_as_it_takes
    the_new_session_is_never_the_one_that_goes
    a_maximum_counts_for_one_user_only
    one_that_is_replaced_and_gone_already_makes_no_room
}

async fn one_that_is_replaced_and_gone_already_makes_no_room(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let first = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let second = open_session(&*stores.sessions, alice, at(2)).await.session.id;
    let gone = portcullis::id::SessionId::mint(alice);
    let new = NewSession { max_per_user: 2, replaces: Some(gone), ..new_session(alice, at(3), 0) };
    let Opened::Yes { replaced, evicted } = stores.sessions.open(new.clone()).await.unwrap().value else {
        panic!("nobody ended them");
    };
    assert_eq!((replaced, session_ids(&evicted)), (None, vec![first]));
    assert_eq!(session_ids(&stores.sessions.list(alice).await.unwrap()), [new.session.id, second]);
}

async fn nobody_opens_a_session_with_an_old_generation(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let slow = new_session(alice, at(1), 0);
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::PasswordChanged, at(2))).await.unwrap();
    assert_eq!(stores.sessions.open(slow.clone()).await.unwrap(), Opened::GenerationChanged);
    assert!(stores.sessions.find(slow.session.id).await.unwrap().is_none());
    assert_eq!(stores.sessions.count().await.unwrap(), 0);
    let generation = stores.sessions.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap();
    let next = new_session(alice, at(3), generation);
    assert_eq!(stores.sessions.open(next).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
}

async fn nobody_opens_a_session_with_a_generation_of_tomorrow(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    assert_eq!(stores.sessions.open(new_session(alice, at(1), 1)).await.unwrap(), Opened::GenerationChanged);
}

async fn nobody_disabled_opens_a_session(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    stores.sessions.put_user_snapshot(&UserSnapshot { disabled: true, ..user_snapshot(alice, 2) }).await.unwrap();
    assert_eq!(stores.sessions.open(new_session(alice, at(1), 0)).await.unwrap(), Opened::GenerationChanged);
    stores.sessions.put_user_snapshot(&user_snapshot(alice, 3)).await.unwrap();
    let enabled = stores.sessions.open(new_session(alice, at(1), 0)).await.unwrap();
    assert_eq!(enabled, Opened::Yes { replaced: None, evicted: vec![] });
}

async fn nobody_unknown_opens_a_session(stores: ContractStores) {
    let nobody = UserId::mint();
    assert_eq!(stores.sessions.open(new_session(nobody, at(1), 0)).await.unwrap(), Opened::GenerationChanged);
    assert_eq!(stores.sessions.count().await.unwrap(), 0);
}

async fn a_generation_alone_opens_nothing(stores: ContractStores) {
    let nobody = UserId::mint();
    stores.sessions.end(EndTarget::AllOf(nobody), &end_record(EndReason::ByAdministrator, at(1))).await.unwrap();
    assert_eq!(stores.sessions.open(new_session(nobody, at(1), 1)).await.unwrap(), Opened::GenerationChanged);
}

async fn above_the_maximum_the_longest_unused_ends(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let first = open_session(&*stores.sessions, alice, at(1)).await;
    let second = open_session(&*stores.sessions, alice, at(2)).await;
    let third = open_session(&*stores.sessions, alice, at(3)).await;
    stores.sessions.touch(&[heartbeat(first.session.id, at(9))]).await.unwrap();
    let fourth = NewSession { max_per_user: 3, ..new_session(alice, at(10), 0) };
    assert_eq!(
        stores.sessions.open(fourth.clone()).await.unwrap(),
        Opened::Yes { replaced: None, evicted: vec![second.session.clone()] }
    );
    let left = session_ids(&stores.sessions.list(alice).await.unwrap());
    assert_eq!(left, [fourth.session.id, first.session.id, third.session.id]);
    assert!(stores.sessions.find(second.session.id).await.unwrap().is_none());
    let note = stores.sessions.end_note(second.session.id, second.secret).await.unwrap().expect("a note stays");
    assert_eq!((note.reason, note.at), (EndReason::TooMany, at(10)));
}

async fn a_lowered_maximum_ends_as_many_as_it_takes(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    for second in 1..=5 {
        open_session(&*stores.sessions, alice, at(second)).await;
    }
    let new = NewSession { max_per_user: 2, ..new_session(alice, at(9), 0) };
    let Opened::Yes { replaced: None, evicted } = stores.sessions.open(new).await.unwrap().value else {
        panic!("it opens")
    };
    assert_eq!(evicted.len(), 4);
    assert_eq!(stores.sessions.list(alice).await.unwrap().len(), 2);
}

async fn the_new_session_is_never_the_one_that_goes(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let busy = open_session(&*stores.sessions, alice, at(50)).await.session.id;
    for most in [1, 0] {
        let new = NewSession { max_per_user: most, ..new_session(alice, at(1), 0) };
        let Opened::Yes { replaced: None, evicted } = stores.sessions.open(new.clone()).await.unwrap().value else {
            panic!("it opens")
        };
        assert_eq!(evicted.len(), 1);
        assert!(most == 0 || evicted[0].id == busy);
        assert_eq!(session_ids(&stores.sessions.list(alice).await.unwrap()), [new.session.id]);
    }
}

async fn a_maximum_counts_for_one_user_only(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    open_session(&*stores.sessions, bob, at(1)).await;
    let new = NewSession { max_per_user: 1, ..new_session(alice, at(2), 0) };
    assert_eq!(stores.sessions.open(new).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
    assert_eq!(stores.sessions.list(bob).await.unwrap().len(), 1);
}

async fn an_open_and_all_that_goes_for_it_are_in_the_journal(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let oldest = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let held = open_session(&*stores.sessions, alice, at(2)).await.session.id;
    let before = audit_entries(&stores).await.len();
    let new = NewSession { max_per_user: 1, replaces: Some(held), ..new_session(alice, at(3), 0) };
    stores.sessions.open(new.clone()).await.unwrap();
    let entries = audit_entries(&stores).await.split_off(before);
    let told: Vec<_> = entries.into_iter().map(|entry| (entry.actor, entry.event)).collect();
    let ended = |session, ending| AuditEvent::SessionEnded { session, end_reason: ending, reason: None };
    let opened = AuditEvent::SignedIn { session: new.session.id, method: AuthMethod::Password };
    let expected = [
        (Actor::User(alice), ended(held, EndReason::SignedOut)),
        (Actor::System, ended(oldest, EndReason::TooMany)),
        (Actor::User(alice), opened),
    ];
    assert_eq!(told, expected);
}

async fn the_session_that_is_replaced_ends_with_the_open(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let alices = open_session(&*stores.sessions, alice, at(1)).await;
    let bobs = NewSession { replaces: Some(alices.session.id), ..new_session(bob, at(2), 0) };
    let opened = stores.sessions.open(bobs.clone()).await.unwrap();
    assert_eq!(opened, Opened::Yes { replaced: Some(Box::new(alices.session.clone())), evicted: vec![] });
    assert!(stores.sessions.find(alices.session.id).await.unwrap().is_none());
    assert!(stores.sessions.find(bobs.session.id).await.unwrap().is_some());
    let again = NewSession { replaces: Some(alices.session.id), ..new_session(bob, at(3), 0) };
    assert_eq!(stores.sessions.open(again).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
}

async fn an_open_that_loses_replaces_nothing_and_tells_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let held = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let before = audit_events(&stores).await;
    let late = NewSession { replaces: Some(held), ..new_session(alice, at(2), 7) };
    assert_eq!(stores.sessions.open(late).await.unwrap(), Opened::GenerationChanged);
    assert!(stores.sessions.find(held).await.unwrap().is_some());
    assert_eq!(audit_events(&stores).await, before);
}
