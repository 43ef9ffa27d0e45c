//! The cookie: its name, its attributes, and everything that is not one.

use http::Method;

use crate::town::{IPHONE, MAC, MINUTE, Town};

#[tokio::test]
async fn over_https_it_is_bound_to_the_host() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = town.stranger();

    let set = browser.sign_in("alice", crate::town::PASSWORD).await.cookie("__Host-portcullis").unwrap();

    assert_eq!(set.attributes, ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"]);
    assert!(set.value.len() < 100);
    assert_eq!(browser.get("/").await.arrived().name(), Some(alice.name()));
}

#[tokio::test]
async fn over_http_on_this_machine_it_has_a_plain_name() {
    let town = Town::on_http();
    town.with_user("alice").await;
    let browser = town.stranger();

    let set = browser.sign_in("alice", crate::town::PASSWORD).await.cookie("portcullis").unwrap();

    assert_eq!(set.attributes, ["HttpOnly", "SameSite=Lax", "Path=/"]);
    assert!(browser.is_let_in().await);
}

#[tokio::test]
async fn its_name_can_be_chosen_and_the_others_follow() {
    let town = Town::with("sessions: { cookie_name: acme }");
    town.with_user("alice").await;
    let browser = town.stranger();
    browser.sign_in("alice", "wrong").await;
    assert!(browser.sign_in("alice", crate::town::PASSWORD).await.cookie("__Host-acme").is_some());
    assert!(browser.is_let_in().await);
    assert!(browser.cookie("__Host-acme-device").is_some());
    let other = format!("__Host-portcullis={}", browser.cookie("__Host-acme").unwrap());
    assert_eq!(town.stranger().bare(Method::GET, "/").with("cookie", &other).send().await.status(), 401);
}

#[tokio::test]
async fn a_name_of_the_other_scheme_opens_nothing() {
    for (town, other) in [(Town::new(), "portcullis"), (Town::on_http(), "__Host-portcullis")] {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        let cookie = format!("{other}={}", browser.key());
        assert_eq!(town.stranger().bare(Method::GET, "/").with("cookie", &cookie).send().await.status(), 401);
    }
}

#[tokio::test]
async fn remembered_it_outlives_the_window_and_otherwise_it_does_not() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (kept, passing) = (alice.remembered_on(MAC).await, alice.signed_in_on(IPHONE).await);
    assert!(kept.is_let_in().await && passing.is_let_in().await);

    kept.close();
    passing.close();

    assert!(kept.is_let_in().await && !passing.is_let_in().await);
    let names: Vec<_> = passing.cookie("__Host-portcullis-device").into_iter().collect();
    assert_eq!(names.len(), 1, "the device is still known");
}

#[tokio::test]
async fn a_remembered_cookie_is_kept_for_as_long_as_browsers_keep_any() {
    let town = Town::new();
    town.with_user("alice").await;
    let form = [("username", "alice"), ("password", crate::town::PASSWORD), ("remember_me", "true")];
    let set = town.stranger().post_form("/security/sign-in", &form).await.answer().cookie("__Host-portcullis").unwrap();
    assert_eq!(set.max_age, Some(400 * 24 * 60 * 60));
}

#[tokio::test]
async fn a_cookie_set_beforehand_is_not_taken_over() {
    let town = Town::new();
    let (alice, mallory) = (town.with_user("alice").await, town.with_user("mallory").await);
    let planted = mallory.signed_in_on(MAC).await.key();
    let browser = town.stranger();
    browser.puts_into_jar("__Host-portcullis", &planted);

    alice.signs_in(&browser).await;

    assert_ne!(browser.key(), planted);
    assert_eq!(browser.get("/").await.arrived().name(), Some("alice"));
}

#[tokio::test]
async fn two_cookies_of_our_name_are_none_in_either_order() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (one, two) = (alice.signed_in_on(MAC).await.key(), alice.signed_in_on(IPHONE).await.key());
    let browser = town.stranger();
    let ask = |cookie: String| browser.bare(Method::GET, "/").with("cookie", &cookie);
    let name = town.cookie();

    for (first, second) in [(&one, &two), (&two, &one), (&one, &one), (&one, &String::from("x"))] {
        assert_eq!(ask(format!("{name}={first}; {name}={second}")).send().await.status(), 401);
        let in_two_lines = ask(format!("{name}={first}")).and("cookie", format!("{name}={second}").as_bytes());
        assert_eq!(in_two_lines.send().await.status(), 401);
    }
    assert!(ask(format!("a=b; {name}={one}; c=d")).send().await.status() == 200);
}

#[tokio::test]
async fn nothing_but_a_key_reaches_the_store() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let (key, id) = (browser.key(), browser.session());
    let asked = town.asked("find");
    let stranger = town.stranger();
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
        let cookie = format!("{}={value}", town.cookie());
        let answer = stranger.bare(Method::GET, "/").with("cookie", &cookie).send().await;
        assert_eq!(answer.status(), 401, "{value}");
    }
    assert_eq!(town.asked("find"), asked, "the store is asked about keys only");
}

#[tokio::test]
async fn the_id_with_another_secret_opens_nothing() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (mine, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await.key());
    let id = mine.key().split('.').next().unwrap().to_owned();
    let stranger = town.stranger();
    stranger.puts_into_jar(town.cookie(), &format!("{id}.{}", other.split('.').nth(1).unwrap()));

    assert!(!stranger.is_let_in().await);
    assert!(mine.is_let_in().await);
}

#[tokio::test]
async fn other_cookies_may_hold_any_byte() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let ask = browser.bare(Method::GET, "/").and("cookie", b"theme=\xff\xfe\"; __Host-portcullisx=1; portcullis=2");
    assert_eq!(ask.send().await.arrived().name(), Some("alice"));
}

#[tokio::test]
async fn no_look_at_a_page_rewrites_it() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let key = browser.key();
    for page in ["/security", "/security/sessions", "/security/history", "/security/password", "/security/api/v1/me"] {
        town.pass(10 * MINUTE).await;
        assert!(browser.get(page).await.answer().cookie(town.cookie()).is_none(), "{page}");
    }
    assert_eq!(browser.key(), key);
}

#[tokio::test]
async fn every_cookie_of_ours_has_the_same_walls() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    browser.post_form("/security/sign-out", &[]).await.answer();
    let signed_in = browser.sign_in("alice", crate::town::PASSWORD).await;
    let flash = browser.post_form("/security/sessions/sign-out-others", &[]).await.answer();
    let gone = browser.post_form("/security/sign-out", &[]).await.answer();
    for cookie in [signed_in, flash, gone].iter().flat_map(crate::town::Answer::cookies) {
        for wall in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(cookie.attributes.iter().any(|it| it == wall), "{wall} is missing: {cookie:?}");
        }
        assert!(!cookie.attributes.iter().any(|it| it.starts_with("Domain")), "{cookie:?}");
    }
}
