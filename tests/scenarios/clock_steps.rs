//! The clock steps back between two runs: what was written by the one that was ahead counts as now.

use std::time::Duration;

use portcullis::audit::Actor;

use crate::town::{DAY, HOUR, MAC, PASSWORD, SECOND, Town, just_under};

const STEPS: [Duration; 3] = [HOUR, Duration::from_hours(24 * 30), Duration::from_hours(24 * 365 * 6)];

#[tokio::test]
async fn a_session_idles_from_the_first_look_after_the_step() {
    for step in STEPS {
        for town in Town::on_each_store() {
            let alice = town.with_user("alice").await;
            let browser = alice.remembered_on(MAC).await;
            assert!(browser.is_let_in().await);
            town.flush().await;
            let back = town.now().minus(step);
            town.parts.clock.set(back);

            assert!(browser.is_let_in().await, "{step:?}");
            assert_eq!(town.asked("clamp"), 1, "whoever reads it first writes that");
            assert!(browser.is_let_in().await);
            assert_eq!(town.asked("clamp"), 1, "once");
            let session = &browser.items("/sessions").await[0];
            assert_eq!(session["last_active_at"], back.rfc3339());
            assert_eq!(session["created_at"], back.rfc3339());

            town.pass(just_under(7 * DAY)).await;
            assert!(browser.is_let_in().await, "{step:?}");
            let proved = town.parts.stores.sessions.list(alice.id()).await.unwrap()[0].proof.at;
            assert_eq!(proved, back, "the proof stays where it was put");
            town.pass(7 * DAY).await;
            assert!(!browser.is_let_in().await, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_session_that_nobody_uses_idles_from_the_first_sweep_after_the_step() {
    for step in STEPS {
        for town in Town::on_each_store() {
            town.with_user("alice").await.remembered_on(MAC).await;
            town.parts.clock.set(town.now().minus(step));
            assert_eq!(town.sweep().await.remaining, 1);
            town.advance(just_under(7 * DAY));
            assert_eq!(town.sweep().await.remaining, 1, "{step:?}");
            town.advance(HOUR);
            assert_eq!(town.sweep().await.remaining, 0, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_lock_is_never_longer_than_its_cool_off() {
    for step in STEPS {
        for town in Town::on_each_store() {
            town.with_user("alice").await;
            for _ in 0..5 {
                town.stranger().sign_in("alice", "wrong").await;
            }
            town.parts.clock.set(town.now().minus(step));
            let answer = town.stranger().sign_in("alice", PASSWORD).await;
            assert_eq!(answer.status, 429, "{step:?}");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert_eq!((answer.status, seconds), (429, 1_800), "{step:?}");
            town.advance(Duration::from_mins(30));
            assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 303, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_link_is_good_for_a_day_from_the_first_sweep_after_the_step() {
    for step in STEPS {
        for town in Town::on_each_store() {
            let alice = town.with_user("alice").await;
            let (link, _) = town.parts.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
            let page = format!("/security/set-password?token={}", link.expose());
            town.parts.clock.set(town.now().minus(step));
            town.sweep().await;
            town.advance(just_under(DAY));
            town.sweep().await;
            assert_eq!(town.stranger().get(&page).await.answer().status, 200, "{step:?}");
            town.advance(SECOND);
            assert_eq!(town.stranger().get(&page).await.answer().status, 410, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_device_is_known_for_400_days_from_the_first_sweep_after_the_step() {
    for step in STEPS {
        for town in Town::on_each_store() {
            let alice = town.with_user("alice").await;
            alice.signed_in_on(MAC).await;
            let known = async || town.parts.stores.accounts.device_ids(alice.id()).await.unwrap().len();
            town.parts.clock.set(town.now().minus(step));
            town.sweep().await;
            town.advance(just_under(400 * DAY));
            town.sweep().await;
            assert_eq!(known().await, 1, "{step:?}");
            town.advance(SECOND + SECOND);
            town.sweep().await;
            assert_eq!(known().await, 0, "{step:?}");
        }
    }
}
