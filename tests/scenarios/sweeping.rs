//! What one step of a sweep, or one thing in the store, cannot keep the rest of it from.

use crate::test_app::{HOUR, MAC, MINUTE, StoreFault, TestApp};

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
    let app = TestApp::new();
    for failing in STEPS {
        let asked = || STEPS.map(|step| app.store_calls(step));
        let before = asked();
        app.set_fault(StoreFault::UnavailableFor(failing));
        assert!(app.try_to_sweep().await.is_err(), "{failing}");
        for (step, (before, after)) in STEPS.iter().zip(before.iter().zip(asked())) {
            assert!(after > *before, "{failing} keeps {step} from running");
        }
    }
}

#[tokio::test]
async fn a_sweep_measures_the_journal_once() {
    let app = TestApp::new();
    app.sweep().await;
    assert_eq!(app.store_calls("journal_size"), 1);
}

#[tokio::test]
async fn a_session_that_cannot_be_ended_keeps_no_other_from_it_while_the_store_answers() {
    let app = TestApp::with_settings("sessions: { idle_timeout: 1h }");
    let alice = app.add_user("alice").await;
    for _ in 0..3 {
        alice.signed_in_on(MAC).await;
    }
    app.advance(HOUR + MINUTE);
    app.set_fault(StoreFault::UnavailableFor("expire"));
    assert!(app.try_to_sweep().await.is_err());
    assert_eq!(app.store_calls("expire"), 3, "each is tried");
    app.set_fault(StoreFault::ReadOnly);
    assert!(app.try_to_sweep().await.is_err());
    assert_eq!(app.store_calls("expire"), 4, "a store that takes no writes is not asked for each");
    app.set_fault(StoreFault::None);
    assert_eq!(app.sweep().await.ended, 3);
}
