//! What others chose is shown and does nothing: a User-Agent, a name, a path.

use crate::{
    browser::Browser,
    harness::{App, Installation, PASSWORD, Person},
};

const MARKUP: &str = "<img src=x onerror=hit()>\"'><script>hit()</script>";

/// Everything that an operator may call something, called so.
fn called_so(app: std::net::SocketAddr) -> String {
    let name = serde_json::to_string(&format!("</title>{MARKUP}")).unwrap();
    let link = serde_json::to_string("https://example.com/'onmouseover='hit()'").unwrap();
    format!(
        "upstream: http://{app}\nbranding: {{ app_name: {name}, support_url: {link}, home_url: {link} }}\n\
         activity: {{ page_labels: {{ /labelled: {name} }} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_is_inert() {
    let house = Installation::with(&called_so(App::ok().await.address));
    house.user("alice", &["--display-name", MARKUP]);
    house.user("<img src=x onerror=hit()>", &[]);
    let _server = house.run().await;
    let other = Person::with_user_agent(house.public, &format!("{MARKUP}/1.0 (X11; Linux x86_64)"));
    other.sign_in("alice").await;
    other.visit("/%3Cscript%3Ehit()%3C/script%3E").await;
    other.visit("/labelled").await;
    other.try_to_sign_in(MARKUP, PASSWORD).await;
    let browser = Browser::open(&house).await;
    browser.goto("/security").await;
    inert(&browser, "sign-in").await;
    browser.sign_in(&format!("\u{202e}{MARKUP}")).await;
    inert(&browser, "a failed sign-in").await;
    browser.goto("/security").await;
    browser.sign_in("alice").await;
    browser.arrives("/security").await;
    let session = format!("/security/sessions/{}", other.session().await);
    for page in [
        "/security",
        "/security/sessions",
        &session,
        &format!("{session}/sign-out"),
        "/security/sessions/sign-out-others",
        "/security/sessions/sign-out-all",
        "/security/history",
        "/security/password",
        "/security/sign-out",
        "/security/signed-out",
        "/security/nowhere",
    ] {
        browser.goto(page).await;
        inert(&browser, page).await;
    }
    browser.goto("/security/sessions").await;
    browser.click("details.user summary").await;
    browser.reads("<script>hit()</script>").await;

    // What would happen if some of it came through.
    let inject = "const s = document.createElement('script'); s.textContent = 'window.done = 1'; document.body.append(s); \
                  return window.done ?? 'refused'";
    let done = browser.driver.execute(inject, Vec::new()).await.unwrap();
    assert_eq!(done.json(), "refused");
    assert_eq!(browser.violations().await.len(), 1);
}

/// No element of theirs is there, nothing of theirs has run, and Chromium had nothing to refuse.
async fn inert(browser: &Browser, page: &str) {
    browser.find("main h1").await;
    let theirs = "main img, header img, main script, body > script, title *, u, iframe, [onerror], [onmouseover]";
    assert_eq!(browser.count(theirs).await, 0, "{page}");
    let text = browser.driver.execute("return document.documentElement.textContent", Vec::new()).await.unwrap();
    let text = text.json().as_str().unwrap().to_owned();
    assert!(text.contains(MARKUP) && !text.contains('\u{202e}'), "{page} shows it as it is: {text}");
    assert_eq!(browser.violations().await, [""; 0], "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_neither_frame_the_pages_nor_send_their_forms() {
    // The same machine, another origin: its page sends a form, and shows ours in a frame.
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let evil = format!(
        "<!doctype html><iframe src='http://{0}/security/sessions'></iframe>\
         <form method=post action='http://{0}/security/sessions/sign-out-all'><button>go</button></form>",
        house.public
    );
    let evil = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{evil}", evil.len());
    let evil = App::answering(Box::leak(evil.into_bytes().into_boxed_slice())).await;
    let browser = Browser::open(&house).await;
    browser.goto("/security").await;
    browser.sign_in("alice").await;
    browser.arrives("/security").await;
    browser.driver.goto(format!("http://localhost:{}/", evil.address.port())).await.unwrap();
    browser.find("iframe").await;
    let refused = async || browser.violations().await.into_iter().find(|line| line.contains("frame-ancestors"));
    crate::harness::until("the frame to be refused", refused).await;
    browser.click("button").await;
    browser.arrives("/security/sessions/sign-out-all").await;
    browser.find("main").await;
    browser.goto("/security/sessions").await;
    browser.reads("This device").await;
}
