//! WCAG 2.2 AA as far as a program can see it: axe-core on every page, light and dark, wide and narrow.

use serde_json::Value;

use crate::{
    browser::Browser,
    harness::{App, Installation},
};

/// Where `tests/run` puts axe-core.
fn axe() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe-core/axe.min.js");
    std::fs::read_to_string(file).unwrap_or_else(|why| panic!("{file}: {why}; ./tests/run --prepare fetches axe-core"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_breaks_wcag() {
    let axe = axe();
    let broken = std::sync::Mutex::new(Vec::new());
    each_page(async |browser: &Browser, page: &str| {
        for (scheme, pixels) in [("light", 1280), ("dark", 1280), ("light", 320), ("dark", 320)] {
            browser.scheme(scheme).await;
            browser.width(pixels).await;
            browser.driver.execute(axe.as_str(), Vec::new()).await.unwrap();
            let run = "const done = arguments[arguments.length - 1]; \
                       const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']; \
                       axe.run(document, { runOnly: tags }).then(found => done({ \
                       rules: found.passes.length, broken: found.violations.map(one => [one.id, one.nodes.map(node => node.html + ': ' + node.failureSummary)]) \
                       }), why => done({ rules: 0, broken: [String(why)] }))";
            let found = browser.driver.execute_async(run, Vec::new()).await.unwrap();
            let found: &Value = found.json();
            if found["broken"] != Value::Array(Vec::new()) {
                broken.lock().unwrap().push(format!("{page}, {scheme}, {pixels} px: {:#}", found["broken"]));
            }
            assert!(found["rules"].as_u64() > Some(8), "{page}: {found}");
        }
        assert_eq!(browser.violations().await, [""; 0], "{page}");
    })
    .await;
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Shows each page, in each of its states, and looks at it.
pub(crate) async fn each_page(look: impl AsyncFn(&Browser, &str)) {
    let app = App::ok().await;
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
         - {{ path: /admin, access: {{ roles: [admin] }}, upstream: app }}\n\
         - {{ path: /, access: signed_in, upstream: app }}\n\
         branding: {{ app_name: Meridian Expense Reports, support_url: \"https://help.example.com/\" }}\n",
        app.address
    ));
    house
        .user("alice", &["--display-name", "Alice Liddell", "--email", "alice.liddell@a-rather-long-name.example.com"]);
    let link = house.cli(&["users", "add", "bob"]).ok();
    let link =
        link.lines().find_map(|line| line.trim().strip_prefix(&format!("http://{}", house.public))).unwrap().to_owned();
    let _server = house.run().await;
    let others = [house.signed_in("alice").await, house.signed_in("alice").await];
    others[0].visit("/reports").await;
    let browser = Browser::open(&house).await;
    let show = async |page: &str| {
        browser.goto(page).await;
        browser.find("main h1, h1").await;
        look(&browser, page).await;
    };

    show("/security/sign-in").await;
    show(&link).await;
    browser.fill("#new_password", "weak").await;
    browser.fill("#new_password_again", "weak").await;
    browser.submit("main form button[type=submit], form button.primary").await;
    browser.find("[aria-invalid=true]").await;
    look(&browser, "/security/set-password with faults").await;
    show("/security/set-password?token=nothing").await;
    show("/security/signed-out").await;
    browser.goto("/security").await;
    browser.fill("#username", "alice").await;
    browser.fill("#password", "wrong").await;
    browser.submit("form button.primary").await;
    browser.find("[role=alert]").await;
    look(&browser, "/security/sign-in after a wrong password").await;
    browser.fill("#password", crate::harness::PASSWORD).await;
    browser.submit("form button.primary").await;
    browser.arrives("/security").await;
    let session = format!("/security/sessions/{}", others[0].session().await);
    for page in [
        "/security",
        "/security/sessions",
        &session,
        &format!("{session}/sign-out"),
        "/security/sessions/sign-out-others",
        "/security/sessions/sign-out-all",
        "/security/sign-out",
        "/security/history",
        "/security/history?outcome=failed",
        "/security/password",
        "/security/no-such-page",
        "/admin",
    ] {
        show(page).await;
    }
    browser.goto("/security/sessions").await;
    browser.click("a.end").await;
    browser.find("dialog[open]").await;
    look(&browser, "the dialog on /security/sessions").await;
    browser.submit("dialog button.danger").await;
    browser.reads("Signed out 1 session").await;
    look(&browser, "/security/sessions with a result").await;
    browser.goto("/security/sessions").await;
    browser.click("details.user summary").await;
    look(&browser, "the menu on /security/sessions").await;
    browser.goto("/security/password").await;
    for field in ["#current_password", "#new_password", "#new_password_again"] {
        browser.fill(field, "weak").await;
    }
    browser.submit("main form button.primary").await;
    browser.find("[aria-invalid=true]").await;
    look(&browser, "/security/password with faults").await;
    others[1].call(reqwest::Method::POST, "/sessions/revoke-others", &serde_json::json!({})).await;
    show("/security/history").await;
}
