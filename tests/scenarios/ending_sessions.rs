//! Ending sessions: one, all others, all; and whose one may.

use portcullis::{audit::AuditEvent, session::EndTarget};
use serde_json::{Value, json};

use crate::test_app::{ANDROID, IPHONE, MAC, PASSWORD, TestApp, WINDOWS};

#[tokio::test]
async fn ending_one_session_leaves_the_others() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone, desk) =
            (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await, alice.signed_in_on(WINDOWS).await);

        let answer =
            laptop.post_form(&format!("/security/sessions/{}/sign-out", phone.session_id()), &[]).await.response();

        assert_eq!((answer.status, answer.location()), (303, "/security/sessions"));
        assert!(laptop.get("/security/sessions").await.response().contains_text("Signed out 1 session."));
        assert!(!phone.reaches_app().await && desk.reaches_app().await && laptop.reaches_app().await);
    }
}

#[tokio::test]
async fn the_result_is_said_once() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    browser.post_form("/security/sessions/sign-out-others", &[]).await.response();

    let sentence = "There was no other session to sign out.";
    assert!(browser.get("/security/sessions").await.response().contains_text(sentence));
    assert!(!browser.get("/security/sessions").await.response().contains_text(sentence));
}

#[tokio::test]
async fn the_confirmation_names_the_device_and_does_nothing() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get(&format!("/security/sessions/{}/sign-out", phone.session_id())).await.response();

    for words in
        ["Sign out this session?", "Safari on iPhone", "203.0.113.7", "Active now", "The device must sign in again."]
    {
        assert!(page.contains_text(words), "{words}");
    }
    assert!(phone.reaches_app().await);
}

#[tokio::test]
async fn ending_the_own_session_signs_out() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let path = format!("/security/sessions/{}/sign-out", browser.session_id());
    assert!(browser.get(&path).await.response().contains_text("Sign out the session you are using?"));

    let answer = browser.post_form(&path, &[]).await.response();

    assert_eq!(answer.location(), "/security/signed-out");
    assert!(browser.cookie(app.cookie_name()).is_none());
}

#[tokio::test]
async fn all_others_end_and_this_one_stays() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let bob = app.add_user("bob").await.signed_in_on(MAC).await;
        let laptop = alice.signed_in_on(MAC).await;
        let others = [alice.signed_in_on(IPHONE).await, alice.signed_in_on(ANDROID).await];
        let page = laptop.get("/security/sessions/sign-out-others").await.response();
        assert!(
            page.contains_text("Sign out 2 other sessions?") && page.contains_text("This session stays signed in.")
        );
        assert!(page.contains_text("Safari on iPhone") && page.contains_text("Your password does not change."));

        laptop.post_form("/security/sessions/sign-out-others", &[]).await.response();

        assert!(laptop.get("/security/sessions").await.response().contains_text("Signed out 2 sessions."));
        assert!(laptop.reaches_app().await && bob.reaches_app().await);
        for other in others {
            assert!(!other.reaches_app().await);
        }
    }
}

#[tokio::test]
async fn the_confirmation_lists_ten_and_counts_the_rest() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for _ in 0..12 {
        alice.signed_in_on(IPHONE).await;
    }
    let page = alice.signed_in_on(MAC).await.get("/security/sessions/sign-out-others").await.response();
    assert_eq!(page.count_text("Safari on iPhone"), 10);
    assert!(page.contains_text("and 2 more"));
}

#[tokio::test]
async fn all_end_this_one_too() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let replayed = laptop.clone_with_cookies();

        let answer = laptop.post_form("/security/sessions/sign-out-all", &[]).await.response();

        assert_eq!(answer.location(), "/security/signed-out");
        assert!(
            laptop.get("/security/signed-out").await.response().contains_text("Signed out 2 sessions."),
            "this one, too"
        );
        assert!(
            !laptop.get("/security/signed-out").await.response().contains_text("Signed out 2 sessions."),
            "said once"
        );
        assert!(laptop.cookie(app.cookie_name()).is_none());
        assert!(!replayed.reaches_app().await && !phone.reaches_app().await);
        assert!(alice.signed_in_on(MAC).await.reaches_app().await, "and one may sign in again");
    }
}

#[tokio::test]
async fn nobody_ends_or_reads_a_session_that_is_not_theirs() {
    for app in TestApp::on_each_store() {
        let (alice, bob) = (app.add_user("alice").await, app.add_user("bob").await);
        let hers = alice.signed_in_on(MAC).await;
        let his = bob.signed_in_on(WINDOWS).await;
        let id = hers.session_id();

        assert_eq!(his.api("GET", &format!("/sessions/{id}"), Value::Null).await.problem_type(), "not-found");
        assert_eq!(his.api("DELETE", &format!("/sessions/{id}"), Value::Null).await.problem_type(), "not-found");
        assert_eq!(his.get(&format!("/security/sessions/{id}")).await.response().status, 404);
        assert_eq!(his.get(&format!("/security/sessions/{id}/sign-out")).await.response().status, 404);
        assert_eq!(his.post_form(&format!("/security/sessions/{id}/sign-out"), &[]).await.response().status, 404);

        assert!(hers.reaches_app().await);
        let reaches: Vec<_> = app
            .audit_entries()
            .into_iter()
            .filter(
                |entry| matches!(entry.event, AuditEvent::SessionOfAnother { session } if session.to_string() == id),
            )
            .collect();
        assert_eq!(reaches.len(), 5, "each reach is recorded");
        assert!(reaches.iter().all(|entry| entry.user == Some(bob.id()) && entry.ip.is_some()));
    }
}

#[tokio::test]
async fn a_session_that_never_was_looks_the_same_as_anothers() {
    let app = TestApp::new();
    let hers = app.add_user("alice").await.signed_in_on(MAC).await;
    let his = app.add_user("bob").await.signed_in_on(MAC).await;
    let never = portcullis::id::SessionId::mint(portcullis::id::UserId::mint());
    let answer = async |id: &str| {
        let mut problem = his.api("GET", &format!("/sessions/{id}"), Value::Null).await.json();
        problem["instance"] = Value::Null;
        problem
    };
    assert_eq!(answer(&hers.session_id()).await, answer(&never.to_string()).await);
    assert_eq!(answer("sess_x").await, answer(&never.to_string()).await);
}

#[tokio::test]
async fn ending_a_session_twice_is_told_as_it_is() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let path = format!("/sessions/{}", phone.session_id());

    assert_eq!(laptop.api("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(laptop.api("DELETE", &path, Value::Null).await.problem_type(), "not-found");
    laptop.post_form(&format!("/security{path}/sign-out"), &[]).await.response();
    assert!(laptop.get("/security/sessions").await.response().contains_text("That session had already ended."));
    assert_eq!(app.audit_events().iter().filter(|fact| **fact == "session_ended").count(), 1);
}

#[tokio::test]
async fn programs_end_sessions_and_are_told_which() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let answer = laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!(1)));
    assert_eq!(answer.json()["items"][0]["id"], json!(phone.session_id()));
    assert!(!phone.reaches_app().await);

    let answer = laptop.api("POST", "/sessions/revoke-all", Value::Null).await;
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!(1)));
    assert_eq!(answer.cookie(app.cookie_name()).unwrap().max_age, Some(0));
    assert_eq!(laptop.api("GET", "/me", Value::Null).await.status, 401);
}

#[tokio::test]
async fn a_link_or_a_preview_ends_nothing() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    for path in ["/security/sessions/sign-out-all", "/security/sessions/sign-out-others", "/security/sign-out"] {
        assert_eq!(laptop.get(path).await.response().status, 200);
    }
    for path in ["/security/api/v1/sessions/revoke-all", "/security/api/v1/sign-out"] {
        assert!(matches!(laptop.get(path).await.response().status, 404 | 405), "{path}");
    }
    assert!(laptop.reaches_app().await && phone.reaches_app().await);
}

#[tokio::test]
async fn each_end_is_recorded_before_it_is_acknowledged() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    laptop.api("DELETE", &format!("/sessions/{}", phone.session_id()), Value::Null).await;

    let entry = app.audit_entries().pop().unwrap();
    assert_eq!((entry.user, entry.event.name(), entry.at), (Some(alice.id()), "session_ended", app.now()));
    assert!(
        matches!(entry.event, AuditEvent::SessionEnded { session, .. } if session.to_string() == phone.session_id())
    );
    assert_eq!(app.metric("sessions_ended_total{reason=\"other_device\"}"), 1);
}

#[tokio::test]
async fn a_sign_in_that_races_the_end_of_all_loses() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (ends, signs_in) = (alice.signed_in_on(MAC).await, app.new_browser());
    // The end of all falls between the reading of the generation and the opening of the session.
    let owner = alice.account.snapshot();
    let generation = app.components.sessions.register_user(&owner).await.unwrap();
    ends.post_form("/security/sessions/sign-out-all", &[]).await.response();
    let opening = portcullis::session::OpenRequest {
        secret: None,
        owner: alice.id(),
        generation,
        proof: portcullis::session::Proof {
            assurance: portcullis::auth_method::Assurance::OneFactor,
            methods: vec![],
            at: app.now(),
        },
        remember: false,
        kind: portcullis::session::ClientKind::Web,
        visitor: portcullis::visitor::Visitor {
            ip: [203, 0, 113, 7].into(),
            device: portcullis::visitor::Device::default(),
        },
        sign_ins: 1,
        replaces: None,
    };
    assert!(app.components.sessions.open(opening).await.unwrap().is_none());
    assert_eq!(signs_in.sign_in("alice", PASSWORD).await.status, 303, "a later one wins");
}

#[tokio::test]
async fn the_operator_ends_everybodys_but_one() {
    use portcullis::session::Admin;
    let app = TestApp::new();
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    let bob = app.add_user("bob").await.signed_in_on(MAC).await;
    let reason = "an incident".parse().unwrap();

    let keep = Some(bob.session_id().parse().unwrap());
    let ended =
        app.components.sessions.end_by_admin(EndTarget::Everyone { keep }, &Admin::operator(), &reason).await.unwrap();

    assert_eq!(ended.len(), 1);
    assert!(bob.reaches_app().await && !alice.reaches_app().await);
    let reason = app.audit_entries().into_iter().find_map(|entry| match entry.event {
        AuditEvent::SessionEnded { reason, .. } => reason,
        _ => None,
    });
    assert_eq!(reason.as_deref(), Some("an incident"));
}

#[tokio::test]
async fn whoever_reaches_for_many_does_not_fill_the_journal() {
    let app = TestApp::new();
    let (alice, bob) = (app.add_user("alice").await, app.add_user("bob").await);
    let (hers, his) = (alice.signed_in_on(MAC).await.session_id(), bob.signed_in_on(WINDOWS).await);
    let before = app.audit_entries().len();
    for _ in 0..50 {
        assert_eq!(his.api("GET", &format!("/sessions/{hers}"), Value::Null).await.problem_type(), "not-found");
    }
    assert_eq!(app.audit_entries().len(), before + 10, "enough to be seen");
    app.advance(crate::test_app::MINUTE);
    his.api("GET", &format!("/sessions/{hers}"), Value::Null).await;
    assert_eq!(app.audit_entries().len(), before + 11);
}

#[tokio::test]
async fn the_session_that_ends_all_signs_itself_out() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let (own, other) = (laptop.session_id(), phone.session_id());
    laptop.post_form("/security/sessions/sign-out-all", &[]).await.response();
    let how = |id: &str| {
        app.audit_entries().into_iter().find_map(|entry| match entry.event {
            AuditEvent::SessionEnded { session, end_reason, .. } if session.to_string() == id => {
                Some(end_reason.label())
            }
            _ => None,
        })
    };
    assert_eq!((how(&own), how(&other)), (Some("signed_out"), Some("other_device")));
}
