//! A page of another site that opens a WebSocket with a visitor's cookies.

use crate::harness::{App, Door};

const ROUTES: &str = "routes:
  - { path: /public, access: public, upstream: app }
  - { path: /chat, upstream: app, websocket_origins: [\"https://partner.test\"] }
  - { path: /, access: signed_in, upstream: app }
";

#[tokio::test]
async fn it_is_refused_and_the_app_hears_nothing() {
    let app = App::ok().await;
    let door = Door::plan(&[app.address]).routes(ROUTES).open().await;
    let upgrade = |path: &str, lines: &str| {
        let lines = format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{lines}"
        );
        door.as_alice(&format!("GET {path}"), &lines)
    };
    let mut refused = 0;
    for lines in [
        "Origin: http://evil.test\r\n",
        "Origin: https://app.test\r\n",
        "Origin: http://app.test:80\r\n",
        "Origin: http://app.test.\r\n",
        "Origin: HTTP://APP.TEST\r\n",
        "Origin: null\r\n",
        "Origin:\r\n",
        "Origin: http://app.test\r\nOrigin: http://evil.test\r\n",
        "Origin: http://evil.test\r\norigin: http://app.test\r\n",
        "Origin: http://app.test, http://evil.test\r\n",
        "origin: http://app.test\u{ff}\r\n",
        "Origin: http://evil.test\r\nSec-Fetch-Site: same-origin\r\n",
    ] {
        for path in ["/x", "/chat"] {
            let answer = door.client().await.ask(upgrade(path, lines)).await;
            assert_eq!(answer.status, 403, "{path} {lines}");
            assert!(answer.text().contains("cross-site"), "{}", answer.text());
            refused += 1;
        }
    }
    assert_eq!(app.received(), "");
    let counted = format!("portcullis_csrf_rejections_total {refused}");
    assert!(door.metrics.render().contains(&counted), "{}", door.metrics.render());
    for (path, lines) in [
        ("/x", "Origin: http://app.test\r\n"),
        ("/x", ""),
        ("/chat", "Origin: https://partner.test\r\n"),
        ("/chat", "Origin: http://app.test\r\n"),
        ("/public", "Origin: http://evil.test\r\n"),
    ] {
        assert_eq!(door.client().await.ask(upgrade(path, lines)).await.status, 200, "{path} {lines}");
    }
    assert_eq!(app.requests(), 5);
    assert!(door.metrics.render().contains(&counted), "{}", door.metrics.render());
}
