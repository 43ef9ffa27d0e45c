//! Looking sessions up, moving their activity, renewing their secret.

use portcullis::{
    id::{SessionId, UserId},
    session::{EndReason, EndTarget, Heartbeat, SessionQuery},
};

use super::{ContractStores, fixtures::*};

contract_tests! {
    what_was_opened_is_found
    what_was_opened_is_read_back_whole
    what_was_never_opened_is_none
    a_list_shows_the_longest_unused_last
    a_list_shows_nobody_elses
    a_list_goes_on_where_a_slice_ended
    a_position_outlives_its_session
    a_touch_moves_a_session_forward
    a_late_touch_moves_nothing_back
    a_touch_without_a_page_keeps_the_last_one
    a_touch_of_nothing_creates_nothing
    actions_stop_at_the_most
    twenty_thousand_beats_are_all_written
    what_lies_in_the_future_is_moved_back_once
    a_renewed_secret_replaces_the_old_one
    only_the_present_secret_can_be_renewed
    a_renewal_of_nothing_is_refused
    a_scan_goes_through_all_once
    sessions_are_counted
    the_store_answers
}

async fn what_was_opened_is_found(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(5)).await;
    let found = stores.sessions.find(new.session.id).await.unwrap().expect("it is there");
    assert_eq!(found.secrets.current, new.secret);
    assert_eq!(found.secrets.previous, None);
    assert_eq!(found.terms, new.session.terms);
    assert_eq!(found.last_seen, at(5));
    assert_eq!(found.assurance, portcullis::auth_method::Assurance::OneFactor);
    assert_eq!(found.user, user_snapshot(alice, 1));
}

async fn what_was_opened_is_read_back_whole(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(5)).await;
    assert_eq!(stores.sessions.get(new.session.id).await.unwrap(), Some(new.session.clone()));
    assert_eq!(stores.sessions.list(alice).await.unwrap(), [new.session]);
}

async fn what_lies_in_the_future_is_moved_back_once(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(900)).await;
    let id = new.session.id;
    assert!(renew_secret(&stores, id, new.secret, digest(), at(910)).await);
    stores.sessions.touch(&[heartbeat(id, at(950))]).await.unwrap();
    let seen = || async {
        let found = stores.sessions.find(id).await.unwrap().expect("it is there");
        (found.terms.opened, found.last_seen, found.secrets.previous.map(|(_, until)| until))
    };
    // Somebody who has read something else moves no hit, and of two who have read the same the first does.
    stores.sessions.clamp(id, at(949), at(100)).await.unwrap();
    assert_eq!(seen().await, (at(100), at(950), Some(at(100))));
    for now in [101, 500, 960] {
        stores.sessions.clamp(id, at(950), at(now)).await.unwrap();
        assert_eq!(seen().await, (at(100), at(101), Some(at(100))), "{now}");
    }
    let session = stores.sessions.get(id).await.unwrap().expect("it is there");
    assert_eq!((session.activity.actions, session.activity.last_path.as_deref()), (2, Some("/reports")));
    assert_eq!(session.proof.at, at(100));
    stores.sessions.touch(&[heartbeat(id, at(102))]).await.unwrap();
    assert_eq!(seen().await.1, at(102), "hits count again");
    let gone = SessionId::mint(alice);
    stores.sessions.clamp(gone, at(950), at(100)).await.unwrap();
    assert!(stores.sessions.find(gone).await.unwrap().is_none(), "it creates nothing");
}

async fn what_was_never_opened_is_none(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = SessionId::mint(alice);
    assert!(stores.sessions.find(id).await.unwrap().is_none());
    assert!(stores.sessions.get(id).await.unwrap().is_none());
    assert!(stores.sessions.list(alice).await.unwrap().is_empty());
    assert!(stores.sessions.end_note(id, digest()).await.unwrap().is_none());
}

async fn a_list_shows_the_longest_unused_last(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let first = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let second = open_session(&*stores.sessions, alice, at(2)).await.session.id;
    let third = open_session(&*stores.sessions, alice, at(3)).await.session.id;
    stores.sessions.touch(&[heartbeat(first, at(9))]).await.unwrap();
    assert_eq!(session_ids(&stores.sessions.list(alice).await.unwrap()), [first, third, second]);
}

async fn a_list_shows_nobody_elses(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    open_session(&*stores.sessions, alice, at(1)).await;
    let bobs = open_session(&*stores.sessions, bob, at(1)).await.session.id;
    assert_eq!(session_ids(&stores.sessions.list(bob).await.unwrap()), [bobs]);
}

async fn a_touch_moves_a_session_forward(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    stores.sessions.touch(&[heartbeat(id, at(2)), heartbeat(id, at(4))]).await.unwrap();
    let activity = stores.sessions.get(id).await.unwrap().expect("it is there").activity;
    assert_eq!((activity.last_seen, activity.ip), (at(4), ip("198.51.100.7")));
    assert_eq!((activity.actions, activity.last_path.as_deref()), (4, Some("/reports")));
    assert_eq!(stores.sessions.find(id).await.unwrap().expect("it is there").last_seen, at(4));
}

async fn a_late_touch_moves_nothing_back(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    stores.sessions.touch(&[heartbeat(id, at(9))]).await.unwrap();
    let late = Heartbeat { ip: ip("203.0.113.9"), path: Some("/old".into()), ..heartbeat(id, at(5)) };
    stores.sessions.touch(&[late]).await.unwrap();
    let activity = stores.sessions.get(id).await.unwrap().expect("it is there").activity;
    assert_eq!((activity.last_seen, activity.ip), (at(9), ip("198.51.100.7")));
    assert_eq!(activity.last_path.as_deref(), Some("/reports"));
    assert_eq!(activity.actions, 4, "what was done counts, however late it is told");
}

async fn a_touch_without_a_page_keeps_the_last_one(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    stores.sessions.touch(&[Heartbeat { path: None, ..heartbeat(id, at(2)) }]).await.unwrap();
    let activity = stores.sessions.get(id).await.unwrap().expect("it is there").activity;
    assert_eq!((activity.last_seen, activity.last_path.as_deref()), (at(2), Some("/start")));
}

async fn a_touch_of_nothing_creates_nothing(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let (gone, there) = (SessionId::mint(alice), open_session(&*stores.sessions, alice, at(1)).await.session.id);
    stores.sessions.touch(&[heartbeat(gone, at(2)), heartbeat(there, at(3))]).await.unwrap();
    stores.sessions.touch(&[]).await.unwrap();
    assert!(stores.sessions.find(gone).await.unwrap().is_none());
    assert_eq!(stores.sessions.count().await.unwrap(), 1);
    let latest = stores.sessions.find(there).await.unwrap().expect("it is there").last_seen;
    assert_eq!(latest, at(3), "what is gone is skipped, the rest is written");
}

async fn actions_stop_at_the_most(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let mut new = new_session(alice, at(1), 0);
    new.session.activity.actions = u64::MAX;
    stores.sessions.open(new.clone()).await.unwrap();
    let before = stores.sessions.get(new.session.id).await.unwrap().expect("it is there").activity.actions;
    stores.sessions.touch(&[heartbeat(new.session.id, at(2))]).await.unwrap();
    let after = stores.sessions.get(new.session.id).await.unwrap().expect("it is there").activity;
    assert!(after.actions >= before && after.last_seen == at(2), "{before} {after:?}");
}

async fn twenty_thousand_beats_are_all_written(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let heartbeats: Vec<Heartbeat> =
        (1..=20_000).map(|second| Heartbeat { actions: 1, ..heartbeat(id, at(second)) }).collect();
    stores.sessions.touch(&heartbeats).await.unwrap();
    let activity = stores.sessions.get(id).await.unwrap().expect("it is there").activity;
    assert_eq!((activity.last_seen, activity.actions), (at(20_000), 20_000));
}

async fn a_renewed_secret_replaces_the_old_one(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    let fresh = digest();
    assert!(renew_secret(&stores, new.session.id, new.secret, fresh, at(60)).await);
    let secrets = stores.sessions.find(new.session.id).await.unwrap().expect("it is there").secrets;
    assert_eq!((secrets.current, secrets.previous), (fresh, Some((new.secret, at(60)))));
    assert!(
        secrets.accepts(fresh, at(99)) && secrets.accepts(new.secret, at(59)) && !secrets.accepts(new.secret, at(60))
    );
}

async fn only_the_present_secret_can_be_renewed(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let new = open_session(&*stores.sessions, alice, at(1)).await;
    let fresh = digest();
    assert!(renew_secret(&stores, new.session.id, new.secret, fresh, at(60)).await);
    assert!(!renew_secret(&stores, new.session.id, new.secret, digest(), at(99)).await);
    assert!(!renew_secret(&stores, new.session.id, digest(), digest(), at(99)).await);
    let secrets = stores.sessions.find(new.session.id).await.unwrap().expect("it is there").secrets;
    assert_eq!((secrets.current, secrets.previous), (fresh, Some((new.secret, at(60)))));
}

async fn a_renewal_of_nothing_is_refused(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = SessionId::mint(alice);
    assert!(!renew_secret(&stores, id, digest(), digest(), at(60)).await);
    assert!(stores.sessions.find(id).await.unwrap().is_none());
}

async fn a_scan_goes_through_all_once(stores: ContractStores) {
    let mut all = Vec::new();
    for second in 1..=7 {
        let owner = add_session_user(&stores).await;
        all.push(open_session(&*stores.sessions, owner, at(second)).await.session.id);
        all.push(open_session(&*stores.sessions, owner, at(second)).await.session.id);
    }
    all.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = stores.sessions.scan(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = Some(last.id);
        seen.extend(session_ids(&page));
    }
    assert_eq!(seen, all);
}

async fn sessions_are_counted(stores: ContractStores) {
    assert_eq!(stores.sessions.count().await.unwrap(), 0);
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    open_session(&*stores.sessions, alice, at(1)).await;
    open_session(&*stores.sessions, alice, at(1)).await;
    open_session(&*stores.sessions, bob, at(1)).await;
    assert_eq!(stores.sessions.count().await.unwrap(), 3);
}

async fn the_store_answers(stores: ContractStores) {
    stores.sessions.ping().await.unwrap();
}

async fn a_list_goes_on_where_a_slice_ended(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    open_session(&*stores.sessions, bob, at(2)).await;
    for second in [1, 1, 1, 2, 3, 3, 4] {
        open_session(&*stores.sessions, alice, at(second)).await;
    }
    let all = session_ids(&stores.sessions.list(alice).await.unwrap());
    for limit in [1, 2, 3, 6, 7, 8] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let query = SessionQuery { user: alice, after, limit };
            let slice = stores.sessions.list_slice(&query).await.unwrap();
            assert!(slice.items.len() <= limit && !slice.items.is_empty());
            seen.extend(session_ids(&slice.items));
            after = slice.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "{limit} at once");
    }
    let nobody = SessionQuery { user: UserId::mint(), after: None, limit: 3 };
    assert!(stores.sessions.list_slice(&nobody).await.unwrap().items.is_empty());
}

async fn a_position_outlives_its_session(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    for second in [1, 2, 2, 2, 3] {
        open_session(&*stores.sessions, alice, at(second)).await;
    }
    let all = session_ids(&stores.sessions.list(alice).await.unwrap());
    let slice = stores.sessions.list_slice(&SessionQuery { user: alice, after: None, limit: 2 }).await.unwrap();
    let gone = EndTarget::One { owner: alice, id: all[1] };
    stores.sessions.end(gone, &end_record(EndReason::SignedOut, at(5))).await.unwrap();
    let rest = SessionQuery { user: alice, after: slice.next, limit: 9 };
    assert_eq!(session_ids(&stores.sessions.list_slice(&rest).await.unwrap().items), all[2..]);
}
