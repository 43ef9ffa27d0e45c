//! An app inside another site's page, when nobody is signed in any more.

use tokio::io::AsyncWriteExt as _;

use crate::{
    browser::Browser,
    harness::{App, Installation, read_request, until},
};

/// A page of another origin that shows the app in a frame, and wants of it what the strictest ask for.
async fn portal(house: &Installation) -> App {
    let page = format!("<!doctype html><h1>Portal</h1><iframe src='http://{}/inner'></iframe>", house.public);
    App::serving(move |mut stream, _| {
        let page = page.clone();
        async move {
            read_request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\
                        Cross-Origin-Embedder-Policy: require-corp\r\n";
            let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await;
        }
    })
    .await
}

async fn signed_out_in_a_frame(scripts: bool) {
    let app = App::answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\nCross-Origin-Embedder-Policy: \
          require-corp\r\nCross-Origin-Resource-Policy: cross-origin\r\n\r\nThe inner",
    )
    .await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let portal = portal(&house).await;
    let browser = if scripts { Browser::open(&house).await } else { Browser::open_without_scripts(&house).await };
    let place = format!("http://{}/", portal.address);
    browser.driver.goto(&place).await.unwrap();
    browser.find("iframe").await;
    let outer = browser.driver.window().await.unwrap();

    browser.find("iframe").await.enter_frame().await.unwrap();
    browser.reads("Sign in in a new tab, then load this page again").await;
    assert_eq!(browser.find(".btn").await.css_value("display").await.unwrap(), "flex", "its style is there");
    browser.click("a").await;
    let tab = until("a new tab", async || {
        let tabs = browser.driver.windows().await.unwrap();
        tabs.into_iter().find(|tab| *tab != outer)
    })
    .await;
    browser.driver.switch_to_window(tab).await.unwrap();
    browser.arrives("/security/sign-in").await;
    browser.sign_in("alice").await;
    browser.arrives("/").await;

    browser.driver.switch_to_window(outer).await.unwrap();
    browser.driver.goto(&place).await.unwrap();
    browser.find("iframe").await.enter_frame().await.unwrap();
    browser.reads("The inner").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_so_and_leads_to_sign_in() {
    signed_out_in_a_frame(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_so_without_scripts() {
    signed_out_in_a_frame(false).await;
}
