//! What somebody has spoiled in Redis: it lets nobody in, is told, and holds nobody else up.

use portcullis::{
    account::AccountStore as _,
    session::{EndLog as _, EndReason, EndTarget, SessionStore as _, SessionUpkeep as _},
    store::Outbox as _,
};

use crate::{
    store_contract::fixtures::{DISABLE, at, audit_context, end_record, heartbeat, session_ids},
    store_redis::SplitStore,
};

#[tokio::test]
async fn what_is_spoiled_of_one_user_keeps_nobody_else_in() {
    let split_store = SplitStore::new().await;
    let (spoiled, _) = split_store.add_user_with_session().await;
    let (_, other) = split_store.add_user_with_session().await;
    for garbage in ["nonsense", ""] {
        let gate = format!("portcullis:{{{}}}:gate", spoiled.bare());
        let _: String = split_store.server.command(&["SET", &gate, garbage]);
        split_store
            .store
            .end(EndTarget::Everyone { keep: None }, &end_record(EndReason::ByAdministrator, at(3)))
            .await
            .unwrap();
        assert!(split_store.store.find(other.session.id).await.unwrap().is_none());
    }
    // What is no text at all cannot be mended, and is told.
    let sessions = format!("portcullis:{{{}}}:sessions", spoiled.bare());
    let _: i64 = split_store.server.command(&["DEL", &sessions]);
    let _: String = split_store.server.command(&["SET", &sessions, "no list"]);
    let (_, third) = split_store.add_user_with_session().await;
    assert_eq!(session_ids(&split_store.store.scan(None, 10).await.unwrap()), [third.session.id]);
    assert_eq!(split_store.store.count().await.unwrap(), 1);
    assert!(
        split_store
            .store
            .end(EndTarget::Everyone { keep: None }, &end_record(EndReason::ByAdministrator, at(4)))
            .await
            .is_err()
    );
    assert!(split_store.store.find(third.session.id).await.unwrap().is_none(), "wherever they stand in the order");
}

#[tokio::test]
async fn who_cannot_be_caught_up_with_holds_nobody_up() {
    let split_store = SplitStore::new().await;
    let (spoiled, _) = split_store.add_user_with_session().await;
    let (alice, _) = split_store.add_user_with_session().await;
    let held = split_store.lock_records();
    assert!(split_store.store.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await.is_err());
    drop(held);
    let outbox = format!("portcullis:{{{}}}:outbox", spoiled.bare());
    let _: i64 = split_store.server.command(&["RPUSH", &outbox, "no line"]);
    let before = split_store.audit_events().await.len();
    assert!(split_store.store.drain_outbox(at(3_600)).await.is_err(), "it says that something is left");
    assert_eq!(split_store.audit_events().await.len(), before + 1, "and has done the rest");
    assert_eq!(split_store.server.command::<i64>(&["LLEN", &outbox]), 1, "it is kept for whoever can read it");
}

#[tokio::test]
async fn whoever_cannot_be_listed_is_shut_out_all_the_same() {
    let split_store = SplitStore::new().await;
    let (spoiled, session) = split_store.add_user_with_session().await;
    let (_, other) = split_store.add_user_with_session().await;
    let sessions = format!("portcullis:{{{}}}:sessions", spoiled.bare());
    let _: i64 = split_store.server.command(&["DEL", &sessions]);
    let _: String = split_store.server.command(&["SET", &sessions, "no list"]);
    assert!(split_store.store.find(session.session.id).await.unwrap().is_some(), "a check does not need the list");
    // Of many hits, those of others are written.
    split_store.store.touch(&[heartbeat(session.session.id, at(9)), heartbeat(other.session.id, at(9))]).await.unwrap();
    assert_eq!(split_store.store.find(other.session.id).await.unwrap().expect("it is there").last_seen, at(9));
    assert!(
        split_store.store.change(spoiled, &DISABLE, &audit_context(at(10))).await.is_err(),
        "it is not reported done"
    );
    let found = split_store.store.find(session.session.id).await.unwrap();
    assert!(found.is_none_or(|found| found.user.disabled), "and nobody is left inside");
}

#[tokio::test]
async fn a_line_of_the_log_of_ends_that_is_no_text_hides_no_other() {
    let split_store = SplitStore::new().await;
    let (alice, _) = split_store.add_user_with_session().await;
    let mark = split_store.store.end_log(None).await.unwrap().next;
    let garbage = "redis.call('XADD', KEYS[1], '*', 'id', '\\255\\254', 'at', '1')";
    let _: Option<i64> = split_store.server.command(&["EVAL", garbage, "1", "portcullis:{live}:ends"]);
    split_store.store.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await.unwrap();
    let ends = split_store.store.end_log(Some(&mark)).await.unwrap();
    assert_eq!((ends.ended.len(), ends.has_gap), (1, true), "and says that something may be missing");
    let next = split_store.store.end_log(Some(&ends.next)).await.unwrap();
    assert_eq!((next.ended.len(), next.has_gap), (0, false), "once");
}
