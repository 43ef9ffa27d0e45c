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

use crate::town::{Browser, DAY, IPHONE, MAC, Town, Weather, just_under};

/// Longer than what was let through a moment ago.
const A_WHILE: Duration = Duration::from_millis(1_100);

/// A stream that a browser has open.
fn stream(browser: &Browser<'_>) -> Arc<InFlightSlot> {
    let line = browser.town.parts.in_flight.register();
    line.begin_request();
    assert!(line.bind_session(browser.session().parse().unwrap(), line.end_epoch()));
    line
}

/// Why it was cut, if it was.
fn cut(line: &InFlightSlot) -> Option<&'static str> {
    line.cancelled().now_or_never().map(CancelReason::label)
}

async fn end(by: &Browser<'_>, whose: &Browser<'_>) {
    assert_eq!(by.api("DELETE", &format!("/sessions/{}", whose.session()), json!({})).await.status, 204);
}

#[tokio::test]
async fn the_log_of_ends_cuts_what_is_in_flight_and_nothing_else() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let (watch, _) = town.parts.revocation_tasks();
        assert_eq!(watch.run_once().await, 0);
        let (ends, another, goes_on) = (stream(&phone), stream(&phone), stream(&laptop));
        end(&laptop, &phone).await;
        town.advance(Duration::from_millis(300));

        assert_eq!(watch.run_once().await, 2);

        assert_eq!((cut(&ends), cut(&another)), (Some("other_device"), Some("other_device")));
        assert_eq!(cut(&goes_on), None);
        assert_eq!(watch.run_once().await, 0, "each end is told once");
        let told = "revocation_propagation_seconds_bucket";
        assert_eq!(town.metric(&format!("{told}{{le=\"0.25\"}}")), 0);
        assert_eq!(town.metric(&format!("{told}{{le=\"0.5\"}}")), 1);
    }
}

#[tokio::test]
async fn an_end_is_hinted_at() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let (watch, _) = town.parts.revocation_tasks();
    // Signing in ends nothing, and yet a hint may be left of what came before.
    watch.due().await;
    let waits = town.parts.clock.stopwatch();
    end(&laptop, &phone).await;
    watch.due().await;
    assert!(waits.elapsed() < Duration::from_millis(200), "{:?}", waits.elapsed());
}

#[tokio::test]
async fn what_the_log_did_not_tell_is_found_by_looking() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let (ends, goes_on) = (stream(&phone), stream(&laptop));
        end(&laptop, &phone).await;
        let (_, check) = town.parts.revocation_tasks();
        assert_eq!(check.run_once().await.unwrap(), 0, "it was let through a moment ago");
        sleep(A_WHILE).await;

        assert_eq!(check.run_once().await.unwrap(), 1);

        assert_eq!((cut(&ends), cut(&goes_on)), (Some("gone"), None));
    }
}

#[tokio::test]
async fn whoever_was_found_good_is_not_looked_up_each_time_unless_there_is_doubt() {
    let town = Town::new();
    let alice = town.with_user("alice").await.signed_in_on(MAC).await;
    let _stream = stream(&alice);
    let (watch, check) = town.parts.revocation_tasks();
    sleep(A_WHILE).await;
    for looks in [1, 0, 0] {
        let before = town.asked("find");
        assert_eq!(check.run_once().await.unwrap(), 0);
        assert_eq!(town.asked("find") - before, looks);
    }
    // The first look into the log: what came before it is not known.
    watch.run_once().await;
    let before = town.asked("find");
    check.run_once().await.unwrap();
    assert_eq!(town.asked("find") - before, 1);
    watch.run_once().await;
    check.run_once().await.unwrap();
    assert_eq!(town.asked("find") - before, 1);
}

#[tokio::test]
async fn a_silent_stream_ends_when_its_session_has_been_idle_for_too_long() {
    for town in Town::on_each_store() {
        town.rule("sessions: { idle_timeout: 1d }");
        let alice = town.with_user("alice").await.signed_in_on(MAC).await;
        let silent = stream(&alice);
        let (watch, check) = town.parts.revocation_tasks();
        watch.run_once().await;
        sleep(A_WHILE).await;
        town.advance(just_under(DAY));
        assert_eq!((check.run_once().await.unwrap(), cut(&silent)), (0, None));
        town.advance(Duration::from_secs(1));

        assert_eq!((check.run_once().await.unwrap(), cut(&silent)), (1, Some("idle")));

        let label = EndReason::LABELS[5];
        assert_eq!(town.metric(&format!("sessions_ended_total{{reason=\"{label}\"}}")), 1, "in the store, too");
        town.rule("sessions: { idle_timeout: 5d }");
        assert!(!alice.is_let_in().await, "a longer timeout does not bring it back");
    }
}

#[tokio::test]
async fn without_the_store_streams_go_on_for_as_long_as_the_operator_says() {
    let town = Town::with("sessions: { streams_outlive_store: 1s }");
    let alice = town.with_user("alice").await.signed_in_on(MAC).await;
    let (guarded, public) = (stream(&alice), town.parts.in_flight.register());
    public.begin_request();
    let (watch, check) = town.parts.revocation_tasks();
    watch.run_once().await;
    town.weather(Weather::Away);
    assert_eq!(watch.run_once().await, 0, "it was there a moment ago");
    assert!(check.run_once().await.is_ok(), "nobody is due");
    sleep(A_WHILE).await;
    let fresh = stream(&alice);
    assert!(check.run_once().await.is_err());

    assert_eq!(watch.run_once().await, 1);

    assert_eq!((cut(&guarded), cut(&public)), (Some("store_away"), None));
    assert_eq!(cut(&fresh), None, "the store has let it through a moment ago");
    guarded.unbind_session();
    town.weather(Weather::Fair);
    assert_eq!(watch.run_once().await, 0);
    sleep(A_WHILE).await;
    assert_eq!((watch.run_once().await, cut(&fresh)), (0, None), "the store is back");
}

#[tokio::test]
async fn what_ended_while_the_store_was_away_is_told_afterwards() {
    let town = Town::with("sessions: { streams_outlive_store: 1h }");
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let (watch, _) = town.parts.revocation_tasks();
    watch.run_once().await;
    let (ends, goes_on) = (stream(&phone), stream(&laptop));
    town.weather(Weather::AwayFor("ends"));
    end(&laptop, &phone).await;
    assert_eq!((watch.run_once().await, cut(&ends)), (0, None));
    town.weather(Weather::Fair);
    assert_eq!((watch.run_once().await, cut(&ends), cut(&goes_on)), (1, Some("other_device"), None));
}
