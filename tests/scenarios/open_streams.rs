//! What is in flight for a session ends with it: by the log of ends, and where that does not tell, by looking.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use portcullis::{
    proxy::{CancelReason, InFlightSlot},
    session::EndReason,
    tasks::Task as _,
};
use serde_json::json;
use tokio::time::sleep;

use crate::test_app::{Browser, DAY, IPHONE, MAC, StoreFault, TestApp, one_second_less};

/// Longer than what was let through a moment ago.
const SETTLE_TIME: Duration = Duration::from_millis(1_100);

/// A stream that a browser has open.
fn open_slot(browser: &Browser<'_>) -> Arc<InFlightSlot> {
    let line = browser.app.components.in_flight.register();
    line.begin_request();
    assert!(line.bind_session(browser.session_id().parse().unwrap(), line.end_epoch()));
    line
}

/// Why it was cut, if it was.
fn cancel_label(line: &InFlightSlot) -> Option<&'static str> {
    line.cancelled().now_or_never().map(CancelReason::label)
}

async fn end_session(by: &Browser<'_>, whose: &Browser<'_>) {
    assert_eq!(by.api("DELETE", &format!("/sessions/{}", whose.session_id()), json!({})).await.status, 204);
}

#[tokio::test]
async fn the_log_of_ends_cuts_what_is_in_flight_and_nothing_else() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let (watch, _) = app.components.revocation_tasks();
        assert_eq!(watch.run_once().await, 0);
        let (ends, another, goes_on) = (open_slot(&phone), open_slot(&phone), open_slot(&laptop));
        end_session(&laptop, &phone).await;
        app.advance(Duration::from_millis(300));

        assert_eq!(watch.run_once().await, 2);

        assert_eq!((cancel_label(&ends), cancel_label(&another)), (Some("other_device"), Some("other_device")));
        assert_eq!(cancel_label(&goes_on), None);
        assert_eq!(watch.run_once().await, 0, "each end is told once");
        let told = "revocation_propagation_seconds_bucket";
        assert_eq!(app.metric(&format!("{told}{{le=\"0.25\"}}")), 0);
        assert_eq!(app.metric(&format!("{told}{{le=\"0.5\"}}")), 1);
    }
}

#[tokio::test]
async fn an_end_is_hinted_at() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let (watch, _) = app.components.revocation_tasks();
    // Signing in ends nothing, and yet a hint may be left of what came before.
    watch.due().await;
    let waits = app.components.clock.stopwatch();
    end_session(&laptop, &phone).await;
    watch.due().await;
    assert!(waits.elapsed() < Duration::from_millis(200), "{:?}", waits.elapsed());
}

#[tokio::test]
async fn what_the_log_did_not_tell_is_found_by_looking() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let (ends, goes_on) = (open_slot(&phone), open_slot(&laptop));
        end_session(&laptop, &phone).await;
        let (_, check) = app.components.revocation_tasks();
        assert_eq!(check.run_once().await.unwrap(), 0, "it was let through a moment ago");
        sleep(SETTLE_TIME).await;

        assert_eq!(check.run_once().await.unwrap(), 1);

        assert_eq!((cancel_label(&ends), cancel_label(&goes_on)), (Some("gone"), None));
    }
}

#[tokio::test]
async fn whoever_was_found_good_is_not_looked_up_each_time_unless_there_is_doubt() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    let _stream = open_slot(&alice);
    let (watch, check) = app.components.revocation_tasks();
    sleep(SETTLE_TIME).await;
    for looks in [1, 0, 0] {
        let before = app.store_calls("find");
        assert_eq!(check.run_once().await.unwrap(), 0);
        assert_eq!(app.store_calls("find") - before, looks);
    }
    // The first look into the log: what came before it is not known.
    watch.run_once().await;
    let before = app.store_calls("find");
    check.run_once().await.unwrap();
    assert_eq!(app.store_calls("find") - before, 1);
    watch.run_once().await;
    check.run_once().await.unwrap();
    assert_eq!(app.store_calls("find") - before, 1);
}

#[tokio::test]
async fn a_silent_stream_ends_when_its_session_has_been_idle_for_too_long() {
    for app in TestApp::on_each_store() {
        app.reload("sessions: { idle_timeout: 1d }");
        let alice = app.add_user("alice").await.signed_in_on(MAC).await;
        let silent = open_slot(&alice);
        let (watch, check) = app.components.revocation_tasks();
        watch.run_once().await;
        sleep(SETTLE_TIME).await;
        app.advance(one_second_less(DAY));
        assert_eq!((check.run_once().await.unwrap(), cancel_label(&silent)), (0, None));
        app.advance(Duration::from_secs(1));

        assert_eq!((check.run_once().await.unwrap(), cancel_label(&silent)), (1, Some("idle")));

        let label = EndReason::LABELS[5];
        assert_eq!(app.metric(&format!("sessions_ended_total{{reason=\"{label}\"}}")), 1, "in the store, too");
        app.reload("sessions: { idle_timeout: 5d }");
        assert!(!alice.reaches_app().await, "a longer timeout does not bring it back");
    }
}

#[tokio::test]
async fn without_the_store_streams_go_on_for_as_long_as_the_operator_says() {
    let app = TestApp::with_settings("sessions: { streams_outlive_store: 1s }");
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    let (guarded, public) = (open_slot(&alice), app.components.in_flight.register());
    public.begin_request();
    let (watch, check) = app.components.revocation_tasks();
    watch.run_once().await;
    app.set_fault(StoreFault::Unavailable);
    assert_eq!(watch.run_once().await, 0, "it was there a moment ago");
    assert!(check.run_once().await.is_ok(), "nobody is due");
    sleep(SETTLE_TIME).await;
    let fresh = open_slot(&alice);
    assert!(check.run_once().await.is_err());

    assert_eq!(watch.run_once().await, 1);

    assert_eq!((cancel_label(&guarded), cancel_label(&public)), (Some("store_away"), None));
    assert_eq!(cancel_label(&fresh), None, "the store has let it through a moment ago");
    guarded.unbind_session();
    app.set_fault(StoreFault::None);
    assert_eq!(watch.run_once().await, 0);
    sleep(SETTLE_TIME).await;
    assert_eq!((watch.run_once().await, cancel_label(&fresh)), (0, None), "the store is back");
}

#[tokio::test]
async fn what_ended_while_the_store_was_away_is_told_afterwards() {
    let app = TestApp::with_settings("sessions: { streams_outlive_store: 1h }");
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let (watch, _) = app.components.revocation_tasks();
    watch.run_once().await;
    let (ends, goes_on) = (open_slot(&phone), open_slot(&laptop));
    app.set_fault(StoreFault::UnavailableFor("ends"));
    end_session(&laptop, &phone).await;
    assert_eq!((watch.run_once().await, cancel_label(&ends)), (0, None));
    app.set_fault(StoreFault::None);
    assert_eq!((watch.run_once().await, cancel_label(&ends), cancel_label(&goes_on)), (1, Some("other_device"), None));
}
