//! Tries are counted before it is known how they end.

use std::{sync::Arc, time::Duration};

use portcullis::{
    clock::Timestamp,
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
};
use tokio::task::JoinSet;

use super::{ContractStores, fixtures::*};

contract_tests! {
    the_last_try_is_allowed_and_closes
    whether_it_is_closed_can_be_asked_without_counting
    a_closed_counter_opens_after_its_cool_off
    a_counter_that_opens_again_begins_anew
    a_counter_forgets_old_tries
    counters_are_apart
    while_one_is_closed_nothing_is_counted
    the_latest_of_several_closed_counters_is_told
    what_is_counted_beside_is_not_asked
    a_cleared_counter_is_open
    how_several_ended_is_settled_at_once
    a_try_taken_back_does_not_count
    taking_back_the_try_that_closed_opens
    taking_back_from_nothing_is_nothing
    forgetting_opens_nothing
    what_says_nothing_any_more_can_be_forgotten
    an_endless_cool_off_never_opens
    a_clock_that_steps_back_closes_nothing_for_longer
    tries_of_the_future_count_as_now
    all_counters_of_a_try_run_from_the_same_moment
    of_two_hundred_at_once_five_get_through
}

/// What became of a try.
#[derive(Debug, PartialEq, Eq)]
enum AttemptOutcome {
    Allowed,
    /// Allowed, and the last one.
    AllowedAndCloses,
    ClosedUntil(Timestamp),
}

const ALLOWED: AttemptOutcome = AttemptOutcome::Allowed;
const CLOSED: AttemptOutcome = AttemptOutcome::AllowedAndCloses;

/// Closes with three tries in 100 seconds, for 1,000 seconds.
fn counter(name: &str) -> AttemptCounter {
    AttemptCounter {
        name: name.into(),
        limit: 3,
        window: Duration::from_secs(100),
        cool_off: Duration::from_secs(1_000),
    }
}

async fn attempt(throttle: &dyn ThrottleStore, counter: &AttemptCounter, second: u64) -> AttemptOutcome {
    match throttle.attempt(std::slice::from_ref(counter), &[], CallerClass::Stranger, at(second)).await.unwrap() {
        CountResult::Counted { newly_closed: closed, account_closed_until: beside_until } => {
            assert_eq!(beside_until, None);
            if closed.is_empty() { AttemptOutcome::Allowed } else { AttemptOutcome::AllowedAndCloses }
        }
        CountResult::Closed { until } => AttemptOutcome::ClosedUntil(until),
    }
}

async fn the_last_try_is_allowed_and_closes(stores: ContractStores) {
    let alice = counter("alice");
    assert_eq!(attempt(&*stores.throttle, &alice, 1).await, ALLOWED);
    assert_eq!(attempt(&*stores.throttle, &alice, 2).await, ALLOWED);
    assert_eq!(attempt(&*stores.throttle, &alice, 3).await, CLOSED);
    for second in [3, 4, 1_002] {
        assert_eq!(attempt(&*stores.throttle, &alice, second).await, AttemptOutcome::ClosedUntil(at(1_003)));
    }
}

async fn whether_it_is_closed_can_be_asked_without_counting(stores: ContractStores) {
    let alice = counter("alice");
    let is_closed = async |second| stores.throttle.is_closed(&alice.name, at(second)).await.unwrap();
    for _ in 0..5 {
        assert!(!is_closed(1).await, "nobody has tried");
    }
    for (second, expected) in [(1, ALLOWED), (2, ALLOWED), (3, CLOSED)] {
        assert!(!is_closed(second).await);
        assert_eq!(attempt(&*stores.throttle, &alice, second).await, expected);
    }
    for (second, closed) in [(3, true), (1_002, true), (1_003, false)] {
        assert_eq!(is_closed(second).await, closed, "{second}");
    }
}

async fn a_clock_that_steps_back_closes_nothing_for_longer(stores: ContractStores) {
    let year = 365 * 24 * 3_600;
    for (name, ahead) in [("hours", 7_200), ("years", 6 * year)] {
        let alice = AttemptCounter { limit: 1, ..counter(name) };
        assert_eq!(attempt(&*stores.throttle, &alice, 10 + ahead).await, CLOSED);
        assert_eq!(
            attempt(&*stores.throttle, &alice, 10).await,
            AttemptOutcome::ClosedUntil(at(1_010)),
            "for its cool-off, at most"
        );
        assert_eq!(
            attempt(&*stores.throttle, &alice, 500).await,
            AttemptOutcome::ClosedUntil(at(1_010)),
            "and from then on"
        );
        assert_eq!(attempt(&*stores.throttle, &alice, 1_010).await, CLOSED);
    }
}

async fn all_counters_of_a_try_run_from_the_same_moment(stores: ContractStores) {
    let (own, other) = (AttemptCounter { limit: 1, ..counter("own") }, AttemptCounter { limit: 1, ..counter("other") });
    let (asked, beside) = ([own], [other]);
    let both =
        async |second| stores.throttle.attempt(&asked, &beside, CallerClass::Stranger, at(second)).await.unwrap();
    let counted =
        CountResult::Counted { newly_closed: vec!["own".to_owned(), "other".to_owned()], account_closed_until: None };
    assert_eq!(both(90_000).await, counted);
    assert_eq!(both(50).await, CountResult::Closed { until: at(1_050) });
    assert_eq!(both(1_050).await, counted, "the other one does not begin to run when the first one opens");
}

async fn tries_of_the_future_count_as_now(stores: ContractStores) {
    let alice = counter("alice");
    for second in [9_000, 9_001, 50] {
        let expected = if second == 50 { CLOSED } else { ALLOWED };
        assert_eq!(attempt(&*stores.throttle, &alice, second).await, expected, "{second}");
    }
    let bob = counter("bob");
    for second in [9_000, 9_001] {
        assert_eq!(attempt(&*stores.throttle, &bob, second).await, ALLOWED);
    }
    // Another counter is closed meanwhile, so that nothing is counted: it is read, and that is enough.
    let shut = AttemptCounter { limit: 1, ..counter("shut") };
    assert_eq!(attempt(&*stores.throttle, &shut, 50).await, CLOSED);
    let both = [bob.clone(), shut];
    assert_eq!(
        stores.throttle.attempt(&both, &[], CallerClass::Stranger, at(50)).await.unwrap(),
        CountResult::Closed { until: at(1_050) }
    );
    for second in [151, 152] {
        assert_eq!(attempt(&*stores.throttle, &bob, second).await, ALLOWED, "they were of 50, and are forgotten");
    }
}

async fn a_closed_counter_opens_after_its_cool_off(stores: ContractStores) {
    let alice = AttemptCounter { limit: 1, ..counter("alice") };
    assert_eq!(attempt(&*stores.throttle, &alice, 0).await, CLOSED);
    assert_eq!(attempt(&*stores.throttle, &alice, 999).await, AttemptOutcome::ClosedUntil(at(1_000)));
    assert_eq!(attempt(&*stores.throttle, &alice, 1_000).await, CLOSED);
}

async fn a_counter_that_opens_again_begins_anew(stores: ContractStores) {
    let alice = AttemptCounter { window: Duration::from_secs(5_000), ..counter("alice") };
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &alice, 0).await, expected);
    }
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &alice, 1_000).await, expected);
    }
}

async fn a_counter_forgets_old_tries(stores: ContractStores) {
    let alice = counter("alice");
    for second in [0, 60, 101, 161, 202, 262] {
        assert_eq!(attempt(&*stores.throttle, &alice, second).await, ALLOWED, "never three in 100 seconds");
    }
    assert_eq!(attempt(&*stores.throttle, &alice, 302).await, CLOSED, "202 is exactly 100 seconds old, not older");
}

async fn counters_are_apart(stores: ContractStores) {
    let (alice, bob) = (AttemptCounter { limit: 1, ..counter("alice") }, AttemptCounter { limit: 1, ..counter("bob") });
    assert_eq!(attempt(&*stores.throttle, &alice, 1).await, CLOSED);
    assert_eq!(attempt(&*stores.throttle, &bob, 1).await, CLOSED);
}

async fn while_one_is_closed_nothing_is_counted(stores: ContractStores) {
    let (account, address) = (AttemptCounter { limit: 1, ..counter("account") }, counter("address"));
    assert_eq!(attempt(&*stores.throttle, &account, 1).await, CLOSED);
    for order in [[address.clone(), account.clone()], [account, address.clone()]] {
        for _ in 0..5 {
            let verdict = stores.throttle.attempt(&order, &[], CallerClass::Stranger, at(2)).await.unwrap();
            assert_eq!(verdict, CountResult::Closed { until: at(1_001) });
        }
    }
    assert_eq!(attempt(&*stores.throttle, &address, 3).await, ALLOWED);
    assert_eq!(attempt(&*stores.throttle, &address, 3).await, ALLOWED);
    assert_eq!(attempt(&*stores.throttle, &address, 3).await, CLOSED);
}

async fn the_latest_of_several_closed_counters_is_told(stores: ContractStores) {
    let (one, two) = (AttemptCounter { limit: 1, ..counter("one") }, AttemptCounter { limit: 1, ..counter("two") });
    attempt(&*stores.throttle, &two, 7).await;
    attempt(&*stores.throttle, &one, 1).await;
    for both in [[one.clone(), two.clone()], [two, one]] {
        assert_eq!(
            stores.throttle.attempt(&both, &[], CallerClass::Stranger, at(8)).await.unwrap(),
            CountResult::Closed { until: at(1_007) }
        );
    }
}

async fn what_is_counted_beside_is_not_asked(stores: ContractStores) {
    let (own, open, shut) = (counter("own"), counter("open"), AttemptCounter { limit: 1, ..counter("shut") });
    attempt(&*stores.throttle, &shut, 1).await;
    let beside = [open.clone(), shut];
    for newly_closed in [vec![], vec![], vec!["own".to_owned(), "open".to_owned()]] {
        let tally =
            stores.throttle.attempt(std::slice::from_ref(&own), &beside, CallerClass::Stranger, at(2)).await.unwrap();
        assert_eq!(tally, CountResult::Counted { newly_closed, account_closed_until: Some(at(1_001)) });
    }
    assert_eq!(attempt(&*stores.throttle, &open, 3).await, AttemptOutcome::ClosedUntil(at(1_002)), "it was counted");
}

async fn how_several_ended_is_settled_at_once(stores: ContractStores) {
    let (own, shared) = (counter("own"), AttemptCounter { limit: 2, ..counter("shared") });
    for _ in 0..5 {
        let both = [own.clone(), shared.clone()];
        let tally = stores.throttle.attempt(&both, &[], CallerClass::Stranger, at(1)).await.unwrap();
        assert_eq!(tally, CountResult::Counted { newly_closed: vec![], account_closed_until: None });
        stores.throttle.finish(&["own".to_owned()], &["shared".to_owned()], CallerClass::Stranger).await.unwrap();
    }
}

async fn a_cleared_counter_is_open(stores: ContractStores) {
    let alice = counter("alice");
    for second in 1..=3 {
        attempt(&*stores.throttle, &alice, second).await;
    }
    stores.throttle.finish(&["alice".to_owned()], &[], CallerClass::Stranger).await.unwrap();
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &alice, 5).await, expected);
    }
}

async fn a_try_taken_back_does_not_count(stores: ContractStores) {
    let alice = counter("alice");
    for second in 1..=10 {
        assert_eq!(attempt(&*stores.throttle, &alice, second).await, ALLOWED);
        stores.throttle.finish(&[], &["alice".to_owned()], CallerClass::Stranger).await.unwrap();
    }
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &alice, 11).await, expected);
    }
}

async fn taking_back_the_try_that_closed_opens(stores: ContractStores) {
    let alice = counter("alice");
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &alice, 1).await, expected);
    }
    stores.throttle.finish(&[], &["alice".to_owned()], CallerClass::Stranger).await.unwrap();
    assert_eq!(attempt(&*stores.throttle, &alice, 2).await, CLOSED, "open, and the others still count");
}

async fn taking_back_from_nothing_is_nothing(stores: ContractStores) {
    let alice = counter("alice");
    stores.throttle.finish(&[], &["alice".to_owned()], CallerClass::Stranger).await.unwrap();
    stores.throttle.finish(&["alice".to_owned()], &[], CallerClass::Stranger).await.unwrap();
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &alice, 1).await, expected);
    }
}

async fn forgetting_opens_nothing(stores: ContractStores) {
    let (busy, closed) = (counter("busy"), AttemptCounter { limit: 1, ..counter("closed") });
    let quick = AttemptCounter { cool_off: Duration::from_secs(1), ..counter("quick") };
    attempt(&*stores.throttle, &busy, 1).await;
    attempt(&*stores.throttle, &busy, 2).await;
    attempt(&*stores.throttle, &closed, 2).await;
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &quick, 50).await, expected);
    }
    stores.throttle.finish(&[], &["quick".to_owned()], CallerClass::Stranger).await.unwrap();
    stores.throttle.delete_stale(at(90)).await.unwrap();
    assert_eq!(attempt(&*stores.throttle, &busy, 90).await, CLOSED);
    assert_eq!(attempt(&*stores.throttle, &closed, 90).await, AttemptOutcome::ClosedUntil(at(1_002)));
    assert_eq!(attempt(&*stores.throttle, &quick, 90).await, CLOSED);
}

async fn what_says_nothing_any_more_can_be_forgotten(stores: ContractStores) {
    let (old, over) = (counter("old"), AttemptCounter { limit: 1, ..counter("over") });
    attempt(&*stores.throttle, &old, 1).await;
    attempt(&*stores.throttle, &over, 1).await;
    stores.throttle.delete_stale(at(5_000)).await.unwrap();
    for expected in [ALLOWED, ALLOWED, CLOSED] {
        assert_eq!(attempt(&*stores.throttle, &old, 5_000).await, expected);
    }
    assert_eq!(attempt(&*stores.throttle, &over, 5_000).await, CLOSED);
}

async fn an_endless_cool_off_never_opens(stores: ContractStores) {
    let alice = AttemptCounter { limit: 1, cool_off: Duration::MAX, ..counter("alice") };
    assert_eq!(attempt(&*stores.throttle, &alice, 1).await, CLOSED);
    stores.throttle.delete_stale(at(4_000_000_000)).await.unwrap();
    assert!(matches!(attempt(&*stores.throttle, &alice, 4_000_000_000).await, AttemptOutcome::ClosedUntil(_)));
}

async fn of_two_hundred_at_once_five_get_through(stores: ContractStores) {
    let both = [AttemptCounter { limit: 5, ..counter("account") }, AttemptCounter { limit: 100, ..counter("address") }];
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let (throttle, both) = (Arc::clone(&stores.throttle), both.clone());
        tasks.spawn(async move { throttle.attempt(&both, &[], CallerClass::Stranger, at(1)).await.unwrap() });
    }
    let verdicts = tasks.join_all().await;
    let of = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let counted = |closed: &[&str]| CountResult::Counted {
        newly_closed: closed.iter().map(ToString::to_string).collect(),
        account_closed_until: None,
    };
    let told = (of(counted(&[])), of(counted(&["account"])), of(CountResult::Closed { until: at(1_001) }));
    assert_eq!(told, (4, 1, 195));
}
