//! How sessions end, what stays of them, and that nothing brings them back.

use portcullis::{
    audit::{AuditContext, AuditEvent},
    id::SessionId,
    session::{ClientKind, EndReason, EndTarget, Opened},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    ending_one_session_leaves_the_others
    nobody_ends_a_session_that_is_not_theirs
    ending_what_is_gone_tells_nothing
    ending_one_session_lets_a_sign_in_under_way_go_on
    ending_all_but_one_leaves_that_one
    ending_all_but_one_ends_a_sign_in_under_way
    ending_all_but_a_strangers_ends_all_and_leaves_the_stranger_alone
    ending_all_of_one_leaves_everybody_else
    ending_everyones_ends_everyones
    ending_everyones_but_one_leaves_that_one
    whose_account_was_changed_before_they_first_came_is_among_everyone
    touch_after_end_changes_nothing
    renewal_after_end_changes_nothing
    what_ends_is_in_the_journal
    what_does_not_end_is_not_in_the_journal
    a_note_is_for_whoever_shows_the_secret
    a_note_is_for_the_former_secret_too
    notes_are_forgotten_by_age
    a_session_that_ran_out_expires
    a_session_that_was_used_meanwhile_does_not_expire
}

async fn ending_one_session_leaves_the_others(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let (gone, stays) =
        (open_session(&*stores.sessions, alice, at(1)).await, open_session(&*stores.sessions, alice, at(2)).await);
    let which = EndTarget::One { owner: alice, id: gone.session.id };
    let ended = stores.sessions.end(which, &end_record(EndReason::SignedOut, at(3))).await.unwrap();
    assert_eq!(*ended, std::slice::from_ref(&gone.session), "the deed tells what it ended, whole");
    assert!(stores.sessions.find(gone.session.id).await.unwrap().is_none());
    assert!(stores.sessions.get(gone.session.id).await.unwrap().is_none());
    assert!(stores.sessions.find(stays.session.id).await.unwrap().is_some());
    assert_eq!(session_ids(&stores.sessions.list(alice).await.unwrap()), [stays.session.id]);
    assert_eq!(stores.sessions.count().await.unwrap(), 1);
}

async fn nobody_ends_a_session_that_is_not_theirs(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let alices = open_session(&*stores.sessions, alice, at(1)).await;
    let which = EndTarget::One { owner: bob, id: alices.session.id };
    assert!(stores.sessions.end(which, &end_record(EndReason::SignedOut, at(3))).await.unwrap().is_empty());
    assert!(stores.sessions.find(alices.session.id).await.unwrap().is_some());
    assert!(stores.sessions.end_note(alices.session.id, alices.secret).await.unwrap().is_none());
}

async fn ending_what_is_gone_tells_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let which = EndTarget::One { owner: alice, id: open_session(&*stores.sessions, alice, at(1)).await.session.id };
    assert_eq!(stores.sessions.end(which, &end_record(EndReason::SignedOut, at(3))).await.unwrap().len(), 1);
    assert!(stores.sessions.end(which, &end_record(EndReason::SignedOut, at(4))).await.unwrap().is_empty());
}

async fn ending_one_session_lets_a_sign_in_under_way_go_on(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let under_way = new_session(alice, at(1), 0);
    let which = EndTarget::One { owner: alice, id: open_session(&*stores.sessions, alice, at(1)).await.session.id };
    stores.sessions.end(which, &end_record(EndReason::SignedOut, at(3))).await.unwrap();
    assert_eq!(stores.sessions.open(under_way).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
}

async fn ending_all_but_one_leaves_that_one(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let keep = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let second = open_session(&*stores.sessions, alice, at(2)).await.session.id;
    let third = open_session(&*stores.sessions, alice, at(3)).await.session.id;
    let bobs = open_session(&*stores.sessions, bob, at(3)).await.session.id;
    let which = EndTarget::AllBut { owner: alice, keep };
    for _ in 0..2 {
        let ended = stores.sessions.end(which, &end_record(EndReason::PasswordChanged, at(4))).await.unwrap();
        assert!(ended.is_empty() || session_ids(&ended) == [third, second]);
        assert!(stores.sessions.find(keep).await.unwrap().is_some(), "it stays, however often the others are ended");
        assert_eq!(session_ids(&stores.sessions.list(alice).await.unwrap()), [keep]);
        assert!(stores.sessions.find(second).await.unwrap().is_none());
    }
    assert!(stores.sessions.find(bobs).await.unwrap().is_some());
}

async fn ending_all_but_one_ends_a_sign_in_under_way(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let keep = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let under_way = new_session(alice, at(1), 0);
    stores
        .sessions
        .end(EndTarget::AllBut { owner: alice, keep }, &end_record(EndReason::PasswordChanged, at(2)))
        .await
        .unwrap();
    assert_eq!(stores.sessions.open(under_way).await.unwrap(), Opened::GenerationChanged);
}

async fn ending_all_but_a_strangers_ends_all_and_leaves_the_stranger_alone(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let alices = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let bobs = open_session(&*stores.sessions, bob, at(1)).await.session.id;
    let which = EndTarget::AllBut { owner: alice, keep: bobs };
    assert_eq!(
        session_ids(&stores.sessions.end(which, &end_record(EndReason::SignedOut, at(2))).await.unwrap()),
        [alices]
    );
    assert!(stores.sessions.find(bobs).await.unwrap().is_some());
}

async fn ending_all_of_one_leaves_everybody_else(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let first = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let second = open_session(&*stores.sessions, alice, at(2)).await.session.id;
    let bobs = open_session(&*stores.sessions, bob, at(1)).await.session.id;
    let ended =
        stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(3))).await.unwrap();
    assert_eq!(session_ids(&ended), [second, first]);
    assert!(stores.sessions.list(alice).await.unwrap().is_empty());
    assert!(stores.sessions.find(bobs).await.unwrap().is_some());
    assert_eq!(stores.sessions.put_user_snapshot(&user_snapshot(bob, 1)).await.unwrap(), 0);
}

async fn ending_everyones_ends_everyones(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    open_session(&*stores.sessions, alice, at(1)).await;
    open_session(&*stores.sessions, bob, at(2)).await;
    let under_way = [new_session(alice, at(1), 0), new_session(bob, at(1), 0)];
    let ended = stores
        .sessions
        .end(EndTarget::Everyone { keep: None }, &end_record(EndReason::ByAdministrator, at(3)))
        .await
        .unwrap();
    assert_eq!((ended.len(), stores.sessions.count().await.unwrap()), (2, 0));
    for new in under_way {
        assert_eq!(stores.sessions.open(new).await.unwrap(), Opened::GenerationChanged);
    }
}

async fn ending_everyones_but_one_leaves_that_one(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let keep = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let other = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let bobs = open_session(&*stores.sessions, bob, at(1)).await.session.id;
    let under_way = [new_session(alice, at(1), 0), new_session(bob, at(1), 0)];
    let which = EndTarget::Everyone { keep: Some(keep) };
    assert_eq!(stores.sessions.end(which, &end_record(EndReason::ByAdministrator, at(3))).await.unwrap().len(), 2);
    assert!(stores.sessions.find(keep).await.unwrap().is_some());
    for gone in [other, bobs] {
        assert!(stores.sessions.find(gone).await.unwrap().is_none());
    }
    for new in under_way {
        assert_eq!(stores.sessions.open(new).await.unwrap(), Opened::GenerationChanged);
    }
}

async fn whose_account_was_changed_before_they_first_came_is_among_everyone(stores: ContractStores) {
    let alice = add_account(&stores, "alice").await;
    let changed = change_account(&stores, alice, portcullis::account::AccountChange::SetRoles(vec![]))
        .await
        .expect("she has one");
    let generation = stores.sessions.put_user_snapshot(&changed.snapshot()).await.unwrap();
    let new = new_session(alice, at(2), generation);
    stores.sessions.open(new.clone()).await.unwrap();
    assert_eq!(stores.sessions.count().await.unwrap(), 1);
    assert_eq!(session_ids(&stores.sessions.scan(None, 10).await.unwrap()), [new.session.id]);
    let everyone = EndTarget::Everyone { keep: None };
    let ended = stores.sessions.end(everyone, &end_record(EndReason::ByAdministrator, at(3))).await.unwrap();
    assert_eq!(session_ids(&ended), [new.session.id]);
    assert!(stores.sessions.find(new.session.id).await.unwrap().is_none());
}

async fn touch_after_end_changes_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await.unwrap();
    stores.sessions.touch(&[heartbeat(new.session.id, at(3))]).await.unwrap();
    assert!(stores.sessions.find(new.session.id).await.unwrap().is_none());
    assert!(stores.sessions.get(new.session.id).await.unwrap().is_none());
    assert!(stores.sessions.scan(None, 10).await.unwrap().is_empty());
    assert_eq!(stores.sessions.count().await.unwrap(), 0);
}

async fn renewal_after_end_changes_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await.unwrap();
    assert!(!renew_secret(&stores, new.session.id, new.secret, digest(), at(9)).await);
    assert!(stores.sessions.find(new.session.id).await.unwrap().is_none());
}

async fn what_ends_is_in_the_journal(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let (first, second) =
        (open_session(&*stores.sessions, alice, at(1)).await, open_session(&*stores.sessions, alice, at(2)).await);
    let before = audit_entries(&stores).await.len();
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(3))).await.unwrap();
    let entries = audit_entries(&stores).await.split_off(before);
    let expected = |session| AuditEvent::SessionEnded {
        session,
        end_reason: EndReason::ByAdministrator,
        reason: Some("because".to_owned()),
    };
    let facts: Vec<AuditEvent> = entries.iter().map(|entry| entry.event.clone()).collect();
    assert_eq!(facts, [expected(second.session.id), expected(first.session.id)]);
    for entry in entries {
        let AuditContext { at, actor, ip, device } = audit_context(at(3));
        assert_eq!((entry.at, entry.actor, entry.ip, entry.device), (at, actor, ip, device));
        assert_eq!(entry.user, Some(alice));
    }
}

async fn what_does_not_end_is_not_in_the_journal(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let alices = open_session(&*stores.sessions, alice, at(1)).await.session;
    let before = audit_events(&stores).await;
    let strangers = EndTarget::One { owner: bob, id: alices.id };
    stores.sessions.end(strangers, &end_record(EndReason::SignedOut, at(2))).await.unwrap();
    stores.sessions.touch(&[heartbeat(alices.id, at(5))]).await.unwrap();
    stores.sessions.expire(alices.id, at(1), &end_record(EndReason::Expired, at(6))).await.unwrap();
    assert_eq!(audit_events(&stores).await, before);
    stores.sessions.expire(alices.id, at(5), &end_record(EndReason::Expired, at(6))).await.unwrap();
    assert_eq!(audit_events(&stores).await.len(), before.len() + 1);
}

async fn a_note_is_for_whoever_shows_the_secret(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    let ending = EndReason::FromAnotherDevice { device: device() };
    let which = EndTarget::One { owner: alice, id: new.session.id };
    stores.sessions.end(which, &end_record(ending.clone(), at(2))).await.unwrap();
    assert!(stores.sessions.end_note(new.session.id, digest()).await.unwrap().is_none());
    assert!(stores.sessions.end_note(SessionId::mint(alice), new.secret).await.unwrap().is_none());
    let note = stores.sessions.end_note(new.session.id, new.secret).await.unwrap().expect("a note stays");
    assert_eq!((note.reason, note.at), (ending, at(2)));
}

async fn a_note_is_for_the_former_secret_too(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    let fresh = digest();
    assert!(renew_secret(&stores, new.session.id, new.secret, fresh, at(60)).await);
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await.unwrap();
    for shown in [new.secret, fresh] {
        assert!(stores.sessions.end_note(new.session.id, shown).await.unwrap().is_some());
    }
}

async fn notes_are_forgotten_by_age(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let mut notes = Vec::new();
    for second in 1..=3 {
        let new = open_session(&*stores.sessions, alice, at(1)).await;
        stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(second))).await.unwrap();
        notes.push((new.session.id, new.secret));
    }
    stores.sessions.delete_end_notes(at(2)).await.unwrap();
    let mut left = Vec::new();
    for (id, secret) in notes {
        left.push(stores.sessions.end_note(id, secret).await.unwrap().is_some());
    }
    assert_eq!(left, [false, true, true]);
}

async fn a_session_that_ran_out_expires(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    let under_way = new_session(alice, at(1), 0);
    let expired = stores
        .sessions
        .expire(new.session.id, at(1), &end_record(EndReason::Idle { kind: ClientKind::Web }, at(100)))
        .await
        .unwrap();
    assert_eq!(expired.as_ref(), Some(&new.session));
    assert!(stores.sessions.find(new.session.id).await.unwrap().is_none());
    let note = stores.sessions.end_note(new.session.id, new.secret).await.unwrap().expect("a note stays");
    assert_eq!((note.reason, note.at), (EndReason::Idle { kind: ClientKind::Web }, at(100)));
    assert!(
        stores
            .sessions
            .expire(new.session.id, at(1), &end_record(EndReason::Idle { kind: ClientKind::Web }, at(100)))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(stores.sessions.open(under_way).await.unwrap(), Opened::Yes { replaced: None, evicted: vec![] });
}

async fn a_session_that_was_used_meanwhile_does_not_expire(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    stores.sessions.touch(&[heartbeat(new.session.id, at(50))]).await.unwrap();
    assert!(
        stores
            .sessions
            .expire(new.session.id, at(1), &end_record(EndReason::Idle { kind: ClientKind::Web }, at(100)))
            .await
            .unwrap()
            .is_none()
    );
    assert!(stores.sessions.find(new.session.id).await.unwrap().is_some());
    assert!(stores.sessions.end_note(new.session.id, new.secret).await.unwrap().is_none());
}
