//! The log of ends: what every replica reads to learn what it has to cut.

use std::time::Duration;

use portcullis::{
    id::SessionId,
    session::{EndLogPosition, EndNote, EndReason, EndTarget},
    store::LiveStore,
};
use tokio::{task::JoinSet, time::timeout};

use super::{ContractStores, fixtures::*};

contract_tests! {
    the_log_of_ends_tells_each_end_once_and_in_order
    a_look_without_a_mark_tells_where_the_log_is
    an_end_that_follows_from_a_change_is_in_the_log
    a_session_that_is_replaced_or_evicted_is_in_the_log
    whoever_waits_is_told_of_an_end
}

/// What has ended since, and the next place.
async fn end_log_since(sessions: &dyn LiveStore, mark: &EndLogPosition) -> (Vec<(SessionId, EndNote)>, EndLogPosition) {
    let ends = sessions.end_log(Some(mark)).await.unwrap();
    assert!(!ends.has_gap);
    (ends.ended, ends.next)
}

async fn end_log_position(sessions: &dyn LiveStore) -> EndLogPosition {
    sessions.end_log(None).await.unwrap().next
}

async fn the_log_of_ends_tells_each_end_once_and_in_order(stores: ContractStores) {
    let sessions = &*stores.sessions;
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let first = open_session(sessions, alice, at(1)).await.session.id;
    let second = open_session(sessions, bob, at(1)).await.session.id;
    let start = end_log_position(sessions).await;
    assert_eq!(end_log_since(sessions, &start).await.0, []);
    sessions.end(EndTarget::One { owner: alice, id: first }, &end_record(EndReason::SignedOut, at(3))).await.unwrap();
    sessions.expire(second, at(1), &end_record(EndReason::Expired, at(4))).await.unwrap();
    let ended = |id, ending, at| (id, EndNote { reason: ending, at });
    let (told, next) = end_log_since(sessions, &start).await;
    assert_eq!(told, [ended(first, EndReason::SignedOut, at(3)), ended(second, EndReason::Expired, at(4))]);
    assert_eq!(end_log_since(sessions, &next).await.0, []);
    assert_eq!(end_log_since(sessions, &start).await.0.len(), 2, "a place is not used up");
}

async fn a_look_without_a_mark_tells_where_the_log_is(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    open_session(&*stores.sessions, alice, at(1)).await;
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(3))).await.unwrap();
    let ends = stores.sessions.end_log(None).await.unwrap();
    assert_eq!((ends.ended, ends.has_gap), (vec![], false));
}

async fn an_end_that_follows_from_a_change_is_in_the_log(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    let id = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let start = end_log_position(&*stores.sessions).await;
    change_account(&stores, alice, DISABLE).await.expect("there is such an account");
    let (told, next) = end_log_since(&*stores.sessions, &start).await;
    assert_eq!(told, [(id, EndNote { reason: EndReason::AccountDisabled, at: at(1) })]);
    assert_eq!(end_log_since(&*stores.sessions, &next).await.0, []);
}

async fn a_session_that_is_replaced_or_evicted_is_in_the_log(stores: ContractStores) {
    let (alice, bob) = (add_session_user(&stores).await, add_session_user(&stores).await);
    let bobs = open_session(&*stores.sessions, bob, at(1)).await.session.id;
    let oldest = open_session(&*stores.sessions, alice, at(1)).await.session.id;
    let start = end_log_position(&*stores.sessions).await;
    let mut new = new_session(alice, at(2), 0);
    (new.replaces, new.max_per_user) = (Some(bobs), 1);
    stores.sessions.open(new).await.unwrap();
    let mut told: Vec<SessionId> =
        end_log_since(&*stores.sessions, &start).await.0.into_iter().map(|(id, _)| id).collect();
    let mut expected = vec![bobs, oldest];
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

async fn whoever_waits_is_told_of_an_end(stores: ContractStores) {
    let alice = add_session_user(&stores).await;
    open_session(&*stores.sessions, alice, at(1)).await;
    let (sessions, mut waiting) = (stores.sessions.clone(), JoinSet::new());
    let (waits, is_waiting) = tokio::sync::oneshot::channel();
    waiting.spawn(async move {
        let start = end_log_position(&*sessions).await;
        assert!(end_log_since(&*sessions, &start).await.0.is_empty());
        waits.send(()).unwrap();
        // A hint may come too often; what counts is that it comes.
        while end_log_since(&*sessions, &start).await.0.is_empty() {
            sessions.wait_for_end().await;
        }
    });
    is_waiting.await.unwrap();
    stores.sessions.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(3))).await.unwrap();
    timeout(Duration::from_secs(5), waiting.join_all()).await.expect("it comes");
}
