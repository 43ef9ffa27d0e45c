//! The cookie: its name, its attributes, and everything that is not one.

use http::Method;

use crate::test_app::{IPHONE, MAC, MINUTE, TestApp};

#[tokio::test]
async fn over_https_it_is_bound_to_the_host() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = app.new_browser();

    let set = browser.sign_in("alice", crate::test_app::PASSWORD).await.cookie("__Host-portcullis").unwrap();

    assert_eq!(set.attributes, ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"]);
    assert!(set.value.len() < 100);
    assert_eq!(browser.get("/").await.forwarded().user_name(), Some(alice.name()));
}

#[tokio::test]
async fn over_http_on_this_machine_it_has_a_plain_name() {
    let app = TestApp::over_http();
    app.add_user("alice").await;
    let browser = app.new_browser();

    let set = browser.sign_in("alice", crate::test_app::PASSWORD).await.cookie("portcullis").unwrap();

    assert_eq!(set.attributes, ["HttpOnly", "SameSite=Lax", "Path=/"]);
    assert!(browser.reaches_app().await);
}

#[tokio::test]
async fn its_name_can_be_chosen_and_the_others_follow() {
    let app = TestApp::with_settings("sessions: { cookie_name: acme }");
    app.add_user("alice").await;
    let browser = app.new_browser();
    browser.sign_in("alice", "wrong").await;
    assert!(browser.sign_in("alice", crate::test_app::PASSWORD).await.cookie("__Host-acme").is_some());
    assert!(browser.reaches_app().await);
    assert!(browser.cookie("__Host-acme-device").is_some());
    let other = format!("__Host-portcullis={}", browser.cookie("__Host-acme").unwrap());
    assert_eq!(app.new_browser().bare_request(Method::GET, "/").header("cookie", &other).send().await.status(), 401);
}

#[tokio::test]
async fn a_name_of_the_other_scheme_opens_nothing() {
    for (app, other) in [(TestApp::new(), "portcullis"), (TestApp::over_http(), "__Host-portcullis")] {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        let cookie = format!("{other}={}", browser.session_cookie());
        assert_eq!(
            app.new_browser().bare_request(Method::GET, "/").header("cookie", &cookie).send().await.status(),
            401
        );
    }
}

#[tokio::test]
async fn remembered_it_outlives_the_window_and_otherwise_it_does_not() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (kept, passing) = (alice.remembered_on(MAC).await, alice.signed_in_on(IPHONE).await);
    assert!(kept.reaches_app().await && passing.reaches_app().await);

    kept.close();
    passing.close();

    assert!(kept.reaches_app().await && !passing.reaches_app().await);
    let names: Vec<_> = passing.cookie("__Host-portcullis-device").into_iter().collect();
    assert_eq!(names.len(), 1, "the device is still known");
}

#[tokio::test]
async fn a_remembered_cookie_is_kept_for_as_long_as_browsers_keep_any() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let form = [("username", "alice"), ("password", crate::test_app::PASSWORD), ("remember_me", "true")];
    let set =
        app.new_browser().post_form("/security/sign-in", &form).await.response().cookie("__Host-portcullis").unwrap();
    assert_eq!(set.max_age, Some(400 * 24 * 60 * 60));
}

#[tokio::test]
async fn a_cookie_set_beforehand_is_not_taken_over() {
    let app = TestApp::new();
    let (alice, mallory) = (app.add_user("alice").await, app.add_user("mallory").await);
    let planted = mallory.signed_in_on(MAC).await.session_cookie();
    let browser = app.new_browser();
    browser.set_cookie("__Host-portcullis", &planted);

    alice.sign_in(&browser).await;

    assert_ne!(browser.session_cookie(), planted);
    assert_eq!(browser.get("/").await.forwarded().user_name(), Some("alice"));
}

#[tokio::test]
async fn two_cookies_of_our_name_are_none_in_either_order() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (one, two) =
        (alice.signed_in_on(MAC).await.session_cookie(), alice.signed_in_on(IPHONE).await.session_cookie());
    let browser = app.new_browser();
    let ask = |cookie: String| browser.bare_request(Method::GET, "/").header("cookie", &cookie);
    let name = app.cookie_name();

    for (first, second) in [(&one, &two), (&two, &one), (&one, &one), (&one, &String::from("x"))] {
        assert_eq!(ask(format!("{name}={first}; {name}={second}")).send().await.status(), 401);
        let in_two_lines =
            ask(format!("{name}={first}")).append_header("cookie", format!("{name}={second}").as_bytes());
        assert_eq!(in_two_lines.send().await.status(), 401);
    }
    assert!(ask(format!("a=b; {name}={one}; c=d")).send().await.status() == 200);
}

#[tokio::test]
async fn nothing_but_a_key_reaches_the_store() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let (key, id) = (browser.session_cookie(), browser.session_id());
    let asked = app.store_calls("find");
    let anonymous = app.new_browser();
    let secret = key.split('.').nth(1).unwrap();
    for value in [
        "",
        "*",
        "{}",
        "a:b",
        "%0d%0aSET x",
        &"a".repeat(4096),
        &id,
        id.trim_start_matches("sess_"),
        &format!("{id}.{secret}"),
        &key.to_uppercase(),
        &format!("\"{key}\""),
        &format!("{key}x"),
        &key.replace('.', ":"),
        secret,
    ] {
        let cookie = format!("{}={value}", app.cookie_name());
        let answer = anonymous.bare_request(Method::GET, "/").header("cookie", &cookie).send().await;
        assert_eq!(answer.status(), 401, "{value}");
    }
    assert_eq!(app.store_calls("find"), asked, "the store is asked about keys only");
}

#[tokio::test]
async fn the_id_with_another_secret_opens_nothing() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (mine, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await.session_cookie());
    let id = mine.session_cookie().split('.').next().unwrap().to_owned();
    let anonymous = app.new_browser();
    anonymous.set_cookie(app.cookie_name(), &format!("{id}.{}", other.split('.').nth(1).unwrap()));

    assert!(!anonymous.reaches_app().await);
    assert!(mine.reaches_app().await);
}

#[tokio::test]
async fn other_cookies_may_hold_any_byte() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let ask = browser
        .bare_request(Method::GET, "/")
        .append_header("cookie", b"theme=\xff\xfe\"; __Host-portcullisx=1; portcullis=2");
    assert_eq!(ask.send().await.forwarded().user_name(), Some("alice"));
}

#[tokio::test]
async fn no_look_at_a_page_rewrites_it() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let key = browser.session_cookie();
    for page in ["/security", "/security/sessions", "/security/history", "/security/password", "/security/api/v1/me"] {
        app.pass_time(10 * MINUTE).await;
        assert!(browser.get(page).await.response().cookie(app.cookie_name()).is_none(), "{page}");
    }
    assert_eq!(browser.session_cookie(), key);
}

#[tokio::test]
async fn every_cookie_of_ours_has_the_same_walls() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    browser.post_form("/security/sign-out", &[]).await.response();
    let signed_in = browser.sign_in("alice", crate::test_app::PASSWORD).await;
    let flash = browser.post_form("/security/sessions/sign-out-others", &[]).await.response();
    let gone = browser.post_form("/security/sign-out", &[]).await.response();
    for cookie in [signed_in, flash, gone].iter().flat_map(crate::test_app::TestResponse::cookies) {
        for wall in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(cookie.attributes.iter().any(|it| it == wall), "{wall} is missing: {cookie:?}");
        }
        assert!(!cookie.attributes.iter().any(|it| it.starts_with("Domain")), "{cookie:?}");
    }
}
