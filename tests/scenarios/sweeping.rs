//! What one step of a sweep, or one thing in the store, cannot keep the rest of it from.

use crate::town::{HOUR, MAC, MINUTE, Town, Weather};

/// Steps of a sweep that may fail alone, as the store calls them.
const STEPS: [&str; 8] = [
    "scan",
    "forget_ended",
    "forget_tries",
    "clamp_accounts",
    "forget_devices",
    "forget_entries",
    "journal_size",
    "count",
];

#[tokio::test]
async fn a_step_that_fails_keeps_no_other_from_running() {
    let town = Town::new();
    for failing in STEPS {
        let asked = || STEPS.map(|step| town.asked(step));
        let before = asked();
        town.weather(Weather::AwayFor(failing));
        assert!(town.try_to_sweep().await.is_err(), "{failing}");
        for (step, (before, after)) in STEPS.iter().zip(before.iter().zip(asked())) {
            assert!(after > *before, "{failing} keeps {step} from running");
        }
    }
}

#[tokio::test]
async fn a_sweep_measures_the_journal_once() {
    let town = Town::new();
    town.sweep().await;
    assert_eq!(town.asked("journal_size"), 1);
}

#[tokio::test]
async fn a_session_that_cannot_be_ended_keeps_no_other_from_it_while_the_store_answers() {
    let town = Town::with("sessions: { idle_timeout: 1h }");
    let alice = town.with_user("alice").await;
    for _ in 0..3 {
        alice.signed_in_on(MAC).await;
    }
    town.advance(HOUR + MINUTE);
    town.weather(Weather::AwayFor("expire"));
    assert!(town.try_to_sweep().await.is_err());
    assert_eq!(town.asked("expire"), 3, "each is tried");
    town.weather(Weather::TakesNoWrites);
    assert!(town.try_to_sweep().await.is_err());
    assert_eq!(town.asked("expire"), 4, "a store that takes no writes is not asked for each");
    town.weather(Weather::Fair);
    assert_eq!(town.sweep().await.ended, 3);
}
