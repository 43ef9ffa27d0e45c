//! What the next person at the same browser finds, and what Back shows when a session is over.

use tokio::io::AsyncWriteExt as _;

use crate::{
    browser::Browser,
    harness::{App, Installation, Running, read_request, until},
};

/// An app with a page that may be kept, a style sheet that is, and a cookie of its own.
async fn scene() -> (Installation, Running, App) {
    let app = App::serving(|mut stream, app| async move {
        while let Some(request) = read_request(&mut stream).await {
            app.keep(&request);
            let text = String::from_utf8_lossy(&request).into_owned();
            let (lines, body) = match text.split(' ').nth(1).unwrap_or_default() {
                "/style" => ("Content-Type: text/css\r\nCache-Control: max-age=3600\r\n", "h1{}"),
                "/diary" => {
                    let lines = "Content-Type: text/html\r\nCache-Control: private, no-cache\r\nSet-Cookie: app_session=alice; \
                                 Path=/; HttpOnly\r\n";
                    (lines, "<!doctype html><title>d</title><h1>Diary</h1>")
                }
                _ => ("Content-Type: text/html\r\n", "<!doctype html><title>h</title><h1>Home</h1>"),
            };
            let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let house = Installation::before(app.address);
    for name in ["alice", "bob"] {
        house.user(name, &[]);
    }
    let server = house.run().await;
    (house, server, app)
}

/// What the app has in the browser: storage, and the style sheet's answers that came from the cache.
async fn keeps(browser: &Browser) -> (bool, bool) {
    let looked = browser
        .driver
        .execute_async(
            "const done = arguments[0]; fetch('/style').then((r) => r.text()).then(() => done([localStorage.who === 'alice', \
             performance.getEntriesByName(location.origin + '/style').at(-1).transferSize === 0]))",
            vec![],
        )
        .await
        .unwrap();
    let looked: (bool, bool) = serde_json::from_value(looked.json().clone()).unwrap();
    looked
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_finds_nothing_and_the_same_person_their_settings() {
    let (house, _server, app) = scene().await;
    let browser = Browser::open(&house).await;
    browser.goto("/diary").await;
    browser.sign_in("alice").await;
    browser.reads("Diary").await;
    browser.driver.execute("localStorage.who = 'alice'", vec![]).await.unwrap();
    keeps(&browser).await;
    assert_eq!(keeps(&browser).await, (true, true));

    // The same person, after signing out.
    browser.goto("/security/sign-out").await;
    browser.submit("main form button[type=submit]").await;
    browser.arrives("/security/signed-out").await;
    app.forget();
    browser.goto("/home").await;
    browser.sign_in("alice").await;
    browser.reads("Home").await;
    assert!(!app.received().contains("app_session="), "its cookie went: {}", app.received());
    assert_eq!(keeps(&browser).await, (true, false), "settings stay, and what was kept goes");

    // Somebody else, after an end from elsewhere.
    browser.goto("/diary").await;
    keeps(&browser).await;
    house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
    app.forget();
    browser.goto("/home").await;
    browser.sign_in("bob").await;
    browser.reads("Home").await;
    assert!(!app.received().contains("app_session="), "{}", app.received());
    assert_eq!(keeps(&browser).await, (false, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn back_shows_nothing_once_the_end_was_told() {
    let (house, _server, _app) = scene().await;
    let browser = Browser::open(&house).await;
    browser.goto("/diary").await;
    browser.sign_in("alice").await;
    browser.reads("Diary").await;
    browser.goto("/home").await;
    house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
    // A script of the open page asks, and is told 401.
    let status = "const done = arguments[0]; fetch('/api').then((r) => done(r.status))";
    until("the end to be told", async || {
        let told = browser.driver.execute_async(status, vec![]).await.unwrap();
        (told.json().as_u64() == Some(401)).then_some(())
    })
    .await;
    browser.driver.back().await.unwrap();
    browser.reads("Sign in").await;
    assert!(!browser.text().await.contains("Diary"));
}
