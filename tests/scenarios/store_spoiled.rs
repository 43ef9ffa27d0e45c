//! What somebody has spoiled in Redis: it lets nobody in, is told, and holds nobody else up.

use portcullis::{
    account::AccountStore as _,
    session::{EndLog as _, EndReason, EndTarget, SessionStore as _, SessionUpkeep as _},
    store::Outbox as _,
};

use crate::{
    store_contract::people::{DISABLE, at, beat, ids, parting, story},
    store_redis::Apart,
};

#[tokio::test]
async fn what_is_spoiled_of_one_user_keeps_nobody_else_in() {
    let apart = Apart::new().await;
    let (spoiled, _) = apart.somebody().await;
    let (_, other) = apart.somebody().await;
    for garbage in ["nonsense", ""] {
        let gate = format!("portcullis:{{{}}}:gate", spoiled.bare());
        let _: String = apart.server.ask(&["SET", &gate, garbage]);
        apart.store.end(EndTarget::Everyone { keep: None }, &parting(EndReason::ByAdministrator, at(3))).await.unwrap();
        assert!(apart.store.find(other.session.id).await.unwrap().is_none());
    }
    // What is no text at all cannot be mended, and is told.
    let sessions = format!("portcullis:{{{}}}:sessions", spoiled.bare());
    let _: i64 = apart.server.ask(&["DEL", &sessions]);
    let _: String = apart.server.ask(&["SET", &sessions, "no list"]);
    let (_, third) = apart.somebody().await;
    assert_eq!(ids(&apart.store.scan(None, 10).await.unwrap()), [third.session.id]);
    assert_eq!(apart.store.count().await.unwrap(), 1);
    assert!(
        apart.store.end(EndTarget::Everyone { keep: None }, &parting(EndReason::ByAdministrator, at(4))).await.is_err()
    );
    assert!(apart.store.find(third.session.id).await.unwrap().is_none(), "wherever they stand in the order");
}

#[tokio::test]
async fn who_cannot_be_caught_up_with_holds_nobody_up() {
    let apart = Apart::new().await;
    let (spoiled, _) = apart.somebody().await;
    let (alice, _) = apart.somebody().await;
    let held = apart.records_held();
    assert!(apart.store.end(EndTarget::AllOf(alice), &parting(EndReason::SignedOut, at(2))).await.is_err());
    drop(held);
    let outbox = format!("portcullis:{{{}}}:outbox", spoiled.bare());
    let _: i64 = apart.server.ask(&["RPUSH", &outbox, "no line"]);
    let before = apart.told().await.len();
    assert!(apart.store.drain_outbox(at(3_600)).await.is_err(), "it says that something is left");
    assert_eq!(apart.told().await.len(), before + 1, "and has done the rest");
    assert_eq!(apart.server.ask::<i64>(&["LLEN", &outbox]), 1, "it is kept for whoever can read it");
}

#[tokio::test]
async fn whoever_cannot_be_listed_is_shut_out_all_the_same() {
    let apart = Apart::new().await;
    let (spoiled, session) = apart.somebody().await;
    let (_, other) = apart.somebody().await;
    let sessions = format!("portcullis:{{{}}}:sessions", spoiled.bare());
    let _: i64 = apart.server.ask(&["DEL", &sessions]);
    let _: String = apart.server.ask(&["SET", &sessions, "no list"]);
    assert!(apart.store.find(session.session.id).await.unwrap().is_some(), "a check does not need the list");
    // Of many hits, those of others are written.
    apart.store.touch(&[beat(session.session.id, at(9)), beat(other.session.id, at(9))]).await.unwrap();
    assert_eq!(apart.store.find(other.session.id).await.unwrap().expect("it is there").last_seen, at(9));
    assert!(apart.store.change(spoiled, &DISABLE, &story(at(10))).await.is_err(), "it is not reported done");
    let found = apart.store.find(session.session.id).await.unwrap();
    assert!(found.is_none_or(|found| found.user.disabled), "and nobody is left inside");
}

#[tokio::test]
async fn a_line_of_the_log_of_ends_that_is_no_text_hides_no_other() {
    let apart = Apart::new().await;
    let (alice, _) = apart.somebody().await;
    let mark = apart.store.end_log(None).await.unwrap().next;
    let garbage = "redis.call('XADD', KEYS[1], '*', 'id', '\\255\\254', 'at', '1')";
    let _: Option<i64> = apart.server.ask(&["EVAL", garbage, "1", "portcullis:{live}:ends"]);
    apart.store.end(EndTarget::AllOf(alice), &parting(EndReason::SignedOut, at(2))).await.unwrap();
    let ends = apart.store.end_log(Some(&mark)).await.unwrap();
    assert_eq!((ends.ended.len(), ends.has_gap), (1, true), "and says that something may be missing");
    let next = apart.store.end_log(Some(&ends.next)).await.unwrap();
    assert_eq!((next.ended.len(), next.has_gap), (0, false), "once");
}
