//! What stands behind the `#` of an address, where many apps keep their own page: it survives the sign-in, and no server is
//! told of it.

use crate::{
    browser::Browser,
    harness::{App, Installation},
};

async fn the_whole_way(scripts: bool) {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let browser = if scripts { Browser::open(&house).await } else { Browser::open_without_scripts(&house).await };
    browser.goto("/app?tab=2#/r/1?x=%2F&y").await;
    browser.arrives("/security/sign-in?rd=/app?tab=2#/r/1?x=%2F&y").await;

    browser.fill("#username", "alice").await;
    browser.fill("input[type=password]", "wrong").await;
    browser.submit("main form button[type=submit]").await;
    browser.reads("do not match").await;
    browser.fill("input[type=password]", crate::harness::PASSWORD).await;
    browser.submit("main form button[type=submit]").await;
    browser.arrives("/app?tab=2#/r/1?x=%2F&y").await;

    assert!(!app.received().contains("/r/1") && !app.received().contains("%2Fr%2F1"), "{}", app.received());
    let said = format!("{:?}", server.log());
    assert!(!said.contains("/r/1"), "{said}");

    // Whoever is signed in is led on at once.
    browser.goto("/security/sign-in?rd=%2Fother#/r/2").await;
    browser.arrives("/other#/r/2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_sign_in() {
    the_whole_way(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_sign_in_without_scripts() {
    the_whole_way(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_wrong_field_does_not_take_its_place() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let browser = Browser::open(&house).await;
    browser.goto("/app#/r/1").await;
    browser.arrives("/security/sign-in?rd=/app#/r/1").await;
    // What a browser checks by itself is not checked, as in one that does not.
    browser.driver.execute("document.forms[0].noValidate = true; document.forms[0].submit()", vec![]).await.unwrap();
    browser.click(".summary a[href='#password']").await;
    let focused = browser.driver.active_element().await.unwrap();
    assert_eq!(focused.id().await.unwrap().as_deref(), Some("password"));
    browser.sign_in("alice").await;
    browser.arrives("/app#/r/1").await;
}
