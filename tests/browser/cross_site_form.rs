//! A form that a page of another site posts to an app: asked about, kept through a sign-in in another tab, and sent once.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::{
    browser::Browser,
    harness::{App, Installation, Running, read_request, until},
};

/// A page of another site with a form for the app, in an encoding of its own.
async fn shop(house: &Installation) -> App {
    let page = format!(
        "<!doctype html><meta charset=utf-8><h1>Shop</h1><form method=post accept-charset=windows-1252 \
         action='http://{}/payment/return?a=b&amp;c'>\
         <input type=hidden name=order value='4711 &lt;&quot;é€'><input type=hidden name=note value='x&#10;y'>\
         <input type=hidden name=order value=''><input type=hidden name=client value=4711><input type=hidden name=back value='PORT'><button>Pay</button></form>",
        house.public
    );
    App::serving(move |mut stream, _| {
        let port = stream.local_addr().unwrap().port();
        let page = page.replace("PORT", &port.to_string());
        async move {
            read_request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
            let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await;
        }
    })
    .await
}

/// An installation before this app, whose form the page of a shop posts; and the shop's origin.
async fn before(app: &App) -> (Installation, String, Running, App) {
    let house = Installation::before(app.address);
    let shop = shop(&house).await;
    let sender = format!("http://localhost:{}", shop.address.port());
    house.configure(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n  - path: /\n    upstream: app\n    \
         cross_site_forms: [{{ path: /payment/return, from: [\"{sender}\"] }}]\n",
        app.address
    ));
    house.user("alice", &[]);
    let server = house.run().await;
    (house, sender, server, shop)
}

async fn the_whole_way(scripts: bool) {
    let page = "The shop<form method=post><input type=hidden name=step value=confirm><button>Confirm</button></form>";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", page.len());
    let app = App::answering(format!("{head}{page}").leak().as_bytes()).await;
    let (house, sender, _server, _shop) = before(&app).await;
    let browser = if scripts { Browser::open(&house).await } else { Browser::open_without_scripts(&house).await };

    // A session that ends elsewhere while one is away.
    browser.goto("/security/sessions").await;
    browser.sign_in("alice").await;
    browser.reads("This device").await;
    house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
    app.forget();
    // Nor does the window of an installed app change a field that has the name of one of ours.
    let installed = "window.matchMedia = () => ({ matches: true })";
    let cdp = browser.driver.cdp();
    cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": installed })).await.unwrap();

    browser.driver.goto(&sender).await.unwrap();
    browser.click("button").await;
    browser.reads("Send it on").await;
    let text = browser.text().await;
    assert!(text.contains(&sender) && text.contains("/payment/return"), "{text}");
    browser.click("main form button").await;
    browser.reads("You are not signed in").await;
    let asking = browser.driver.window().await.unwrap();
    browser.click(".note a").await;
    let tab = until("a new tab", async || {
        let tabs = browser.driver.windows().await.unwrap();
        tabs.into_iter().find(|tab| *tab != asking)
    })
    .await;
    browser.driver.switch_to_window(tab).await.unwrap();
    browser.sign_in("alice").await;
    browser.reads("You can close this tab").await;
    browser.driver.switch_to_window(asking).await.unwrap();
    assert_eq!(app.requests(), 0, "{}", app.received());

    let button = browser.find("main form button").await;
    browser.driver.action_chain().double_click_element(&button).perform().await.unwrap();
    if scripts {
        browser.reads("The shop").await;
    } else {
        until("an answer", async || {
            let text = browser.text().await;
            (text.contains("The shop") || text.contains("Sent already")).then_some(())
        })
        .await;
    }
    let received = app.received();
    assert_eq!(received.matches("POST ").count(), 1, "{received}");
    assert!(received.contains("POST /payment/return?a=b&c HTTP/1.1\r\n"), "{received}");
    assert!(received.contains("order=4711+%3C%22%E9%80&note=x%0D%0Ay&order=&client=4711&back="), "{received}");
    assert!(received.contains(&format!("http://{}\r\n", house.public)), "{received}");
    assert_eq!(browser.violations().await, Vec::<String>::new());
    if scripts {
        // A form of the app's own page, which leads to where it stands.
        assert!(browser.driver.current_url().await.unwrap().query().unwrap().contains("portcullis-form="));
        browser.click("button").await;
        let received = until("the app's own form", async || {
            let received = app.received();
            received.contains("step=confirm").then_some(received)
        })
        .await;
        assert_eq!(received.matches("POST /payment/return?a=b&c HTTP/1.1\r\n").count(), 2, "{received}");
        assert!(!received.contains("portcullis-form"), "{received}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scripts() {
    the_whole_way(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts() {
    the_whole_way(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_may_lead_back_to_the_sender() {
    let app = App::serving(|mut stream, app| async move {
        while let Some(request) = read_request(&mut stream).await {
            app.keep(&request);
            let request = String::from_utf8_lossy(&request).into_owned();
            let (_, back) = request.split_once("&back=").unwrap_or_default();
            let port: String = back.chars().take_while(char::is_ascii_digit).collect();
            let head = format!(
                "HTTP/1.1 303 See Other\r\nLocation: http://localhost:{port}/done\r\nContent-Length: 0\r\n\r\n"
            );
            if stream.write_all(head.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let (house, sender, _server, _shop) = before(&app).await;
    let browser = Browser::open(&house).await;
    browser.goto("/security/sessions").await;
    browser.sign_in("alice").await;
    browser.reads("This device").await;
    browser.driver.goto(&sender).await.unwrap();
    browser.click("button").await;
    browser.reads("Send it on").await;
    browser.click("main form button").await;
    until("the sender's page", async || {
        let at = browser.driver.current_url().await.unwrap();
        (at.path() == "/done").then_some(())
    })
    .await;
}
