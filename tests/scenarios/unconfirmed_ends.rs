//! A store that is read and takes no writes: an end holds in this process until it can be written, and nothing more is claimed.

use futures_util::FutureExt as _;
use portcullis::{audit::AuditEvent, id::SessionId, session::EndReason, tasks::Task as _};
use serde_json::Value;

use crate::store_contract::fixtures::new_session;
use crate::test_app::{Browser, IPHONE, MAC, MINUTE, PASSWORD, StoreFault, TestApp, TestResponse};

/// Acts by the API: method, path, whether they end the session that asks, whether they end others.
const CALLS: [(&str, &str, bool, bool); 4] = [
    ("POST", "/sign-out", true, false),
    ("DELETE", "/sessions/{phone}", false, true),
    ("POST", "/sessions/revoke-others", false, true),
    ("POST", "/sessions/revoke-all", true, true),
];
/// The same by pages.
const PAGES: [(&str, bool, bool); 4] = [
    ("/security/sign-out", true, false),
    ("/security/sessions/{phone}/sign-out", false, true),
    ("/security/sessions/sign-out-others", false, true),
    ("/security/sessions/sign-out-all", true, true),
];

fn end_events(app: &TestApp) -> Vec<(String, EndReason, i64)> {
    let ended = |entry: &portcullis::audit::AuditEntry| match &entry.event {
        AuditEvent::SessionEnded { session, end_reason: ending, .. } => {
            Some((session.to_string(), ending.clone(), entry.at.as_millis()))
        }
        _ => None,
    };
    app.audit_entries().iter().filter_map(ended).collect()
}

/// Looks whether exactly those are out that should be, writes the end, and looks again.
async fn assert_holds_and_written_once(
    app: &TestApp,
    laptop: &Browser<'_>,
    phone: &Browser<'_>,
    own: bool,
    others: bool,
) {
    let at = app.now().as_millis();
    assert_eq!(
        (laptop.clone_with_cookies().reaches_app().await, phone.clone_with_cookies().reaches_app().await),
        (!own, !others),
        "at once, in this process"
    );
    let count = u64::from(own) + u64::from(others);
    assert_eq!(app.metric("ends_unconfirmed"), count);
    let confirm = app.components.confirm_ends();
    app.advance(MINUTE);
    assert!(confirm.run_once().await.is_err(), "it still takes no writes");
    assert_eq!((end_events(app), app.metric("ends_unconfirmed")), (Vec::new(), count));
    app.set_fault(StoreFault::None);
    assert_eq!(confirm.run_once().await.unwrap() as u64, count);
    assert_eq!(confirm.run_once().await.unwrap(), 0, "once");
    assert_eq!(app.metric("ends_unconfirmed"), 0);
    let told = end_events(app);
    assert_eq!(told.len() as u64, count, "{told:?}");
    assert!(told.iter().all(|(.., when)| *when == at), "with the time of the act: {told:?}");
    for (session, ending, _) in told {
        assert_eq!(ending == EndReason::SignedOut, session == laptop.session_id(), "{session}: {ending:?}");
    }
    assert_eq!(
        (laptop.clone_with_cookies().reaches_app().await, phone.clone_with_cookies().reaches_app().await),
        (!own, !others)
    );
}

async fn submit_form(browser: &Browser<'_>, page: &str) -> TestResponse {
    let shown = browser.get(page).await.response();
    let token = shown.text().split_once("name=\"form\" value=\"").map(|(_, rest)| rest.split('"').next().unwrap());
    let fields: Vec<_> = token.into_iter().map(|token| ("form", token)).collect();
    browser.app.set_fault(StoreFault::ReadOnly);
    browser.post_form(page, &fields).await.response()
}

#[tokio::test]
async fn each_end_by_the_api_holds_at_once_and_is_told_as_not_confirmed() {
    for (method, path, own, others) in CALLS {
        for app in TestApp::on_each_store() {
            let alice = app.add_user("alice").await;
            let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
            app.set_fault(StoreFault::ReadOnly);
            let path = path.replace("{phone}", &phone.session_id());
            let answer = laptop.api(method, &path, Value::Null).await;
            assert_eq!((answer.status, answer.problem_type().as_str()), (503, "end-not-confirmed"), "{path}");
            assert_eq!(answer.header("retry-after"), Some("5"), "{path}");
            assert!(answer.cookies().is_empty(), "{path}: nothing is claimed");
            assert_holds_and_written_once(&app, &laptop, &phone, own, others).await;
        }
    }
}

#[tokio::test]
async fn each_end_by_a_page_holds_at_once_and_the_page_says_what_that_is_worth() {
    for (page, own, others) in PAGES {
        for app in TestApp::on_each_store() {
            let alice = app.add_user("alice").await;
            let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
            let before = laptop.clone_with_cookies();
            let answer = submit_form(&laptop, &page.replace("{phone}", &phone.session_id())).await;
            assert_eq!(answer.status, 503, "{page}: {}", answer.text());
            assert!(answer.contains_text("Signed out, but not yet confirmed"), "{page}");
            assert!(answer.contains_text("If Portcullis is restarted before that, this is lost"), "{page}");
            assert_eq!(laptop.cookie(app.cookie_name()).is_none(), own, "{page}: who walks away leaves no key");
            assert_holds_and_written_once(&app, &before, &phone, own, others).await;
        }
    }
}

#[tokio::test]
async fn a_look_that_was_under_way_while_the_end_was_written_lets_nobody_in() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        app.set_fault(StoreFault::ReadOnly);
        let path = format!("/sessions/{}", phone.session_id());
        assert_eq!(laptop.api("DELETE", &path, Value::Null).await.problem_type(), "end-not-confirmed");
        app.set_fault(StoreFault::HoldsReplyOf("find"));
        let looks = app.store_calls("find");
        let look = phone.reaches_app();
        let written = async {
            while app.store_calls("find") == looks {
                tokio::task::yield_now().await;
            }
            let written = app.components.confirm_ends().run_once().await.unwrap();
            app.release_reply();
            written
        };
        let (is_in, written) = futures_util::future::join(look, written).await;
        assert_eq!((is_in, written), (false, 1));
    }
}

#[tokio::test]
async fn who_signs_out_again_is_told_the_same_until_it_is_written() {
    for app in TestApp::on_each_store() {
        let laptop = app.add_user("alice").await.signed_in_on(MAC).await;
        app.set_fault(StoreFault::ReadOnly);
        for _ in 0..2 {
            assert_eq!(laptop.api("POST", "/sign-out", Value::Null).await.problem_type(), "end-not-confirmed");
            assert_eq!(laptop.clone_with_cookies().get("/security/sign-out").await.response().status, 503);
        }
        assert_eq!(app.metric("ends_unconfirmed"), 1);
        app.set_fault(StoreFault::None);
        app.components.confirm_ends().run_once().await.unwrap();
        assert_eq!(laptop.api("POST", "/sign-out", Value::Null).await.status, 204);
        assert_eq!(end_events(&app).len(), 1);
    }
}

#[tokio::test]
async fn who_was_signed_out_is_told_why_and_a_stranger_with_the_id_is_not() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let before = phone.clone_with_cookies();
        app.set_fault(StoreFault::ReadOnly);
        laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
        let why = "because this session was ended from";
        assert!(phone.get("/security/sign-in").await.response().contains_text(why));
        let forged = format!("{}.{}", before.session_cookie().split('.').next().unwrap(), "A".repeat(43));
        let anonymous = app.new_browser();
        anonymous.set_cookie(app.cookie_name(), &forged);
        assert!(!anonymous.get("/security/sign-in").await.response().contains_text(why));
    }
}

#[tokio::test]
async fn what_is_open_is_cut_for_the_reason_of_that_end() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let lines = [&laptop, &phone].map(|browser| {
            let line = app.components.in_flight.register();
            line.begin_request();
            assert!(line.bind_session(browser.session_id().parse().unwrap(), line.end_epoch()));
            line
        });
        app.set_fault(StoreFault::ReadOnly);
        laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
        let confirm = app.components.confirm_ends();
        assert_eq!(confirm.due().now_or_never(), Some(()), "it is due at once");
        assert!(confirm.run_once().await.is_err());
        let [stays, goes] =
            lines.map(|line| line.cancelled().now_or_never().map(portcullis::proxy::CancelReason::label));
        assert_eq!((stays, goes), (None, Some("other_device")));
    }
}

#[tokio::test]
async fn where_nothing_can_be_read_nothing_is_ended() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        app.set_fault(StoreFault::Unavailable);
        for (method, path, ..) in CALLS {
            let path = path.replace("{phone}", &phone.session_id());
            assert_eq!(laptop.api(method, &path, Value::Null).await.problem_type(), "store-unavailable", "{path}");
        }
        app.set_fault(StoreFault::None);
        assert!(laptop.reaches_app().await && phone.reaches_app().await);
        assert_eq!(app.metric("ends_unconfirmed"), 0);
    }
}

#[tokio::test]
async fn a_password_that_cannot_be_changed_ends_nothing() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        app.set_fault(StoreFault::UnavailableFor("set_password"));
        let body = serde_json::json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
        assert_eq!(laptop.api("PUT", "/password", body).await.problem_type(), "store-unavailable");
        assert!(laptop.reaches_app().await && phone.reaches_app().await);
    }
}

#[tokio::test]
async fn who_signs_in_after_the_act_stays_when_it_is_written() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        app.set_fault(StoreFault::ReadOnly);
        laptop.api("POST", "/sessions/revoke-all", Value::Null).await;
        app.set_fault(StoreFault::None);
        let later = alice.signed_in_on(MAC).await;
        assert_eq!(app.components.confirm_ends().run_once().await.unwrap(), 2);
        assert!(later.reaches_app().await && !phone.reaches_app().await);
    }
}

#[tokio::test]
async fn a_session_whose_end_is_held_is_in_no_list() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let listed = async || laptop.api("GET", "/sessions", Value::Null).await.text().contains(&phone.session_id());
        let shown = async || laptop.get("/security/sessions").await.response().contains_text("iPhone");
        assert!(listed().await && shown().await);
        app.set_fault(StoreFault::ReadOnly);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session_id()), Value::Null).await;
        assert!(!listed().await && !shown().await);
        let id = phone.session_id();
        assert_eq!(laptop.api("GET", &format!("/sessions/{id}"), Value::Null).await.status, 404);
        assert_eq!(laptop.get(&format!("/security/sessions/{id}")).await.response().status, 404);
        app.set_fault(StoreFault::None);
        app.components.confirm_ends().run_once().await.unwrap();
        assert!(!listed().await && !shown().await);
    }
}

#[tokio::test]
async fn a_session_from_before_an_end_of_all_that_is_found_later_ends_with_it() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let laptop = alice.signed_in_on(MAC).await;
        let sessions = &app.components.stores.sessions;
        let owner = laptop.session_id().parse::<SessionId>().unwrap().owner();
        let account = app.components.stores.accounts.get(owner).await.unwrap().unwrap();
        let generation = sessions.put_user_snapshot(&account.snapshot()).await.unwrap();
        let before = app.now();
        app.advance(MINUTE);
        app.set_fault(StoreFault::ReadOnly);
        assert_eq!(laptop.api("POST", "/sessions/revoke-all", Value::Null).await.problem_type(), "end-not-confirmed");
        app.set_fault(StoreFault::None);
        app.advance(MINUTE);
        let [late, after] = [before, app.now()].map(|opened| new_session(owner, opened, generation));
        for new in [&late, &after] {
            sessions.open(new.clone()).await.unwrap();
        }
        assert_eq!(app.components.confirm_ends().run_once().await.unwrap(), 2, "hers, and the late one");
        assert!(sessions.find(late.session.id).await.unwrap().is_none());
        assert!(sessions.find(after.session.id).await.unwrap().is_some(), "whoever comes after the act stays");
    }
}

#[tokio::test]
async fn an_end_of_all_that_is_held_while_others_are_written_finds_the_late_ones_too() {
    for app in TestApp::on_each_store() {
        let (alice, bob) = (app.add_user("alice").await, app.add_user("bob").await);
        let (laptop, phone) = (alice.signed_in_on(MAC).await, bob.signed_in_on(IPHONE).await);
        bob.signed_in_on(MAC).await;
        let sessions = &app.components.stores.sessions;
        let owner = laptop.session_id().parse::<SessionId>().unwrap().owner();
        let account = app.components.stores.accounts.get(owner).await.unwrap().unwrap();
        let generation = sessions.put_user_snapshot(&account.snapshot()).await.unwrap();
        let late = new_session(owner, app.now(), generation);
        app.advance(MINUTE);
        app.set_fault(StoreFault::ReadOnly);
        assert_eq!(phone.api("POST", "/sessions/revoke-all", Value::Null).await.problem_type(), "end-not-confirmed");

        app.set_fault(StoreFault::HoldsReplyOf("end"));
        let (asked, confirm) = (app.store_calls("end"), app.components.confirm_ends());
        let at_the = async |end| {
            while app.store_calls("end") < asked + end {
                tokio::task::yield_now().await;
            }
        };
        let meanwhile = async {
            at_the(1).await;
            app.release_reply();
            at_the(2).await;
            app.set_fault(StoreFault::ReadOnly);
            assert_eq!(
                laptop.api("POST", "/sessions/revoke-all", Value::Null).await.problem_type(),
                "end-not-confirmed"
            );
            app.set_fault(StoreFault::None);
            sessions.open(late.clone()).await.unwrap();
            app.release_reply();
        };
        let (written, ()) = futures_util::future::join(confirm.run_once(), meanwhile).await;
        assert_eq!(written.unwrap(), 4, "two of bob's, hers, and the late one");
        assert!(sessions.find(late.session.id).await.unwrap().is_none());
    }
}
