//! To which host and path a request goes: what the app sees is what was decided on.

use crate::harness::{App, Door};

#[tokio::test]
async fn no_request_for_another_host_reaches_the_app() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for target in [
        "/public/x",
        "/security/assets/../../public/x",
        "/security/assets/%2e%2e/../public/x",
        "http://evil.test/security/assets/../../public/x",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: evil.test\r\n\r\n");
        assert_eq!(door.client().await.ask(request).await.status, 421, "{target}");
    }
    assert_eq!(app.requests(), 0);
    let request = "GET /security/assets/x HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    assert_eq!(
        door.client().await.ask(request).await.status,
        404,
        "there is no such file of ours, but it was looked for"
    );
}

#[tokio::test]
async fn the_app_is_told_the_host_as_public_url_has_it() {
    for (public_url, spellings, told) in [
        ("http://app.test", &["app.test", "APP.Test", "app.test:80", "app.test:0080"][..], "app.test"),
        ("https://app.test", &["app.test:443", "aPP.test:00443"], "app.test"),
        ("http://127.0.0.1:18080", &["127.0.0.1:18080", "127.0.0.1:018080"], "127.0.0.1:18080"),
    ] {
        let app = App::ok().await;
        let door = Door::plan(&[app.address]).public_url(public_url).open().await;
        for host in spellings {
            let request = format!("GET /public HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(door.client().await.ask(request).await.status, 200, "{host}");
        }
        let told = vec![told.to_owned(); spellings.len()];
        assert_eq!((app.header("host"), app.header("x-forwarded-host")), (told.clone(), told));
    }
}

#[tokio::test]
async fn the_app_gets_the_spelling_that_rules_are_read_on() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (sent, line) in [
        ("/public/%40a%3ab%2Bc?q=%40", "GET /public/@a:b+c?q=%40 HTTP/1.1\r\n"),
        ("/public/@a:b+c", "GET /public/@a:b+c HTTP/1.1\r\n"),
        ("/public/a%2540", "GET /public/a%2540 HTTP/1.1\r\n"),
    ] {
        let request = format!("GET {sent} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        assert_eq!(door.client().await.ask(request).await.status, 200, "{sent}");
        assert!(app.received().contains(line), "{}", app.received());
    }
    let before = app.requests();
    for sent in ["/%61dmin/x", "/admin;x/y", "/;/admin", "/public;x"] {
        let request = format!("GET {sent} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        assert!(matches!(door.client().await.ask(request).await.status, 400 | 401), "{sent}");
    }
    assert_eq!(app.requests(), before);
}

#[tokio::test]
async fn a_path_that_is_too_long_in_its_one_spelling_is_refused() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for target in [format!("/public/{}", "\u{e9}".repeat(15_000)), format!("/public?{}", "\u{e9}".repeat(15_000))] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        assert_eq!(door.client().await.ask(request).await.status, 400);
    }
    assert_eq!(app.requests(), 0);
    let request = format!("GET /public/{} HTTP/1.1\r\nHost: app.test\r\n\r\n", "a".repeat(30_000));
    assert_eq!(door.client().await.ask(request).await.status, 200);
}
