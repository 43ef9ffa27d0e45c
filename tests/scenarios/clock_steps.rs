//! The clock steps back between two runs: what was written by the one that was ahead counts as now.

use std::time::Duration;

use portcullis::audit::Actor;

use crate::test_app::{DAY, HOUR, MAC, PASSWORD, SECOND, TestApp, one_second_less};

const STEPS: [Duration; 3] = [HOUR, Duration::from_hours(24 * 30), Duration::from_hours(24 * 365 * 6)];

#[tokio::test]
async fn a_session_idles_from_the_first_look_after_the_step() {
    for step in STEPS {
        for app in TestApp::on_each_store() {
            let alice = app.add_user("alice").await;
            let browser = alice.remembered_on(MAC).await;
            assert!(browser.reaches_app().await);
            app.flush().await;
            let back = app.now().minus(step);
            app.components.clock.set(back);

            assert!(browser.reaches_app().await, "{step:?}");
            assert_eq!(app.store_calls("clamp"), 1, "whoever reads it first writes that");
            assert!(browser.reaches_app().await);
            assert_eq!(app.store_calls("clamp"), 1, "once");
            let session = &browser.items("/sessions").await[0];
            assert_eq!(session["last_active_at"], back.rfc3339());
            assert_eq!(session["created_at"], back.rfc3339());

            app.pass_time(one_second_less(7 * DAY)).await;
            assert!(browser.reaches_app().await, "{step:?}");
            let proved = app.components.stores.sessions.list(alice.id()).await.unwrap()[0].proof.at;
            assert_eq!(proved, back, "the proof stays where it was put");
            app.pass_time(7 * DAY).await;
            assert!(!browser.reaches_app().await, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_session_that_nobody_uses_idles_from_the_first_sweep_after_the_step() {
    for step in STEPS {
        for app in TestApp::on_each_store() {
            app.add_user("alice").await.remembered_on(MAC).await;
            app.components.clock.set(app.now().minus(step));
            assert_eq!(app.sweep().await.remaining, 1);
            app.advance(one_second_less(7 * DAY));
            assert_eq!(app.sweep().await.remaining, 1, "{step:?}");
            app.advance(HOUR);
            assert_eq!(app.sweep().await.remaining, 0, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_lock_is_never_longer_than_its_cool_off() {
    for step in STEPS {
        for app in TestApp::on_each_store() {
            app.add_user("alice").await;
            for _ in 0..5 {
                app.new_browser().sign_in("alice", "wrong").await;
            }
            app.components.clock.set(app.now().minus(step));
            let answer = app.new_browser().sign_in("alice", PASSWORD).await;
            assert_eq!(answer.status, 429, "{step:?}");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert_eq!((answer.status, seconds), (429, 1_800), "{step:?}");
            app.advance(Duration::from_mins(30));
            assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 303, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_link_is_good_for_a_day_from_the_first_sweep_after_the_step() {
    for step in STEPS {
        for app in TestApp::on_each_store() {
            let alice = app.add_user("alice").await;
            let (link, _) = app.components.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
            let page = format!("/security/set-password?token={}", link.expose());
            app.components.clock.set(app.now().minus(step));
            app.sweep().await;
            app.advance(one_second_less(DAY));
            app.sweep().await;
            assert_eq!(app.new_browser().get(&page).await.response().status, 200, "{step:?}");
            app.advance(SECOND);
            assert_eq!(app.new_browser().get(&page).await.response().status, 410, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_device_is_known_for_400_days_from_the_first_sweep_after_the_step() {
    for step in STEPS {
        for app in TestApp::on_each_store() {
            let alice = app.add_user("alice").await;
            alice.signed_in_on(MAC).await;
            let known = async || app.components.stores.accounts.device_ids(alice.id()).await.unwrap().len();
            app.components.clock.set(app.now().minus(step));
            app.sweep().await;
            app.advance(one_second_less(400 * DAY));
            app.sweep().await;
            assert_eq!(known().await, 1, "{step:?}");
            app.advance(SECOND + SECOND);
            app.sweep().await;
            assert_eq!(known().await, 0, "{step:?}");
        }
    }
}
